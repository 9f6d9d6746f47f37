"""Ship what is due of one class of logs. Rotation may come in between at any moment: then it is looked again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Item, Role
from dr.components.logs.content import Digests, Moved, NotReadable, opened
from dr.components.logs.day_tar import day_digest, pack
from dr.components.logs.held import Held
from dr.components.logs.scan import LogFile, scan
from dr.components.protocol import Sink
from dr.configuration.components.logs import LogsSettings
from dr.configuration.model import System
from dr.errors import SourceBusy
from dr.policy import log_days
from dr.policy.log_days import OPEN, Entry, key_of, stem_of
from dr.policy.retention_periods import AUDIT_LOGS

INDEX = "index.json"
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Listed:
    """One file as the encrypted index names it. ``folder`` is its day, with ``.open`` when that is not over."""

    folder: str
    name: str
    bytes: int
    sha256: str


def ship(system: System, keep_as: str, patterns: Sequence[Path], sink: Sink) -> ComponentContents:
    """Every closed file that a store lacks, by day, and what is still written as it is so far.

    Raises ``SourceBusy`` when files are rotated faster than any day can be read, StoreError when no store tells what
    it holds.
    """
    digests = Digests(system.state_directory / "logs" / f"{system.name}-{keep_as}.json")
    shipment = _Shipment(system.components.logs, patterns, sink, digests, Held(system, keep_as, sink.stores))
    moved = 0
    while moved < _ROUNDS:
        try:
            shipment.look()
        except NotReadable as error:  # each is left out once: this is no rotation, and it comes to an end
            shipment.leave_out(error)
        except Moved:
            moved += 1
        else:
            break
    else:
        told = f"the {keep_as.replace('-', ' ')} are rotated again and again while they are read"
        if not shipment.days:
            raise SourceBusy(
                told, hint="Try again when the rotation is over; have it run at another hour than this backup."
            )
        shipment.problems[f"{told}: some go along next time"] = None
    digests.save()
    return shipment.contents(strict=keep_as == AUDIT_LOGS)


@dataclass(slots=True)
class _Shipment:
    """What lies in the sink so far, and what there is to say of it. Dictionaries stand for sets that keep an order."""

    settings: LogsSettings
    patterns: Sequence[Path]
    sink: Sink
    digests: Digests
    held: Held
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    days: dict[date, Item] = field(default_factory=dict)
    so_far: Item | None = None
    listed: list[Listed] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)
    changes: dict[str, None] = field(default_factory=dict)
    unreadable: dict[Path, NotReadable] = field(default_factory=dict)

    def look(self) -> None:
        """Write whatever is due and not written yet. Raises ``Moved`` or ``NotReadable``: then look again."""
        found = scan(self.patterns, self.settings, self.begun)
        self.problems |= dict.fromkeys(found.problems)
        files = self._openable(found.files)
        closed = self._by_entry(file for file in files if file.filed.closed)
        missing = self.held.missing(closed, self.begun.date())
        self._note_changes(missing)
        # What turns up for a day that was written a moment ago goes along next time.
        for day in sorted({day for day, _ in missing} - self.days.keys()):
            keys = sorted(key for at, key in missing if at == day)
            self.days[day] = self._write(day, [closed[day, key] for key in keys], " ".join(keys))
        growing = [file for file in files if not file.filed.closed]
        if self.settings.open_day and growing and self.so_far is None:
            self.so_far = self._write(self.begun.date(), growing, OPEN)

    def _openable(self, files: Iterable[LogFile]) -> list[LogFile]:
        """Asked of each before a tar is begun, which would have to be written again for each that is not."""
        found = []
        for file in files:
            if file.path in self.unreadable:
                continue
            try:
                with suppress(Moved), opened(file, growing=True):
                    pass  # whether it matters that it moved is seen when it is read
            except NotReadable as error:
                self.leave_out(error)
                continue
            found.append(file)
        return found

    def _by_entry(self, files: Iterable[LogFile]) -> dict[Entry, LogFile]:
        """Closed files by day and key. Of two with the same content, the first by name."""
        found: dict[Entry, LogFile] = {}
        for file in files:
            try:
                digest, whole = self.digests.of(file)
            except NotReadable as error:
                self.leave_out(error)
                continue
            if not whole:
                self.problems[f"{file.path} is compressed and cannot be unpacked to its end: shipped as it is"] = None
            found.setdefault((file.filed.day, key_of(stem_of(str(file.path)), digest)), file)
        return found

    def _note_changes(self, missing: frozenset[Entry]) -> None:
        known = self.held.anywhere()
        shipped = {day for day, _ in known}
        for day in sorted({day for day, key in missing if (day, key) not in known} & shipped):
            self.changes[f"{day} was shipped before, and now there is a file of it with other content"] = None

    def _write(self, day: date, files: Sequence[LogFile], detail: str) -> Item:
        folder = f"{day}.{OPEN}" if detail == OPEN else str(day)
        with self.sink.object(f"{folder}.tar") as intake:
            packed = pack(intake, files, growing=detail == OPEN)
        self.listed += [Listed(folder, item.name, item.bytes, item.sha256) for item in packed]
        digest = day_digest((item.name, item.sha256) for item in packed)
        return Item(str(day), len(packed), sum(item.bytes for item in packed), digest, detail)

    def leave_out(self, error: NotReadable) -> None:
        self.unreadable[error.path] = error

    def _warnings(self) -> tuple[str, ...]:
        """Of many files that cannot be read one is named."""
        if not self.unreadable:
            return tuple(self.problems)
        more = len(self.unreadable) - 1
        others = f"; nor can {more} more" if more else ""
        first = next(iter(self.unreadable.values()))
        return (*self.problems, f"{len(self.unreadable)} files are not in this backup: {first}{others}")

    def contents(self, *, strict: bool) -> ComponentContents:
        """``strict``: a day that is not what was shipped before is a warning; else it is a note."""
        with self.sink.object(INDEX, role=Role.INDEX) as intake:
            # With escapes: a name of a file need not be text.
            intake.write(json.dumps([asdict(item) for item in self.listed], indent=1).encode())
        days = tuple(self.days[day] for day in sorted(self.days))
        items = days if self.so_far is None else (*days, self.so_far)
        before = self.held.newest
        previous = before.component.facts.get("chain", "") if before is not None and before.component else ""
        return ComponentContents(
            taken=self.begun,
            items=items,
            warnings=tuple(map(_shown, (*self._warnings(), *(self.changes if strict else ())))),
            notes=(*self.held.notes, *(() if strict else self.changes)),
            facts={
                "previous": before.label if before is not None else "",
                "previous chain": previous,
                "chain": log_days.chain(previous, items),
            },
        )


def _shown(text: str) -> str:
    """For a manifest, which is UTF-8: the name of a file need not be text."""
    return text.encode("utf-8", "backslashreplace").decode()

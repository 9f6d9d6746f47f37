"""What a procedure has done so far, on disk before anybody relies on it: after a crash a second run goes on from there.

One directory per run of a procedure holds ``journal.jsonl``: a line of JSON per event, synced before the next step
begins, and whatever files the steps keep beside it. A torn last line is what a crash leaves, and is cut off. Only one
process at a time holds a journal.

A step that ended is not done again: its result is read back. A step that began and did not end is done again, so each
step has to bear that (it looks what is there, or removes what it had begun).
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from dr.configuration.masking import mask_url
from dr.errors import ConfigurationError, DrError, TargetRefused
from dr.evidence.journal_events import Event, decoded, decoded_result, encoded, encoded_result
from dr.evidence.journal_files import cannot_write, one_opens, open_held, refuse_held, sync

T = TypeVar("T")
FILE = "journal.jsonl"
TOO_OLD = timedelta(hours=24)
"""Since the last work on it. Whoever comes back later than this has lived with something else meanwhile."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Of which procedure and system a journal is, and what was asked for: another wish is another journal."""

    procedure: str
    system: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Journal:
    """One run's journal, held by this process. Safe from any thread. Use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._begun: dict[str, float] = {}
        self._descriptor = open_held(directory / FILE)
        try:
            self._events = _read(self._descriptor, directory)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._descriptor)

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(self._events)

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def begun_at(self) -> datetime:
        return self._events[0].at

    @property
    def closed(self) -> bool:
        return self._events[-1].what == "close"

    @property
    def resumed(self) -> bool:
        """Whether an earlier process has done something of it."""
        return sum(event.what == "open" for event in self._events) > 1

    def is_done(self, step: str) -> bool:
        return any(event.what == "end" and event.step == step for event in self._events)

    def was_begun(self, step: str) -> bool:
        return any(event.what == "begin" and event.step == step for event in self._events)

    def ended_at(self, step: str) -> datetime | None:
        """When a step ended, the last time; None where it has not."""
        return next((event.at for event in reversed(self._events) if (event.what, event.step) == ("end", step)), None)

    def result(self, step: str, kind: Any) -> Any:
        """What a step that ended gave, the last time."""
        found = next(event for event in reversed(self._events) if event.what == "end" and event.step == step)
        return decoded_result(found, kind)

    def begin(self, step: str) -> None:
        self._begun[step] = time.monotonic()
        self._write(Event(_now(), "begin", step))

    def end(self, step: str, result: object) -> None:
        """``result`` must be of plain values and dataclasses. No secret may be in it."""
        self._write(Event(_now(), "end", step, self._seconds(step), result=encoded_result(result)))

    def fail(self, step: str, error: BaseException) -> None:
        text = mask_url(f"{type(error).__name__}: {error}")
        self._write(Event(_now(), "fail", step, self._seconds(step), text))

    def note(self, text: str, step: str = "") -> None:
        """What a person should be able to read afterwards: a decision, an approval, a deviation."""
        self._write(Event(_now(), "note", step, text=mask_url(text)))

    def close(self, text: str = "") -> None:
        """The procedure is over; nobody resumes it."""
        self._write(Event(_now(), "close", text=mask_url(text)))

    def do(self, step: str, action: Callable[[], T], kind: Any, *, anew: bool = False) -> T:
        """The step's result: read back, as a ``kind``, where it ended before, otherwise by doing it now.

        ``anew``: by doing it now in any case.
        """
        if not anew and self.is_done(step):
            return cast("T", self.result(step, kind))
        self.begin(step)
        try:
            result = action()
        except BaseException as error:
            self._fail_too(step, error)
            raise
        self.end(step, result)
        return result

    def _fail_too(self, step: str, error: BaseException) -> None:
        """What went wrong counts, also where the disk that is full is the journal's as well."""
        try:
            self.fail(step, error)
        except DrError as unwritten:
            error.add_note(f"and {unwritten.message}")

    def _open_as(self, opening: Opening, run: str) -> None:
        given = dict(opening.parameters)
        self._write(
            Event(_now(), "open", procedure=opening.procedure, system=opening.system, run=run, parameters=given)
        )

    def _seconds(self, step: str) -> float | None:
        begun = self._begun.get(step)
        return None if begun is None else round(time.monotonic() - begun, 6)

    def _write(self, event: Event) -> None:
        line = encoded(event)
        with self._lock:
            before = os.fstat(self._descriptor).st_size
            try:
                if os.write(self._descriptor, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # a disk that is full takes a part
                os.fsync(self._descriptor)
            except OSError as error:
                os.ftruncate(self._descriptor, before)  # half a line would spoil the next one
                raise cannot_write(self.directory, error) from error
            self._events.append(event)


def open_journal(
    parent: Path, opening: Opening, *, run: str, anew: bool = False, at_most: timedelta = TOO_OLD
) -> Journal:
    """Go on with the newest unfinished journal that was opened the same way, or begin one below ``parent``.

    ``anew`` closes all unfinished ones and begins another. Raises ``TargetRefused`` rather than go on with one that
    nobody has worked on for ``at_most``: the world has moved on since, and what it has done is of yesterday. Raises
    ``LeaseHeld`` while another process is at work on any journal of the procedure: two would be in each other's way.
    """
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(parent, error) from error
    with one_opens(parent, opening.procedure):
        for directory in parent.glob(f"{opening.procedure}_*"):
            refuse_held(directory, FILE)
        going_on = None if anew else next(iter(_unfinished(parent, opening)), None)
        if going_on is not None:
            require_recent(going_on, at_most)
        if anew:
            supersede(parent, opening.procedure, opening.system, f"begun anew by run {run}")
        journal = Journal(going_on or _fresh(parent, opening.procedure))
    journal._open_as(opening, run)
    return journal


def supersede(parent: Path, procedure: str, system: str, why: str, *, but: str = "") -> tuple[str, ...]:
    """Close every unfinished journal of a procedure, since something has overtaken it; their names. ``but`` is left.

    Gone on with later, it would put into service what was right then. Raises ``LeaseHeld`` when one is at work.
    """
    closed = []
    for directory in sorted(parent.glob(f"{procedure}_*"), reverse=True):
        if directory.name == but:
            continue
        try:
            events = read_journal(directory)
        except DrError:
            continue  # damaged, or a newer program's: nobody goes on with that either
        if events and events[-1].what != "close" and events[0].system == system:
            with Journal(directory) as journal:
                journal.close(f"superseded: {why}")
            closed.append(directory.name)
    return tuple(closed)


def require_recent(directory: Path, at_most: timedelta = TOO_OLD) -> None:
    """Raises ``TargetRefused`` for an unfinished journal that nobody has worked on for ``at_most``."""
    last = last_work(read_journal(directory))
    if _now() - last > at_most:
        raise TargetRefused(
            f"{directory.name} was cut off, and nobody has worked on it since {last:%Y-%m-%d %H:%M:%S} UTC",
            detail="what it has done is as old as that; nothing was touched",
            hint="--anew closes it and begins again, from what there is now.",
        )


def last_work(events: Sequence[Event]) -> datetime:
    """When somebody last did something of it: a step began, ended or failed. To open it again and do nothing is none.

    Not when it was begun: a restore may take longer than a day, and is of today as long as somebody is at it.
    """
    return next((event.at for event in reversed(events) if event.what != "open"), events[0].at)


def unfinished(parent: Path, procedure: str, system: str) -> tuple[tuple[Path, Event], ...]:
    """Journals that nobody closed, the newest first, each with how it was opened."""
    found = []
    for directory in sorted(parent.glob(f"{procedure}_*"), reverse=True):
        events = read_journal(directory)
        if events and events[-1].what != "close" and events[0].system == system:
            found.append((directory, events[0]))
    return tuple(found)


def read_journal(directory: Path) -> tuple[Event, ...]:
    """All whole events of a journal, also while somebody writes it; empty where there is none."""
    try:
        return tuple(decoded((directory / FILE).read_bytes(), str(directory / FILE))[0])
    except FileNotFoundError:
        return ()


def _unfinished(parent: Path, opening: Opening) -> list[Path]:
    wanted = dict(opening.parameters)
    return [
        directory
        for directory, first in unfinished(parent, opening.procedure, opening.system)
        if first.parameters == wanted
    ]


def _fresh(parent: Path, procedure: str) -> Path:
    if not re.fullmatch(r"[a-z0-9-]+", procedure):
        raise ValueError(f"{procedure!r} is no name of a procedure")
    stem = f"{procedure}_{_now():%Y%m%d_%H%M%S}"
    for number in range(1, 1000):
        directory = parent / (stem if number == 1 else f"{stem}_{number}")
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            continue
        sync(parent)
        return directory
    raise ConfigurationError(f"{parent} is full of journals of this second", hint="Try again in a second.")


def _read(descriptor: int, directory: Path) -> list[Event]:
    size = os.fstat(descriptor).st_size
    events, whole = decoded(os.pread(descriptor, size, 0), str(directory / FILE))
    if whole < size:
        os.ftruncate(descriptor, whole)  # a torn line would swallow the next one
    return events


def _now() -> datetime:
    return datetime.now(UTC)

"""An incident: when it was opened, all that was done, decided and measured, and who was told. Frozen values.

An incident is a list of entries that only grows. What an entry does not say was not measured, and nobody fills it in.
Times are UTC; durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from dr.catalog.canary import Beat
from dr.errors import BackupInvalid, ConfigurationError
from dr.policy.objectives import Objective, Verdict

FORMAT = 1


class Entry(msgspec.Struct, frozen=True, tag_field="what", omit_defaults=True):
    """What every entry says: when, and who wrote it or had it done."""

    at: datetime
    by: str


class Opened(Entry, frozen=True, tag="opened"):
    """The first entry. ``disaster_at`` is when it happened, where somebody knows it.

    ``last`` and ``received_lsn`` are what this host knew of the product at that moment: the last canary row that was
    committed, and how far the write-ahead log had come in.
    """

    system: str
    id: str
    severity: str
    scenario: str
    text: str
    host: str
    disaster_at: datetime | None = None
    drill: bool = False
    last: Beat | None = None
    received_lsn: str = ""
    format: int = FORMAT


class Note(Entry, frozen=True, tag="note"):
    """What somebody saw, or a procedure found out. ``disaster_at``: when it happened, where that is what it says."""

    text: str
    disaster_at: datetime | None = None


class Decision(Entry, frozen=True, tag="decision"):
    """What somebody chose to do that no procedure prescribes."""

    text: str


class Told(Entry, frozen=True, tag="told"):
    """Somebody was paged or told: ``whom``, by which way (``phone``, ``#incident-response``, ...)."""

    whom: str
    how: str
    text: str = ""


class Agreed(Entry, frozen=True, tag="approval"):
    """``by`` agreed to a destructive step."""

    text: str
    how: str
    reason: str = ""


class Graded(Entry, frozen=True, tag="severity"):
    """The severity from now on."""

    severity: str
    reason: str


class RunBegan(Entry, frozen=True, tag="run"):
    """A procedure began. One without a ``RunEnded`` was killed, or is at work."""

    run: str
    flow: str
    scenario: str
    text: str


class StepTaken(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt at one step. ``end`` None: it was cut off."""

    name: str
    attempt: int
    begin: datetime
    end: datetime | None
    outcome: str
    error: str = ""


class RunEnded(Entry, frozen=True, tag="run-end"):
    """How a procedure ended, and each of its steps."""

    run: str
    flow: str
    outcome: str
    seconds: float
    error: str = ""
    steps: tuple[StepTaken, ...] = ()


class PhaseTime(msgspec.Struct, frozen=True):
    """A phase and its time at work; phases that stream overlap."""

    name: str
    seconds: float


class Lost(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was lost. ``last`` was the last canary row committed, ``restored`` the last that came back.

    ``reached`` says where replay ended. ``measured`` False: ``seconds`` is None or an upper bound.
    """

    seconds: float | None
    measured: bool
    explanation: str
    last: Beat | None = None
    restored: Beat | None = None
    reached: str = ""


class Measured(Entry, frozen=True, tag="measured"):
    """What a recovery took and lost, and what was wanted.

    ``rpo_seconds`` None: it was not measured, and ``rpo_at_most`` is the most that it can be, where that is known.
    """

    scenario: str
    recovered: str
    rto_seconds: float
    rto_target: float
    rpo_seconds: float | None
    rpo_target: float
    phases: tuple[PhaseTime, ...]
    lost: Lost | None = None
    run: str = ""
    rpo_at_most: float | None = None

    @property
    def verdict(self) -> Verdict:
        """The same as every recovery is judged by."""
        wanted = Objective(self.rto_target, self.rpo_target)
        return Verdict(wanted, self.rto_seconds, self.rpo_seconds, self.rpo_at_most)


class Closed(Entry, frozen=True, tag="closed"):
    """The last entry: what it came to."""

    text: str


AnyEntry = Opened | Note | Decision | Told | Agreed | Graded | RunBegan | RunEnded | Measured | Closed
EntryKind = TypeVar("EntryKind", bound=Entry)
_decoder = msgspec.json.Decoder(AnyEntry)


@dataclass(frozen=True, slots=True)
class Incident:
    """All entries so far, the opening first."""

    entries: tuple[AnyEntry, ...]

    @property
    def opened(self) -> Opened:
        first = self.entries[0]
        if not isinstance(first, Opened):
            raise BackupInvalid("an incident does not begin with its opening", hint="Look into its events.jsonl.")
        return first

    @property
    def id(self) -> str:
        return self.opened.id

    @property
    def closed(self) -> Closed | None:
        return next((entry for entry in self.entries if isinstance(entry, Closed)), None)

    @property
    def severity(self) -> str:
        grades = self.of(Graded)
        return grades[-1].severity if grades else self.opened.severity

    @property
    def disaster_at(self) -> datetime | None:
        """When it happened: as it was opened with, else as it was noted first."""
        said = (self.opened.disaster_at, *(note.disaster_at for note in self.of(Note)))
        return next((at for at in said if at is not None), None)

    def of(self, kind: type[EntryKind]) -> tuple[EntryKind, ...]:
        """The entries of one kind, in the order in which they were written."""
        return tuple(entry for entry in self.entries if isinstance(entry, kind))


def encoded(entry: AnyEntry) -> bytes:
    """One line."""
    return msgspec.json.encode(entry) + b"\n"


def decoded(data: bytes, source: str) -> tuple[AnyEntry, ...]:
    """All whole lines. A torn last one is what a crash leaves. Raises ``BackupInvalid`` for any other damage."""
    entries = []
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            entry = _decoder.decode(line) if line.endswith(b"\n") else None
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BackupInvalid(
                f"line {number} of {source} cannot be read",
                detail=str(error),
                hint="It is damaged, or a newer program wrote it. Nothing else of the incident is lost.",
            ) from error
        if entry is None:
            break
        if isinstance(entry, Opened) and entry.format > FORMAT:
            raise ConfigurationError(f"{source} was written by a newer program", hint="Use that one.")
        entries.append(entry)
    return tuple(entries)

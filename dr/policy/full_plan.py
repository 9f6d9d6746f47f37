"""What a full recovery will do, said before it is done: every part, from where, to where, in which order. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from dr.catalog.labels import Kind
from dr.policy.recovery_target import RecoveryTarget

AT_ONCE = 4
_WARNING = "warning "
_PRACTICE = "EXERCISE  nothing outside of this host is changed, and nothing of what is made may go into service"


class Then(StrEnum):
    """What becomes of a part after it has been restored into a directory of ours."""

    DATABASE = "is PostgreSQL's data directory"
    LAID = "is laid in its place"
    PUT_BACK = "is put back"
    APPLIED = "is planned and applied"
    LAUNCHED = "is launched"
    LEFT = "is left for people"


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One backup: ``stores`` in the order in which they are tried, ``fetch_bytes`` as stored.

    ``seconds`` is a forecast, None where there is nothing to make it from. ``where`` says in words where it goes.
    """

    name: str
    title: str
    kind: Kind
    label: str
    taken: datetime
    stores: tuple[str, ...]
    fetch_bytes: int
    then: Then
    where: str
    seconds: float | None = None

    @property
    def makes_machines(self) -> bool:
        """Whether something outside of this host comes of it."""
        return self.then in (Then.APPLIED, Then.LAUNCHED)


@dataclass(frozen=True, slots=True)
class PlannedDatabase:
    """The database's part. ``until`` is where WAL replay stops; a dump has none. ``words`` are the plan's lines."""

    label: str
    taken: datetime
    directory: str
    until: RecoveryTarget | None
    choice: str
    words: tuple[str, ...]
    fetch_bytes: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FullPlan:
    """``point`` is empty where there was none: the newest of each kind, which were never tied together.

    ``missing`` says what there is no backup of, or no setting for, and what that means; ``resumes`` names the run that
    was cut off and is gone on with, ``done`` what it has done. ``exercise``: for practice; ``left_out`` says what it
    does not do. ``elsewhere`` is what is known of other servers that may be in charge, as of now.
    """

    system: str
    point: str
    taken: datetime | None
    statement: str
    database: PlannedDatabase | None
    parts: tuple[PlannedPart, ...]
    order: tuple[str, ...]
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    resumes: str = ""
    done: tuple[str, ...] = ()
    exercise: bool = False
    left_out: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def recovers(self) -> str:
        """Under which name its figures stand in an incident."""
        return f"{self.point or self.system}{' (exercise)' if self.exercise else ''}"

    @property
    def seconds(self) -> float | None:
        """A forecast of fetching and restoring: the longest of what goes on at once. None where a part is unknown."""
        known = [part.seconds for part in self.parts]
        known += [self.database.seconds] if self.database else []
        if any(seconds is None for seconds in known):
            return None
        each = [seconds for seconds in known if seconds is not None]
        return max(max(each, default=0.0), sum(each) / AT_ONCE)

    def part(self, kind: Kind) -> PlannedPart | None:
        return next((part for part in self.parts if part.kind is kind), None)

    def resumed(self, journal: str, done: tuple[str, ...]) -> FullPlan:
        """The same plan as a run goes on with it."""
        return replace(self, resumes=journal, done=done)

    def lines(self) -> tuple[str, ...]:
        """The plan as a person reads it."""
        taken = f", taken {self.taken.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.taken else ""
        return (
            f"system    {self.system}",
            *((_PRACTICE,) if self.exercise else ()),
            *(f"not done  {line}" for line in self.left_out),
            *(f"in charge {line}" for line in self.elsewhere),
            f"point     {self.point or 'none: the newest backup of each kind'}{taken}",
            *((f"          {self.statement}",) if self.statement else ()),
            *((f"resumes   {self.resumes}; done: {', '.join(self.done) or 'nothing yet'}",) if self.resumes else ()),
            *self._database_lines(),
            *(line for part in self.parts for line in _part_lines(part)),
            f"takes     {self._takes()}",
            *(f"step {number:<4} {step}" for number, step in enumerate(self.order, 1)),
            *(f"missing   {line}" for line in self.missing),
            *(f"warning   {line}" for line in dict.fromkeys(self.warnings) if line not in self._warned_of_database),
        )

    @property
    def _warned_of_database(self) -> frozenset[str]:
        """What stands among the database's own lines already."""
        words = self.database.words if self.database is not None else ()
        return frozenset(line.removeprefix(_WARNING).strip() for line in words if line.startswith(_WARNING))

    def _database_lines(self) -> tuple[str, ...]:
        if self.database is None:
            return ()
        return (
            f"database  {self.database.label} -> {self.database.directory}",
            f"          {self.database.choice}",
            *(f"          {line}" for line in self.database.words),
        )

    def _takes(self) -> str:
        size = sum(part.fetch_bytes for part in self.parts) + (self.database.fetch_bytes if self.database else 0)
        forecast = "unknown: nothing was restored or read back here yet" if self.seconds is None else ""
        forecast = forecast or f"about {max(self.seconds or 0, 6) / 60:.1f} minutes to restore (a forecast)"
        return f"{size / 1e6:.1f} MB to fetch; {forecast}"


def _part_lines(part: PlannedPart) -> tuple[str, ...]:
    size = f"{part.fetch_bytes / 1e6:.1f} MB from {', then '.join(part.stores) or 'NO STORE'}"
    forecast = "" if part.seconds is None else f", about {part.seconds:.0f} s"
    return (
        f"part      {part.title}: {part.label} ({size}{forecast})",
        f"          {part.then}: {part.where}",
    )

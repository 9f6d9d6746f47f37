"""What a recovery will do, said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """Up to where a cluster is recovered, as a person reads it; sizes in bytes.

    ``until`` is the target in words, with its UTC and its local time where it has one; ``chain`` the backups, oldest
    first; ``wal_bytes`` what is fetched of each store, which ``tiers`` says the kind of; ``seconds`` a forecast, None
    when there is nothing to make it from.
    """

    until: str
    chain: tuple[str, ...]
    timeline: int
    segments: int
    first: str
    last: str
    wal_bytes: Mapping[str, int]
    tiers: Mapping[str, str]
    seconds: float | None
    estimate: str
    lost: str

    def lines(self) -> tuple[str, ...]:
        """The plan's lines about the point."""
        places = (f"{size / 1e6:.1f} MB from {name} ({self.tiers[name]})" for name, size in self.wal_bytes.items())
        wal = f"{self.segments} segments, {self.first} to {self.last}: {', '.join(places)}"
        return (
            f"until     {self.until}",
            *((f"chain     {' <- '.join(self.chain)}",) if len(self.chain) > 1 else ()),
            f"WAL       {wal if self.segments else 'none but what the backup carries'}; timeline {self.timeline}",
            f"takes     {self.estimate}",
            f"loses     {self.lost}",
        )


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """Which backup, from which stores in which order, to where; sizes in bytes.

    ``target`` is a directory for a base backup, otherwise host and database. ``production`` says that the target is the
    very cluster that the backup came from.
    """

    label: str
    kind: Kind
    taken: str
    proven: str
    stores: tuple[str, ...]
    fetch_bytes: int
    target: str
    production: bool
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    point: PlannedPoint | None = None

    def with_warnings(self, more: tuple[str, ...]) -> RecoveryPlan:
        """The same plan with what else speaks against it."""
        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *more))))

    def lines(self) -> tuple[str, ...]:
        """The plan as a person reads it."""
        return (
            f"backup    {self.label} ({self.kind}), taken {self.taken}, proven: {self.proven}",
            f"from      {', then '.join(self.stores)} ({self.fetch_bytes / 1e6:.1f} MB to fetch)",
            *(self.point.lines() if self.point else ()),
            f"to        {self.target}" + ("  ** the production cluster **" if self.production else ""),
            *(f"step {number}    {step}" for number, step in enumerate(self.steps, 1)),
            *(f"warning   {warning}" for warning in self.warnings),
        )


_PHYSICAL_STEPS = (
    "fetch, decrypt, decompress and unpack the archives in one stream",
    "compare every file with PostgreSQL's own manifest",
    "start the copy on a private socket and replay its WAL to the end",
    "ask it questions: identity, tables, rows, canary",
    "stop it; it stays in the directory, ready to be started",
)
_LOGICAL_STEPS = (
    "restore roles, tablespaces and the database's settings",
    "fetch, decrypt, decompress and load the dump in one stream, stopping at the first error",
    "compare tables and row counts with the manifest",
)


def plan_recovery(manifest: Manifest, stores: tuple[str, ...], target: str, *, production: bool) -> RecoveryPlan:
    """Order the stores as given (nearest first) and say what is known against it."""
    level = manifest.proven_level()
    warnings = []
    if level is None:
        warnings.append("this backup has never been read back")
    missing = [name for name in manifest.stores if name not in stores]
    if missing:
        warnings.append(f"its manifest also names {', '.join(missing)}, which is not configured or does not have it")
    if manifest.kind is Kind.DUMP:
        warnings.append("a dump holds one database as it was when the dump began; later commits are lost")
    else:
        warnings.append("without archived WAL, commits after the end of this backup are lost")
    return RecoveryPlan(
        label=manifest.label,
        kind=manifest.kind,
        taken=f"{manifest.end:%Y-%m-%d %H:%M:%S} UTC",
        proven=level.name.lower() if level else "not at all",
        stores=stores,
        fetch_bytes=manifest.stored_bytes,
        target=target,
        production=production,
        steps=_PHYSICAL_STEPS if manifest.kind is Kind.BASE else _LOGICAL_STEPS,
        warnings=tuple(warnings),
    )

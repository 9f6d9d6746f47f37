"""What a recovery to a point means, in words and figures, before it begins. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from dr.policy.recovery_estimate import Rates, estimate
from dr.policy.recovery_plan import PlannedPoint, RecoveryPlan
from dr.policy.recovery_point import RecoveryPoint
from dr.policy.recovery_target import TargetKind

_FULL_REPLAY = "without archived WAL"


def with_point(
    plan: RecoveryPlan,
    point: RecoveryPoint,
    tiers: Mapping[str, str],
    rates: Rates,
    now: datetime,
    local: Callable[[datetime], datetime],
) -> RecoveryPlan:
    """The plan with the point that it leads to. ``local`` turns a time into that of the people who read it."""
    base_bytes = sum(base.manifest.stored_bytes for base in point.chain)
    forecast = estimate(rates, point.base.manifest, base_bytes, len(point.pieces))
    wal_bytes = Counter[str]()
    for piece in point.pieces:
        wal_bytes[piece.copies[0].store] += piece.copies[0].stored_bytes
    planned = PlannedPoint(
        until=_until(point, local),
        chain=tuple(base.label for base in point.chain),
        timeline=point.timeline,
        segments=len(point.pieces),
        first=point.pieces[0].name if point.pieces else "",
        last=point.pieces[-1].name if point.pieces else "",
        wal_bytes=dict(wal_bytes),
        tiers={name: tiers.get(name, "unknown") for name in wal_bytes},
        seconds=forecast.seconds,
        estimate=str(forecast),
        lost=_lost(point, now),
    )
    unproven = [base.label for base in point.chain[:-1] if base.manifest.proven_level() is None]
    warnings = [line for line in plan.warnings if not (point.pieces and line.startswith(_FULL_REPLAY))]
    warnings += [f"{label}, on which it builds, has never been read back" for label in unproven]
    size = base_bytes + point.fetch_bytes
    return replace(plan, point=planned, fetch_bytes=size, steps=_steps(plan, point), warnings=tuple(warnings))


def _steps(plan: RecoveryPlan, point: RecoveryPoint) -> tuple[str, ...]:
    """The steps of a base backup, with what a chain and a point add to them."""
    steps = [step.replace("to the end", f"to {point.target}") for step in plan.steps]
    if len(point.chain) > 1:
        steps.insert(1, f"combine the {len(point.chain)} backups of the chain (pg_combinebackup)")
    return tuple(steps)


def _until(point: RecoveryPoint, local: Callable[[datetime], datetime]) -> str:
    words = str(point.target)
    when = point.target.time
    if point.located is not None:
        words += f", at LSN {point.located.lsn}"
        when = point.located.time
        if when is not None:
            words += f", {_utc(when)}"
    elif point.target.kind is TargetKind.LATEST and point.newest is not None:
        when = point.newest
        words += f", in which all is that was committed by {_utc(when)}"
    elif point.target.kind is TargetKind.IMMEDIATE:
        when = point.base.ended
        words += f", {_utc(when)}"
    return words + (f" = {local(when):%Y-%m-%d %H:%M:%S %Z} here" if when is not None else "")


def _lost(point: RecoveryPoint, now: datetime) -> str:
    target = point.target
    if target.kind is TargetKind.TIME and target.time is not None:
        side = "after" if target.inclusive else "at or after"
        return f"what was committed {side} {_utc(target.time)}, which was {_ago(target.time, now)}"
    if target.kind is TargetKind.LATEST:
        if not point.pieces:
            return f"what was committed after the backup ended, {_utc(point.base.ended)}, {_ago(point.base.ended, now)}"
        if point.newest is None:
            return f"what is not in the stored WAL, which ends at {point.end}; how late that was nobody noted"
        return f"what was committed after {_utc(point.newest)}, {_ago(point.newest, now)}, and is not in the stored WAL"
    if target.kind is TargetKind.IMMEDIATE:
        return f"what was committed after {_utc(point.base.ended)}, which was {_ago(point.base.ended, now)}"
    return f"what was committed after {target}"


def _utc(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def _ago(value: datetime, now: datetime) -> str:
    seconds = (now - value).total_seconds()
    if seconds < 0:
        return "by the server's clock, which is ahead of this one"
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.1f} h ago" if seconds < 172800 else f"{seconds / 86400:.1f} days ago"

"""Lead requests to another side, see that they are led there, and lead them back: what a failover ends with.

Plan, show, apply. The plan is made once and kept by whoever runs the procedure: it says what there was before, and a
second run after a crash goes on from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from dr.configuration.model import System
from dr.errors import ConfigurationError, DrError, InfrastructureError
from dr.operations.infrastructure.kept_outputs import kept_outputs
from dr.operations.kept_traffic import keep_before, keep_finished, keep_settled, kept_traffic
from dr.policy.traffic_side import Side
from dr.policy.traffic_values import Outputs
from dr.traffic.failures import ChangedSince
from dr.traffic.protocol import Change, Now, Seen, Switch, Switched
from dr.traffic.registry import switches

__all__ = [
    "Change",
    "Now",
    "Seen",
    "Side",
    "Switched",
    "digest_of",
    "lead_traffic",
    "look_at_traffic",
    "plan_of_going_back",
    "plan_of_settling",
    "plan_of_undo",
    "settle_traffic",
    "switch_traffic",
    "traffic_plan",
    "undo_traffic",
]


def look_at_traffic(system: System) -> tuple[Seen, ...]:
    """Where requests are led now. Raises ``InfrastructureError`` when a provider does not say."""
    return tuple(seen for switch in switches(system) for seen in switch.look())


def traffic_plan(system: System, side: Side, outputs: Outputs | None = None) -> tuple[Change, ...]:
    """What leads requests to ``side``, in order; empty for a system that has nothing to switch. Nothing is changed.

    ``outputs`` are those of the applied infrastructure, for values written as ``terraform:NAME``; by default those
    that the last ``apply_infrastructure`` on this host has kept.
    """
    found = switches(system)
    known = outputs if outputs is not None else kept_outputs(system)
    return tuple(change for switch in found for change in switch.plan(side, known))


def switch_traffic(system: System, changes: Sequence[Change]) -> tuple[Switched, ...]:
    """Make the changes, switch by switch, in their order; each is in force and was read back when this returns.

    Called again with the same changes it does what is left. Raises ``InfrastructureError``, whose detail says which
    are in force and which are not: within one provider's zone all or none are.
    """
    known = {switch.name: switch for switch in switches(system)}
    done: list[Switched] = []
    left = _in_pieces(known, changes)
    keep_before(system, changes)
    while left:
        switch, piece = left[0]
        try:
            done += switch.apply(piece)
        except DrError as error:
            raise _with_account(error, done, [change for _, rest in left for change in rest]) from error
        del left[0]
    keep_finished(system, changes)
    return _with_purges(done)


def lead_traffic(
    system: System, side: Side, changes: Sequence[Change], outputs: Outputs | None = None, *, again: bool
) -> tuple[Switched, ...]:
    """Make the changes that a procedure has in its journal.

    ``again``: an earlier run has tried to, and a person has begun this one. Then what was changed by somebody since is
    no reason to stop: it is planned anew, from what is there.
    """
    try:
        return switch_traffic(system, changes)
    except ChangedSince:
        if not again:
            raise
    first = {(change.switch, change.name): change for change in changes}
    anew = []
    for change in traffic_plan(system, side, outputs):
        known = first.get((change.switch, change.name))
        # What has become as wanted meanwhile was led elsewhere before: that some still go there has to be counted.
        kept = change.needed or known is None or not known.needed
        anew.append(change if kept or known is None else replace(change, before=known.before))
    return switch_traffic(system, anew)


def digest_of(changes: Sequence[Change]) -> str:
    """Of what a person agrees to: the same for plans that do the same to the same."""
    said = [
        (one.switch, one.name, one.side, *((one.before.value, one.after.value) if one.lasting else (one.after.words,)))
        for one in changes
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def undo_traffic(system: System, switched: Sequence[Switched]) -> tuple[Switched, ...]:
    """Put everything back as it was before, the old time to live included; the last switch first."""
    return switch_traffic(system, [one.change.back() for one in reversed(switched) if one.change.needed])


def plan_of_undo(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes that lead back, to be shown before ``switch_traffic`` makes them."""
    return tuple(change.back() for change in reversed(changes) if change.needed)


def plan_of_going_back(system: System) -> tuple[Change, ...]:
    """What undoes the last switch that was made from this host."""
    return plan_of_undo(kept_traffic(system).last)


def plan_of_settling(system: System) -> tuple[Change, ...]:
    """What gives every name, wherever it leads now, the time to live that it had in normal times."""
    known = {switch.name: switch for switch in switches(system)}
    usual = [change for change in kept_traffic(system).usual if _opened(known, change.switch).lasting]
    now = {(name, seen.name): seen.now for name in {change.switch for change in usual} for seen in known[name].look()}
    planned = [
        known[change.switch].settled(replace(change, after=now[change.switch, change.name]))
        for change in usual
        if (change.switch, change.name) in now
    ]
    return tuple(replace(change, side="") for change in planned if change.needed)


def settle_traffic(system: System, changes: Sequence[Change]) -> tuple[Switched, ...]:
    """Carry out ``plan_of_settling``; from then on the times to live are those of normal times."""
    switched = switch_traffic(system, changes)
    keep_settled(system)
    return switched


def _in_pieces(known: dict[str, Switch], changes: Sequence[Change]) -> list[tuple[Switch, list[Change]]]:
    """The changes in their order; those together that a provider makes in one piece."""
    pieces: list[tuple[Switch, list[Change]]] = []
    for change in changes:
        switch = _opened(known, change.switch)
        if not (pieces and pieces[-1][0] is switch and switch.at_once):
            pieces.append((switch, []))
        pieces[-1][1].append(change)
    return pieces


def _opened(known: dict[str, Switch], name: str) -> Switch:
    if name not in known:
        raise ConfigurationError(
            f"the plan switches {name}, and this configuration has none",
            hint=f"Use the configuration that the plan was made with: the section {name} is missing here.",
        )
    return known[name]


def _with_account(error: DrError, done: Sequence[Switched], left: Sequence[Change]) -> DrError:
    """The same error, with what is in force and what is not."""
    if not isinstance(error, InfrastructureError):
        return error
    switched = "; ".join(one.described() for one in done if one.change.needed) or "nothing"
    waiting = ", ".join(change.name for change in left if change.needed) or "nothing"
    detail = "\n".join(part for part in (error.detail, f"switched: {switched}", f"not switched: {waiting}") if part)
    return type(error)(error.message, detail, error.hint)


def _with_purges(done: Sequence[Switched]) -> tuple[Switched, ...]:
    """While names still lead to the old side for some, an emptied cache fills itself from there again."""
    later = max((one.everywhere_seconds for one in done), default=0.0)
    at = datetime.now(UTC) + timedelta(seconds=later)
    told: list[Switched] = []
    for number, one in enumerate(done):
        before_others = any(other.change.needed and other.change.lasting for other in done[number:])
        if one.change.needed and not one.change.lasting and (later or before_others):
            todo = (
                f"empty {one.change.name} once more after {at:%Y-%m-%d %H:%M:%S}Z: until then it may have taken in "
                "what the side that was left answers"
            )
            one = replace(one, todo=todo)
        told.append(one)
    return tuple(told)

"""Look at both regions and at the stores, and decide whether the other region's server may take over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dr.configuration.model import System
from dr.errors import IdentityMismatch, NotFenced, TargetRefused
from dr.operations.region.claim import claimant
from dr.operations.region.fencing import fence
from dr.operations.region.sites import Site, require_two, sight_of
from dr.operations.region.witnesses import ask_witnesses, quiet_seconds, wait_until_quiet, witness_stores
from dr.policy.promotion import Decision, FenceTried, Sight, Situation, Witness, decide, decide_beforehand
from dr.postgres.connection import display_name

_EVIDENCE = (
    "There is evidence of another server in charge, and nobody's word lifts it. Find that server, stop it or "
    "let it go on, and run this again when nothing comes in any more."
)

_WITNESSES = (
    "Mend the way to the stores, and run this again. For a failover, whoever has seen with his own eyes that the other "
    "server cannot write may stand in for them: --i-have-fenced-it YOUR-NAME."
)


@dataclass(frozen=True, slots=True)
class RegionLook:
    """What was seen: ``leader`` is who was in charge or should be fenced, ``successor`` who is to take over."""

    leader: Sight
    successor: Sight
    witnesses: tuple[Witness, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """For people, before they are asked."""
        return (str(self.leader), str(self.successor), *map(str, self.witnesses), *self.notes)


@dataclass(frozen=True, slots=True)
class Fenced:
    """The leader cannot write any more: how that is known, and what it was before.

    ``quiet_seconds`` is how long no WAL may have come in when the successor is promoted: 0 for a planned change.
    """

    leader: Sight
    successor: Sight
    fences: tuple[FenceTried, ...]
    reasons: tuple[str, ...]
    vouched_by: str = ""
    quiet_seconds: float = 0.0


def look(system: System, leader: Site, successor: Site, *, planned: bool = False) -> RegionLook:
    """Ask both servers and all witnesses. Nothing is changed. ``planned``: the leader is to hand over in order.

    Raises ``IdentityMismatch`` for two clusters, ``ConfigurationError`` for one server under two addresses.
    """
    require_two(leader, successor)
    old, new = sight_of(leader), sight_of(successor)
    if old.answers and new.answers and old.system_identifier != new.system_identifier:
        raise IdentityMismatch(
            f"{old.name} and {new.name} are not of one cluster",
            f"system identifiers {old.system_identifier} and {new.system_identifier}",
            "Correct the addresses below region.*: the second must be a replica of the first.",
        )
    witnesses = ask_witnesses(system)
    quiet = quiet_seconds(system)
    alive = [item.store for item in witnesses if item.quiet_seconds is not None and item.quiet_seconds < quiet]
    return RegionLook(old, new, witnesses, _notes(old, new, alive, planned=planned))


def _notes(old: Sight, new: Sight, alive: list[str], *, planned: bool) -> tuple[str, ...]:
    """What a person should think of before agreeing."""
    notes = []
    if old.leads and not planned:
        notes.append(f"{old.name} is alive: it will be stopped. Is this really an outage?")
    if old.leads and new.leads:
        older = old if old.timeline < new.timeline else new
        notes.append(
            f"both take writes: {older.name} is on the older timeline and must not be let in; what only it has is "
            "listed and kept by dr failback"
        )
    if not old.answers and alive and not planned:
        notes.append(
            f"WAL still comes into {', '.join(alive)} and {old.name} does not answer us: it may be us who are cut off"
        )
    return tuple(notes)


def require_standby(seen: RegionLook) -> None:
    """Raise unless the successor answers and is a standby."""
    if not seen.successor.answers:
        raise TargetRefused(
            f"{seen.successor.name} does not answer, so it cannot take over",
            seen.successor.detail,
            "Begin that server, or recover from the stores: dr full-recovery.",
        )
    if seen.successor.in_charge:
        raise TargetRefused(
            f"{seen.successor.name} is in charge already, on timeline {seen.successor.timeline}",
            "nothing was touched",
            "The failover has happened. dr failback leads back; dr failover --anew is not needed.",
        )


def fence_and_decide(
    system: System, leader: Site, successor: Site, vouched_by: str, earlier: Fenced | None = None
) -> Fenced:
    """Fence the leader, wait until no WAL comes in any more, and decide. Raises ``NotFenced`` with what to do.

    What ``earlier``, an attempt that was cut off, had proven proves nothing now: it is done again.
    """
    require_possible(system, leader, successor, vouched_by)
    before = sight_of(leader)
    if earlier is not None and not before.answers:
        before = earlier.leader
    fences = fence(system, leader, successor)
    proven = any(item.proven for item in fences)
    seconds = quiet_seconds(system)
    # Without a proof it is refused anyway; what the stores see goes into the refusal.
    witnesses = wait_until_quiet(system, seconds) if proven or vouched_by else ask_witnesses(system)
    fenced = Fenced(before, before, fences, (), vouched_by, seconds)
    new, decision = _decided(system, leader, successor, fenced, witnesses)
    if not decision.allowed:
        raise not_fenced(leader, decision, earlier)
    if earlier is not None and (new.in_charge or new.timeline == earlier.successor.timeline):
        new = earlier.successor  # what it was before that attempt replayed anything, or had it promoted
    return replace(fenced, successor=new, reasons=decision.reasons)


def require_possible(system: System, leader: Site, successor: Site, vouched_by: str = "") -> None:
    """Raise ``NotFenced`` where the successor could not be promoted even if the leader were fenced: nothing is then.

    To be asked before the leader is stopped, which only people undo.
    """
    supposed = Fenced(sight_of(leader), sight_of(successor), (), (), vouched_by)
    _, seen = _situation(system, leader, successor, supposed, ask_witnesses(system))
    decision = decide_beforehand(seen)
    if not decision.allowed:
        hint = _EVIDENCE if decision.contradicted else _WITNESSES
        message = f"{successor.name} cannot take over, so {leader.name} was left alone: nothing was touched"
        raise NotFenced(message, "; ".join(decision.obstacles), hint)


def require_still(system: System, leader: Site, successor: Site, fenced: Fenced) -> None:
    """Just before the promotion: raise ``NotFenced`` when what was decided does not hold any more."""
    _, decision = _decided(system, leader, successor, fenced, ask_witnesses(system))
    if not decision.allowed:
        raise not_fenced(leader, decision)


def _decided(
    system: System, leader: Site, successor: Site, fenced: Fenced, witnesses: tuple[Witness, ...]
) -> tuple[Sight, Decision]:
    new, seen = _situation(system, leader, successor, fenced, witnesses)
    return new, decide(seen)


def _situation(
    system: System, leader: Site, successor: Site, fenced: Fenced, witnesses: tuple[Witness, ...]
) -> tuple[Sight, Situation]:
    _, count = witness_stores(system)
    old, new = sight_of(leader), sight_of(successor)
    seen = Situation(
        successor=new,
        other=old,
        fences=fenced.fences,
        witnesses=witnesses,
        witnesses_needed=count,
        quiet_seconds=fenced.quiet_seconds,
        vouched_by=fenced.vouched_by,
        claimed_by=claimant(system, new.timeline + 1, display_name(successor.url)) if new.answers else "",
    )
    return new, seen


def not_fenced(leader: Site, decision: Decision, earlier: Fenced | None = None) -> NotFenced:
    """The refusal, with what to do next, and what an attempt before this one had proven."""
    if decision.contradicted:
        hint = _EVIDENCE
    else:
        hint = (
            f"Switch {leader.name} off in a way that can be seen (region.fence_command, its service, its provider), "
            "and run this again. If you have seen with your own eyes that it cannot write: "
            "--i-have-fenced-it YOUR-NAME, which goes into the record."
        )
    proven = (
        [f"an attempt that was cut off had proven {item}" for item in earlier.fences if item.proven] if earlier else []
    )
    undo = f"Where {leader.name} was stopped and is to go on: remove standby.signal from its data directory, start it."
    return NotFenced(
        f"{leader.name} may still write: nothing was promoted",
        "; ".join((*decision.obstacles, *proven)),
        f"{hint} {undo}",
    )

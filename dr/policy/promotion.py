"""May the other region's server take over? Pure: from what was seen to a decision with its reasons.

Two servers that both take writes are worse than none that does: what each has acknowledged cannot be put together
again. So a promotion needs a proof that the other one cannot write, and nothing that speaks against it. That nobody
answers at its address is no proof: we may be the side that is cut off. A person may stand in for the missing proof,
but not against evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dr.catalog.lsn import Lsn


@dataclass(frozen=True, slots=True)
class Sight:
    """One server as seen from here. ``detail`` is why it could not be asked; ``end`` the furthest WAL that it has.

    ``directory`` is its data directory as it calls it, ``began`` when its process did.
    """

    name: str
    answers: bool
    detail: str = ""
    in_charge: bool = False
    system_identifier: str = ""
    timeline: int = 0
    end: Lsn | None = None
    directory: str = ""
    began: datetime | None = None

    @property
    def leads(self) -> bool:
        """Whether it is known to take writes. Every procedure that asks who is in charge goes by this."""
        return self.answers and self.in_charge

    def __str__(self) -> str:
        if not self.answers:
            return f"{self.name} does not answer: {self.detail}"
        role = "takes writes" if self.in_charge else "is a standby"
        return f"{self.name} {role}, timeline {self.timeline}, WAL up to {self.end}"


@dataclass(frozen=True, slots=True)
class FenceTried:
    """One way of fencing. ``proven``: the server cannot write any more, seen by something else than its silence."""

    method: str
    proven: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.method}: {'fenced' if self.proven else 'not proven'}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Witness:
    """What one store says. ``quiet_seconds``: how long no WAL has come in, by the store's own clock; None: never any.

    ``timeline`` is the newest that anything in it is of, ``end`` up to where its newest WAL goes.
    """

    store: str
    answers: bool
    detail: str = ""
    quiet_seconds: float | None = None
    timeline: int = 0
    end: Lsn | None = None

    def __str__(self) -> str:
        if not self.answers:
            return f"store {self.store} does not answer: {self.detail}"
        if self.quiet_seconds is None:
            return f"store {self.store} has no WAL"
        return (
            f"store {self.store}: newest WAL came {self.quiet_seconds:.0f} s ago, timeline {self.timeline}, "
            f"up to {self.end}"
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known. ``successor`` is to take over, ``other`` must not write; ``vouched_by`` is who says so.

    ``witnesses_needed`` of the witnesses must answer; ``claimed_by`` has claimed the next timeline already, if anybody.
    """

    successor: Sight
    other: Sight
    fences: tuple[FenceTried, ...]
    witnesses: tuple[Witness, ...]
    witnesses_needed: int
    quiet_seconds: float
    vouched_by: str = ""
    claimed_by: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """``obstacles`` empty: it may. ``contradicted`` names those that nobody's word can lift."""

    reasons: tuple[str, ...]
    obstacles: tuple[str, ...]
    contradicted: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.obstacles


def decide(seen: Situation) -> Decision:
    """May the successor be promoted?"""
    contradicted = _against(seen)
    missing = () if seen.vouched_by else _missing(seen)
    reasons = [str(fence) for fence in seen.fences if fence.proven]
    if seen.vouched_by:
        reasons.append(f"{seen.vouched_by} says that it is fenced")
    reasons += [str(witness) for witness in seen.witnesses]
    return Decision(tuple(reasons), (*contradicted, *missing), contradicted)


def decide_beforehand(seen: Situation) -> Decision:
    """What would stand against it even with the other server fenced and silent: to be known before it is."""
    fenced = FenceTried("supposed", True, "as if it were fenced")
    return decide(replace(seen, other=replace(seen.other, in_charge=False), fences=(fenced,), quiet_seconds=0))


def _against(seen: Situation) -> tuple[str, ...]:
    """What speaks against it, whoever says otherwise."""
    found = []
    successor, other = seen.successor, seen.other
    if not successor.answers:
        found.append(f"{successor.name} cannot be promoted, it does not answer: {successor.detail}")
    if other.leads:
        found.append(f"{other.name} answers and takes writes (timeline {other.timeline})")
    if successor.answers and other.answers and other.system_identifier != successor.system_identifier:
        found.append(
            f"{other.name} is another cluster ({other.system_identifier}) than {successor.name} "
            f"({successor.system_identifier})"
        )
    found += [
        f"store {witness.store} has WAL of timeline {witness.timeline}, {successor.name} is on {successor.timeline}: "
        "another server was promoted already"
        for witness in seen.witnesses
        if witness.answers and successor.answers and witness.timeline > successor.timeline
    ]
    found += [
        f"WAL came into store {witness.store} {witness.quiet_seconds:.0f} s ago: the server that sends it is alive"
        for witness in seen.witnesses
        if witness.answers and witness.quiet_seconds is not None and witness.quiet_seconds < seen.quiet_seconds
    ]
    if seen.claimed_by:
        found.append(f"timeline {successor.timeline + 1} was claimed by {seen.claimed_by}")
    return tuple(found)


def _missing(seen: Situation) -> tuple[str, ...]:
    """What a person may stand in for."""
    found = []
    if not any(fence.proven for fence in seen.fences):
        tried = "; ".join(map(str, seen.fences)) or "no way of fencing is configured"
        found.append(f"nothing proves that {seen.other.name} cannot write any more ({tried})")
    answering = sum(witness.answers for witness in seen.witnesses)
    if answering < seen.witnesses_needed:
        silent = "; ".join(str(witness) for witness in seen.witnesses if not witness.answers)
        found.append(f"{answering} of {seen.witnesses_needed} witnesses answer ({silent})")
    return tuple(found)


def needed(named: Sequence[str], stores: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The witnesses, and how many must answer: a majority of those that were named, otherwise any one of all stores.

    >>> needed((), ("local", "cloud"))
    (('local', 'cloud'), 1)
    >>> needed(("one", "two", "three"), ("one", "two", "three", "four"))
    (('one', 'two', 'three'), 2)
    """
    if not named:
        return tuple(stores), 1
    return tuple(named), len(named) // 2 + 1

"""May a server take over? Never against evidence, and never without a proof or a person's word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.policy.promotion import FenceTried, Sight, Situation, Witness, decide, decide_beforehand, needed

QUIET = 60.0
PROVEN = FenceTried("command", True, "the power is off")
TRIED = FenceTried("sql", False, "it does not answer")
SUCCESSOR = Sight("db2", True, system_identifier="7", timeline=3, end=Lsn(100))
GONE = Sight("db1", False, "connection refused")
STORE = Witness("cloud", True, quiet_seconds=120.0, timeline=3, end=Lsn(90))
SAFE = Situation(
    successor=SUCCESSOR, other=GONE, fences=(PROVEN,), witnesses=(STORE,), witnesses_needed=1, quiet_seconds=QUIET
)
ALIVE = replace(GONE, answers=True, in_charge=True, system_identifier="7", timeline=3)

AGAINST = {
    "the other answers and takes writes": replace(SAFE, other=ALIVE),
    "a store has a newer timeline": replace(SAFE, witnesses=(replace(STORE, timeline=4),)),
    "WAL has just come in": replace(SAFE, witnesses=(replace(STORE, quiet_seconds=59.9),)),
    "only one of two stores is quiet": replace(SAFE, witnesses=(STORE, replace(STORE, store="b", quiet_seconds=1.0))),
    "the next timeline belongs to another": replace(SAFE, claimed_by="db3"),
    "the successor does not answer": replace(SAFE, successor=replace(SUCCESSOR, answers=False)),
    "they are two clusters": replace(SAFE, other=replace(ALIVE, in_charge=False, system_identifier="8")),
}
MISSING = {
    "no fence is proven": replace(SAFE, fences=(TRIED,)),
    "nothing was tried": replace(SAFE, fences=()),
    "no store answers": replace(SAFE, witnesses=(replace(STORE, answers=False, detail="timed out"),)),
    "less than the majority answers": replace(SAFE, witnesses_needed=2),
}


def test_a_fenced_and_silent_server_is_succeeded() -> None:
    """With the reasons that go into the record."""
    decision = decide(SAFE)

    assert decision.allowed
    assert any("the power is off" in reason for reason in decision.reasons)
    assert any("cloud" in reason for reason in decision.reasons)


@pytest.mark.parametrize("situation", AGAINST.values(), ids=AGAINST.keys())
@pytest.mark.parametrize("vouched_by", ["", "somebody"])
def test_evidence_of_another_writer_is_lifted_by_nobody(situation: Situation, vouched_by: str) -> None:
    """A proven fence and a person's word together do not."""
    decision = decide(replace(situation, vouched_by=vouched_by))

    assert not decision.allowed
    assert decision.contradicted


@pytest.mark.parametrize("situation", MISSING.values(), ids=MISSING.keys())
def test_what_is_not_proven_takes_a_persons_word(situation: Situation) -> None:
    """And the decision says whose."""
    alone, vouched = decide(situation), decide(replace(situation, vouched_by="somebody"))

    assert not alone.allowed
    assert not alone.contradicted
    assert vouched.allowed
    assert "somebody says that it is fenced" in vouched.reasons


def test_silence_alone_is_no_proof() -> None:
    """That the other does not answer may be our own cable."""
    decision = decide(replace(SAFE, fences=(TRIED,)))

    assert "nothing proves that db1 cannot write any more" in decision.obstacles[0]


def test_a_store_that_never_had_wal_is_quiet() -> None:
    """A system without a receiver is not held up by that."""
    assert decide(replace(SAFE, witnesses=(Witness("cloud", True),))).allowed


def test_the_other_as_a_standby_is_no_obstacle() -> None:
    """It was demoted, and something has started it again."""
    assert decide(replace(SAFE, other=replace(ALIVE, in_charge=False))).allowed


witnesses = st.builds(
    Witness,
    store=st.sampled_from(["a", "b", "c"]),
    answers=st.booleans(),
    quiet_seconds=st.none() | st.floats(0, 1e4),
    timeline=st.integers(0, 5),
)
situations = st.builds(
    Situation,
    successor=st.builds(
        Sight, st.just("db2"), st.booleans(), system_identifier=st.sampled_from("78"), timeline=st.integers(1, 5)
    ),
    other=st.builds(
        Sight,
        st.just("db1"),
        st.booleans(),
        in_charge=st.booleans(),
        system_identifier=st.sampled_from("78"),
        timeline=st.integers(1, 5),
    ),
    fences=st.lists(st.sampled_from([PROVEN, TRIED]), max_size=2).map(tuple),
    witnesses=st.lists(witnesses, max_size=3).map(tuple),
    witnesses_needed=st.integers(1, 2),
    quiet_seconds=st.just(QUIET),
    vouched_by=st.sampled_from(["", "somebody"]),
    claimed_by=st.sampled_from(["", "db3"]),
)


@given(situations)
def test_whoever_is_promoted_is_the_only_one(seen: Situation) -> None:
    """In no situation at all is one promoted beside a living writer, or without a proof that nobody stands in for."""
    if not decide(seen).allowed:
        return
    answering = [item for item in seen.witnesses if item.answers]

    assert not (seen.other.answers and seen.other.in_charge)
    assert all(item.timeline <= seen.successor.timeline for item in answering)
    assert all(item.quiet_seconds is None or item.quiet_seconds >= QUIET for item in answering)
    assert not seen.claimed_by
    assert seen.vouched_by or (PROVEN in seen.fences and len(answering) >= seen.witnesses_needed)


@pytest.mark.parametrize(("named", "count"), [(("a",), 1), (("a", "b"), 2), (("a", "b", "c"), 2), (tuple("abcde"), 3)])
def test_two_majorities_of_named_witnesses_always_meet(named: tuple[str, ...], count: int) -> None:
    """So of two sides that are cut off from each other at most one has enough."""
    assert needed(named, ("x",)) == (named, count)
    assert 2 * count > len(named)


@pytest.mark.parametrize(
    "named",
    [
        "a store has a newer timeline",
        "the next timeline belongs to another",
        "the successor does not answer",
        "they are two clusters",
    ],
)
def test_what_no_fence_would_lift_is_known_before_it(named: str) -> None:
    """The server in charge is left alone then."""
    assert not decide_beforehand(replace(AGAINST[named], fences=())).allowed


def test_what_a_fence_will_lift_does_not_stand_against_it_beforehand() -> None:
    """It still takes writes and ships: that is what the fence is for. That nobody answers is not."""
    alive = replace(SAFE, other=ALIVE, fences=(), witnesses=(replace(STORE, quiet_seconds=0.1),))

    assert decide_beforehand(alive).allowed
    assert not decide_beforehand(replace(alive, witnesses=(replace(STORE, answers=False),))).allowed

"""What is claimed fails when it does not hold, and says so when it was not tried."""

from __future__ import annotations

import pytest

from benchmarks.claims import MEGABYTE, Claim, Peaks, judge
from benchmarks.outcomes import Measured, Outcome

STEP = "ours: dump: python (write)"


def _measured(seconds: float) -> Measured:
    return Measured("dump", "somebody", (Outcome(seconds, 0.0),))


def _judge(
    *, shell: float = 30.0, backrest: float | None = 12.0, small: int = 50, large: int = 55, same_sql: bool = True
) -> dict[str, bool | None]:
    """Ours takes 10 seconds."""
    claims = judge(
        (_measured(10.0), _measured(shell)),
        (_measured(10.0), None if backrest is None else _measured(backrest)),
        Peaks({STEP: small * MEGABYTE}, {STEP: large * MEGABYTE}),
        same_sql=same_sql,
    )
    names = ("same", "dump", "base", "peak", "growth")
    return {name: claim.holds for name, claim in zip(names, claims, strict=True)}


def test_a_good_run_bears_every_claim_out():
    """Three times as fast, faster than pgBackRest, small and steady."""
    assert set(_judge().values()) == {True}


@pytest.mark.parametrize(
    "run, broken",
    [
        ({"same_sql": False}, "same"),
        ({"shell": 24.9}, "dump"),
        ({"backrest": 9.4}, "base"),
        ({"small": 290, "large": 301}, "peak"),
        ({"large": 90}, "growth"),
    ],
)
def test_each_claim_fails_on_its_own(run, broken):
    """Just past its limit, and no other with it."""
    assert [name for name, holds in _judge(**run).items() if holds is not True] == [broken]


def test_five_percent_slower_than_pgbackrest_is_noise():
    """The claim is "not slower", measured on a machine that does other things as well."""
    assert _judge(backrest=9.6)["base"] is True


def test_an_absent_pgbackrest_is_said_and_does_not_count_as_won():
    """Neither true nor false."""
    assert _judge(backrest=None)["base"] is None


def test_a_claim_shows_what_was_found():
    """A verdict without its figure cannot be judged."""
    first = judge(
        (_measured(10.0), _measured(27.0)), (_measured(1.0), None), Peaks({STEP: 1}, {STEP: 1}), same_sql=True
    )

    assert Claim("dump at least 2.5 times as fast as somebody", "2.70 times", True) in first
    assert any("NOT COMPARED" in claim.found for claim in first)

"""Objectives and the verdict on a measurement."""

from __future__ import annotations

import pytest

from dr.policy.objectives import DEFAULT_OBJECTIVES, Objective, Scenario, Verdict

QUARTER = Objective(900, 900)


def test_the_guides_targets_are_the_defaults():
    """RTO and RPO in minutes, by scenario, as the operations guide states them."""
    minutes = {name.value: (item.rto_seconds / 60, item.rpo_seconds / 60) for name, item in DEFAULT_OBJECTIVES.items()}

    assert minutes == {
        "database-corruption": (15, 15),
        "application-failure": (5, 0),
        "full-system-failure": (30, 30),
        "data-center-outage": (60, 30),
    }
    assert set(DEFAULT_OBJECTIVES) == set(Scenario)


@pytest.mark.parametrize(
    "rto, rpo, met",
    [
        (900, 900, True),
        (0, 0, True),
        (900.001, 0, False),
        (0, 900.001, False),
        (1e9, 1e9, False),
        (float("nan"), 0, False),
    ],
)
def test_both_must_be_within_the_objective(rto, rpo, met):
    """Exactly on target is met, the smallest bit over is not."""
    assert Verdict(QUARTER, rto, rpo).met is met


def test_an_unmeasured_loss_is_never_a_met_objective():
    """No canary, no claim; not even where any loss would be allowed."""
    verdict = Verdict(Objective(900, 1e12), 1, None)

    assert verdict.rto_met
    assert not verdict.rpo_met
    assert not verdict.met


@pytest.mark.parametrize("rto, rpo", [(0, 0), (-1, 0), (1, -1)])
def test_an_impossible_objective_cannot_be_set(rto, rpo):
    """Recovering in no time cannot be promised; losing nothing can."""
    with pytest.raises(ValueError, match="objective"):
        Objective(rto, rpo)


def test_losing_nothing_can_be_wanted():
    """RPO 0 is met by a loss of 0 and by nothing else."""
    assert Verdict(Objective(300, 0), 1, 0).met
    assert not Verdict(Objective(300, 0), 1, 0.001).met

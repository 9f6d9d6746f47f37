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


@pytest.mark.parametrize(
    "rpo, at_most, shown, answer",
    [
        (10.0, None, "10.0 s", "yes"),
        (901.0, None, "901.0 s", "no"),
        (None, 10.0, "at most 10.0 s", "yes"),
        (None, 901.0, "at most 901.0 s", "unknown"),
        (None, None, "not known", "unknown"),
    ],
)
def test_a_bound_is_shown_as_one_and_can_be_met_but_not_missed(rpo, at_most, shown, answer):
    """At most so much: within the objective that is enough, beyond it nobody knows."""
    verdict = Verdict(QUARTER, 1, rpo, at_most)

    assert (verdict.rpo_shown, verdict.rpo_answer) == (shown, answer)
    assert verdict.rpo_missed is (answer == "no")
    assert str(verdict.rpo_certainty) in ("measured", "at most", "not known")


@pytest.mark.parametrize("rto, rpo", [(0, 0), (-1, 0), (1, -1)])
def test_an_impossible_objective_cannot_be_set(rto, rpo):
    """Recovering in no time cannot be promised; losing nothing can."""
    with pytest.raises(ValueError, match="objective"):
        Objective(rto, rpo)


def test_losing_nothing_can_be_wanted():
    """RPO 0 is met by a loss of 0 and by nothing else."""
    assert Verdict(Objective(300, 0), 1, 0).met
    assert not Verdict(Objective(300, 0), 1, 0.001).met

"""What a recovery of the application says of itself."""

from __future__ import annotations

import dataclasses

from dr.evidence.application_outcome import ApplicationRecovered, Attempt, outcome_rows
from dr.evidence.phases import Phase
from dr.policy.objectives import Objective, Verdict


def outcome(*attempts: Attempt, seconds: float = 12.5) -> ApplicationRecovered:
    """Against five minutes and no loss."""
    return ApplicationRecovered("shop", attempts, ("http://shop/api/health: HTTP 200",), (), Verdict(
        Objective(300, 0), seconds, 0.0))  # fmt: skip


RESTARTED = Attempt("restarted", ("web",), (Phase("stop", 0, 1), Phase("start", 1, 3)), "it does not become healthy")
BACK = Attempt("rolled back", ("web",), (Phase("roll back", 3, 5), Phase("stop", 5, 6)), "", ("web: v9",))


def test_a_release_that_was_rolled_back_is_said_first() -> None:
    """Whoever reads one line has to read that one."""
    found = outcome(RESTARTED, BACK)

    assert found.healthy
    assert found.lines()[0].startswith("ROLLED BACK, web: v9")
    assert found.lines()[1] == "restarted: web; NOT healthy afterwards"
    assert found.rolled_back == ("web: v9",)


def test_phases_of_all_attempts_add_up() -> None:
    """Two stops are one phase with the work of both."""
    assert {phase.name: phase.seconds for phase in outcome(RESTARTED, BACK).phases} == {
        "stop": 2, "start": 2, "roll back": 2
    }  # fmt: skip


def test_a_release_that_was_returned_from_is_not_rolled_back() -> None:
    """It did not help, and the newest is there again."""
    didnt = dataclasses.replace(BACK, problem="it does not become healthy")
    forward = Attempt("returned to the newest release", ("web",), (), "it does not become healthy")

    found = outcome(RESTARTED, didnt, forward)

    assert found.rolled_back == ()
    assert not any("ROLLED BACK" in line for line in found.lines())


def test_what_was_healthy_and_answers_no_more_is_not_healthy() -> None:
    """A run that is gone on with reads its attempts back; what the addresses answer now counts."""
    found = dataclasses.replace(outcome(BACK), answered=False)

    assert not found.healthy
    assert outcome_rows(found)[0]["met"] == "NO"


def test_what_is_not_healthy_has_met_nothing() -> None:
    """However quickly it failed."""
    rto = outcome_rows(outcome(RESTARTED, seconds=4))[0]

    assert not outcome(RESTARTED).healthy
    assert rto["met"] == "NO"
    assert outcome_rows(outcome(RESTARTED, BACK))[0]["met"] == "yes"
    assert outcome_rows(outcome(BACK, seconds=301))[0]["met"] == "NO"

"""Whether a recovered system is back: what failed outweighs what is open, and silence is never a pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.recovered_state import Finding, Said, State, judge


def finding(said: Said, name: str = "x", mend: str = "") -> Finding:
    """One answer."""
    return Finding(name, said, f"{name} says so", mend)


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ((Said.PASSED,), State.RECOVERED),
        ((Said.PASSED, Said.NOT_ASKED), State.RECOVERED),
        ((Said.PASSED, Said.UNPROVEN), State.UNPROVEN),
        ((Said.PASSED, Said.UNPROVEN, Said.FAILED), State.NOT_RECOVERED),
        ((Said.NOT_ASKED,), State.UNPROVEN),
        ((), State.UNPROVEN),
    ],
)
def test_the_verdict_follows_from_the_worst_answer(answers: tuple[Said, ...], state: State) -> None:
    """Nothing asked at all proves nothing."""
    assert judge([finding(said) for said in answers]).state is state


@given(st.lists(st.sampled_from(Said)))
def test_green_needs_every_question_that_was_asked_to_pass(answers: list[Said]) -> None:
    """One that failed or is open is never hidden by any number of others, and is among the reasons."""
    judged = judge([finding(said, f"q{number}") for number, said in enumerate(answers)])
    against = [number for number, said in enumerate(answers) if said in (Said.FAILED, Said.UNPROVEN)]

    assert (judged.state is State.RECOVERED) == (not against and Said.PASSED in answers)
    for number in against:
        assert any(reason.startswith(f"q{number}: ") for reason in judged.reasons)


def test_reasons_come_with_what_to_do_the_failed_first_and_each_advice_once() -> None:
    """So that the first line is the first thing to do."""
    judged = judge(
        [
            finding(Said.UNPROVEN, "open", "ask again"),
            finding(Said.FAILED, "bad", "mend it"),
            finding(Said.FAILED, "worse", "mend it"),
        ]
    )

    assert judged.reasons == ("bad: bad says so", "worse: worse says so", "open: open says so")
    assert judged.mend == ("mend it", "ask again")

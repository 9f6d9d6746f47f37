"""A full recovery that is begun from its form, waits for somebody who agrees, and does nothing unless somebody does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.prefect.desk import APPROVER
from tests.scenarios.full_system_failure.asked import Asked, asked
from tests.scenarios.lost_host import AFTER, LostHost

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def forms(lost: LostHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Played once: a worker on a host that has nothing, and a server elsewhere that knows the system by its Blocks."""
    with asked(lost, tmp_path_factory.mktemp("forms")) as found:
        yield found


def test_the_question_shows_the_whole_plan(forms: Asked, lost: LostHost) -> None:
    """Where everything comes from, where it goes, and in which order: what is agreed to is what is then done."""
    question, plan = forms.approved.question, str(forms.approved.shown["full-recovery-plan"])

    assert f"## full recovery of {forms.host.system.name}" in question
    assert f"point     {lost.point}" in question
    assert str(lost.product.place.production) in question
    assert all(
        title in question for title in ("Redis", "file uploads", "environment configuration", "SSL certificates")
    )
    assert "switch traffic, only when that passed: dns" in question
    assert " ".join(plan.split()) in " ".join(question.split())
    assert "Nothing has been touched yet" in question


@pytest.mark.incident("I4")
def test_silence_touches_nothing_and_is_said(forms: Asked) -> None:
    """Nobody answered in time: the run has failed, by Prefect's account and by ours, and says why."""
    silent = forms.silent

    assert (silent.run.state_name, silent.record["outcome"], silent.approvals) == ("Failed", "failed", [])
    assert "nobody approved within" in silent.message
    assert "nothing was touched" in silent.message
    assert forms.unanswered == forms.before


@pytest.mark.incident("I4")
def test_a_refusal_touches_nothing_and_is_this_runs_alone(forms: Asked) -> None:
    """Who refused is named; the other run that asks the same goes on waiting."""
    declined = forms.declined

    assert (declined.run.state_name, declined.record["outcome"], declined.approvals) == ("Failed", "failed", [])
    assert f"rejected by {APPROVER} (a test)" in declined.message
    assert forms.refused == forms.before
    assert forms.approved.run.state_name == "Completed", forms.approved.message


def test_what_was_agreed_to_brings_the_product_back(forms: Asked, lost: LostHost) -> None:
    """Every order that reached a store is there, so is everything beside the database, and people are led here."""
    missing = {order.reference for order in forms.host.missing()}
    problems = {kind: found.problems for kind, found in forms.host.compared().items()}

    assert missing <= {order.reference for order in lost.acknowledged[lost.shipped :]}
    assert problems == dict.fromkeys(("redis", "files", "config", "secrets", "certificates"), ())
    assert lost.leads_to() == AFTER


def test_who_agreed_when_and_why_is_kept_three_times(forms: Asked) -> None:
    """In the run's artifacts, in our record of it, and in the incident: before the first step that changed anything."""
    shown, kept = forms.approved.shown["approval"], forms.approved.approvals
    (agreed,) = (entry for entry in forms.incident["entries"] if entry["what"] == "approval")
    (ended,) = (entry for entry in forms.incident["entries"] if entry["what"] == "run-end")
    steps = [step["name"] for step in ended["steps"]]
    waited = ended["steps"][1]

    assert shown == kept
    assert [(row["by"], row["how"], row["reason"]) for row in kept] == [(APPROVER, "a form in Prefect's UI", "a test")]
    assert (agreed["by"], agreed["how"], agreed["reason"]) == (APPROVER, "a form in Prefect's UI", "a test")
    assert steps[:3] == ["draw up the plan", "wait for approval", "agree on the plan"]
    assert datetime.fromisoformat(waited["begin"]) < datetime.fromisoformat(agreed["at"])
    assert agreed["at"] <= waited["end"]
    assert ended["run"] == str(forms.approved.run.id)


def test_the_run_shows_what_an_operator_looks_for(forms: Asked) -> None:
    """Phases against the objective, every part, the report with what is left to do; and the bucket keeps the same."""
    shown = forms.approved.shown
    phases = {row["phase"]: row for row in shown["full-recovery-phases"]}  # type: ignore[attr-defined]
    kept = {item["key"] for item in forms.approved.record["artifacts"]}

    assert (phases["RTO"]["met"], phases["RPO"]["met"]) == ("yes", "yes")
    assert {"database", "start the application", "switch traffic"} <= set(phases)
    assert {"full-recovery-plan", "full-recovery-parts", "full-recovery-report", "approval"} <= set(shown) & kept
    assert "* [ ] " in str(shown["full-recovery-report"])
    assert set(forms.silent.shown) == set(forms.declined.shown) == {"full-recovery-plan"}


def test_only_what_was_agreed_to_opened_an_incident(forms: Asked) -> None:
    """Runs that were refused have not begun anything that people would have to close."""
    runs = [entry["run"] for entry in forms.incident["entries"] if entry["what"] == "run"]

    assert runs == [str(forms.approved.run.id)]

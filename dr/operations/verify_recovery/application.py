"""The application by its own account: health and session addresses, and whether what works by itself is as wanted."""

from __future__ import annotations

from collections.abc import Iterator

from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.operations.application.health import ask_application
from dr.operations.check_source import source_url
from dr.operations.verify_recovery.asking import Question
from dr.policy.compare_expected import few
from dr.policy.recovered_state import Finding, Said
from dr.postgres.jobs import Job, jobs
from dr.postgres.questions import asking
from dr.services.protocol import State
from dr.services.registry import service

RUNNING, PAUSED = "running", "paused"
_LEEWAY_SECONDS = 5.0
_STATES = {RUNNING: State.RUNNING, PAUSED: State.STOPPED}


def application_lane(system: System) -> tuple[Question, ...]:
    """One answer for each address."""
    seconds = float(system.procedures.application.answer_seconds) * 2
    return (Question("application", seconds + _LEEWAY_SECONDS, lambda: _application(system, seconds), Said.FAILED),)


def _application(system: System, seconds: float) -> Iterator[Finding]:
    answers = ask_application(system, seconds)
    if not answers:
        yield Finding("application", Said.NOT_ASKED, "no application is configured: application.health_urls")
    for item in answers:
        said = Said.PASSED if item.ok else Said.FAILED
        detail = f"{item.detail} after {item.seconds:.2f} s"
        yield Finding(f"application {item.url}", said, detail, "" if item.ok else "dr recover-app")


def jobs_question(system: System, expected: Expected | None, seconds: float) -> Question:
    """Whether jobs are paused or running, as ``recovery.jobs`` wants them."""
    return Question("jobs", seconds, lambda: _jobs(system, expected, seconds))


def _jobs(system: System, expected: Expected | None, seconds: float) -> Iterator[Finding]:
    wanted = system.procedures.recovery.jobs
    if wanted not in _STATES:
        yield Finding("jobs", Said.NOT_ASKED, "recovery.jobs does not say whether they should be paused or running")
        return
    with asking(source_url(system), seconds) as connection:
        there = jobs(connection)
    known = expected.flaws if expected is not None else ()
    wrong = [item.name for item in there if _is_wrong(item, wanted, known)]
    for name in system.procedures.recovery.job_services:
        status = service(system, name).status(seconds)
        if status.state is not _STATES[wanted]:
            wrong.append(f"service {name} ({status.state})")
    told = f"{len(there)} in the database, {len(system.procedures.recovery.job_services)} services"
    if not wrong:
        yield Finding("jobs", Said.PASSED, f"{told}, all {wanted}")
        return
    mend = {
        PAUSED: "UPDATE cron.job SET active = false; ALTER SUBSCRIPTION ... DISABLE; stop the services.",
        RUNNING: "UPDATE cron.job SET active = true; ALTER SUBSCRIPTION ... ENABLE; start the services.",
    }
    yield Finding("jobs", Said.FAILED, f"not {wanted}: {few(tuple(wrong))}", mend[wanted])


def _is_wrong(job: Job, wanted: str, known: tuple[str, ...]) -> bool:
    if wanted == PAUSED:
        return job.active
    return not job.active and idle(job) not in known


def idle(job: Job) -> str:
    """How a baseline notes a job that was off before."""
    return f"idle {job.name}"

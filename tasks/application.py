"""Steps of recovering the application: each a task around one operation."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from dr.configuration.model import System
from dr.errors import ServiceError
from dr.evidence.application_outcome import SCENARIO, ApplicationRecovered, Attempt
from dr.evidence.journal import Journal, last_work, read_journal, unfinished
from dr.operations.application import bring_up
from dr.operations.application import warm as warming
from dr.operations.application.alone import refuse_beside_another
from dr.operations.application.ask import Answered
from dr.operations.application.health import ask_application, is_healthy
from dr.operations.application.plan import ApplicationPlan, plan_application
from dr.operations.application.roll_back import Older, at_fault
from dr.policy.objectives import Verdict
from tasks.course import Course, place_of
from tasks.runner import task
from tasks.systems import load_system

PROCEDURE = "recover-app"
HOUR = 3600
_AGAIN = 2
_ASK_PAUSE_SECONDS = 1.0


@task(name="look at the application", retries=1, timeout_seconds=120)
def look(system: str, services: str, everything: bool) -> ApplicationPlan:
    """How every service is and what the application answers, and what is to be done."""
    return plan_application(settings_of(system), named=tuple(services.split()), everything=everything)


@task(name="look for other procedures", timeout_seconds=120)
def require_alone(system: str, services: str) -> None:
    """Raise where another procedure has stopped what would be started, and is at work or was cut off."""
    refuse_beside_another(settings_of(system), services.split())


@task(name="keep the plan", timeout_seconds=60)
def pin(agreed: ApplicationPlan) -> ApplicationPlan:
    """What was agreed to is done, also by a run that goes on with this one."""
    return agreed


@task(name="restart", timeout_seconds=HOUR)
def restart(system: str, agreed: ApplicationPlan) -> Attempt:
    """Stop what was chosen, in reverse order; start it, in order; wait until the application is healthy."""
    return bring_up.restart(settings_of(system), agreed.restart)


@task(name="restart everything", timeout_seconds=HOUR)
def restart_everything(system: str, agreed: ApplicationPlan) -> Attempt | None:
    """The same with all of the application, where that was not the first attempt."""
    return bring_up.restart_everything(settings_of(system), agreed.restart)


@task(name="find the release at fault", timeout_seconds=120)
def find_fault(system: str, agreed: ApplicationPlan) -> tuple[Older, ...]:
    """Whose release may be the fault: kept, for half gone back it looks another way."""
    return at_fault(settings_of(system), agreed.older)


@task(name="roll back", timeout_seconds=HOUR)
def roll_back(system: str, older: tuple[Older, ...]) -> Attempt:
    """Go back to the releases before, and wait until the application is healthy."""
    return bring_up.go_back(settings_of(system), older)


@task(name="return to the newest release", timeout_seconds=HOUR)
def go_forward(system: str, older: tuple[Older, ...]) -> Attempt:
    """An older one that does not help either is not what was deployed."""
    return bring_up.go_forward(settings_of(system), older)


@task(name="warm the caches", timeout_seconds=120)
def warm(system: str) -> tuple[Answered, ...]:
    """Fetch what everybody looks at first."""
    return warming.warm(settings_of(system))


@task(name="ask the application", timeout_seconds=120)
def ask(system: str) -> tuple[Answered, ...]:
    """What it answers in the end; one bad answer is asked again."""
    settings = settings_of(system)
    seconds = float(settings.procedures.application.answer_seconds)
    for _ in range(_AGAIN):
        if is_healthy(answers := ask_application(settings, seconds)):
            return answers
        time.sleep(_ASK_PAUSE_SECONDS)
    return ask_application(settings, seconds)


def settings_of(system: str) -> System:
    """Its services are brought back also where neither its database nor a key is known."""
    return load_system(system, require_postgres=False)


class Clock:
    """From the begin of this run; of one that is gone on with, from its own begin, by the clock of this host."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._seconds: float | None = None

    def stop(self, journal: Journal) -> None:
        """It is healthy, or given up."""
        here = time.monotonic() - self._begin
        since = (datetime.now(UTC) - journal.begun_at).total_seconds() if journal.resumed else 0.0
        self._seconds = max(here, since)

    @property
    def seconds(self) -> float:
        return self._seconds if self._seconds is not None else time.monotonic() - self._begin


def another_outage(settings: System) -> bool:
    """Whether a run that was cut off is of another outage than this: nobody has worked on it for an hour."""
    cut_off = unfinished(place_of(settings), PROCEDURE, settings.name)
    return bool(cut_off) and (datetime.now(UTC) - last_work(read_journal(cut_off[0][0]))).total_seconds() > HOUR


def attempts(steps: Course, system: str, agreed: ApplicationPlan) -> tuple[Attempt, ...]:
    """The ways that there are, one after the other, until one of them makes it healthy."""
    made = [steps.step("restart", restart, system, agreed)]
    if not made[-1].healthy and (wider := steps.step("restart everything", restart_everything, system, agreed)):
        made.append(wider)
    if made[-1].healthy or not agreed.older:
        return tuple(made)
    if older := steps.step("find the release at fault", find_fault, system, agreed):
        made.append(steps.step("roll back", roll_back, system, older))
        if not made[-1].healthy:
            made.append(steps.step("return to the newest release", go_forward, system, older))
    return tuple(made)


def conclude(
    system: str,
    made: tuple[Attempt, ...],
    seconds: float,
    answers: tuple[Answered, ...],
    warmed: tuple[Answered, ...],
) -> ApplicationRecovered:
    """All of it as one value, with its verdict."""
    settings = settings_of(system)
    return ApplicationRecovered(
        system=settings.name,
        attempts=made,
        answers=tuple(f"{item.url}: {item.detail}, {item.seconds:.2f} s" for item in answers),
        warmed=tuple(f"{item.url}: {item.detail}" for item in warmed if not item.ok),
        verdict=Verdict(settings.objectives[SCENARIO], seconds, 0.0),
        answered=is_healthy(answers),
    )


def require_well(plan: ApplicationPlan) -> None:
    """Raise ``ServiceError`` where nothing can be restarted and the application does not answer well all the same."""
    wrong = [f"{item.url}: {item.detail}" for item in plan.answers if not item.ok]
    if not wrong:
        return
    left = [f"{item.name}: {item.reason}" for item in plan.restart.left]
    raise ServiceError(
        f"the application of {plan.system} does not answer well, and there is no service to restart",
        detail="\n".join([*wrong, *left]),
        hint="`dr assess` tells what else is down. A service that is left alone is started by --service NAME.",
    )


def require_healthy(outcome: ApplicationRecovered) -> None:
    """Raise ``ServiceError`` with what the services said last when nothing has helped."""
    if outcome.healthy:
        return
    if outcome.attempts[-1].healthy:
        raise ServiceError(
            f"the application of {outcome.system} was healthy and is so no more",
            detail="\n".join(outcome.answers),
            hint="Run it again: it looks anew.",
        )
    tried = "; ".join(f"{item.what}: {', '.join(item.services)}" for item in outcome.attempts)
    raise ServiceError(
        f"the application of {outcome.system} does not come back",
        detail=f"tried: {tried}\n{outcome.attempts[-1].problem}",
        hint="The lines above are the services' own. `dr assess` tells what else is down;"
        " if it is the host, `dr full-recovery` brings it back elsewhere.",
    )

"""Do Redis, the application and the services answer, and will what is scheduled run?"""

from __future__ import annotations

from dr.components.redis.server import Server, State
from dr.configuration.model import System
from dr.errors import AuthenticationFailed, PrivilegeMissing, SourceBusy, SourceError
from dr.operations.application.ask import ask
from dr.operations.assess.probes.schedules import see_schedules
from dr.operations.assess.wire import Line, Question, short
from dr.policy.observation import Condition, Observation, Sign, Subject
from dr.policy.server_words import corruption_in, since_last_start
from dr.services import protocol
from dr.services.registry import service


def answer(system: System, question: Question) -> Line:
    """By subject; each question has its own thread."""
    if question.subject is Subject.REDIS:
        seen = _redis(system)
    elif question.subject is Subject.APPLICATION:
        seen = _address(system, question)
    elif question.subject is Subject.SERVICE:
        seen = _service(system, question)
    else:
        seen = see_schedules(system.name, question.seconds)
    return Line(answers=question, observed=(seen,))


def _redis(system: System) -> Observation:
    def told(condition: Condition, shown: str, detail: str, sign: Sign | None = None) -> Observation:
        return Observation(Subject.REDIS, condition, shown, short(detail), sign=sign)

    try:
        state = Server(system.components.redis).state()
    except SourceBusy as error:
        return told(Condition.DOWN, "STARTING", error.message, Sign.STARTING)
    except (AuthenticationFailed, PrivilegeMissing) as error:
        return told(Condition.IMPAIRED, "REFUSES US", f"{error.message}: {error.detail}")
    except SourceError as error:
        return told(Condition.DOWN, "OFFLINE", f"{error.message}: {error.detail}")
    said = f"Redis {state.version}, {state.role}, {state.total} keys"
    problems = _problems(state)
    if problems:
        return told(Condition.IMPAIRED, "ONLINE, IMPAIRED", "; ".join((*problems, said)))
    return told(Condition.OK, "ONLINE", said)


def _problems(state: State) -> list[str]:
    problems = []
    if state.loading:
        problems.append("it is still loading its data")
    if not state.last_save_ok:
        problems.append("its last snapshot failed: what it holds is not on its disk")
    if state.role != "master" and not state.linked:
        problems.append("it is a replica whose master does not answer")
    return problems


def _address(system: System, question: Question) -> Observation:
    settings = system.procedures.application
    got = ask(question.name, settings, question.seconds, health=question.name in settings.health_urls)
    if got.ok:
        condition, shown = Condition.OK, "RUNNING"
    elif got.status:
        condition, shown = Condition.IMPAIRED, "UNHEALTHY"
    elif got.seconds >= question.seconds:
        condition, shown = Condition.SILENT, "NO ANSWER"
    else:
        condition, shown = Condition.DOWN, "NOT RUNNING"
    detail = f"{got.url}: {short(got.detail)}"
    return Observation(Subject.APPLICATION, condition, shown, detail, got.url, seconds=got.seconds)


_SERVICE = {
    protocol.State.RUNNING: Condition.OK,
    protocol.State.STARTING: Condition.IMPAIRED,
    protocol.State.STOPPED: Condition.DOWN,
    protocol.State.FAILED: Condition.DOWN,
    protocol.State.UNKNOWN: Condition.IMPAIRED,
}


def _service(system: System, question: Question) -> Observation:
    """PostgreSQL's own is looked at more closely: why it does not run decides which disaster this is."""
    one = service(system, question.name)
    status = one.status(question.seconds)
    said, sign = status.detail or str(status.state), None
    if question.name == system.procedures.recovery.database_service:
        damage = corruption_in(f"{since_last_start(one.last_words(question.seconds))}\n{status.detail}")
        if damage:
            said, sign = f"its own words: {damage}", Sign.CORRUPT
    shown = str(status.state).upper()
    return Observation(Subject.SERVICE, _SERVICE[status.state], shown, short(said), question.name, sign)

"""Does the second region's server answer, and does it follow?"""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import SourceError
from dr.operations.assess.wire import Line, Question, short
from dr.policy.observation import Condition, Observation, Subject
from dr.postgres.health import server_health


def answer(system: System, question: Question) -> Line:
    """A standby that has been promoted is no standby any more: somebody should know."""
    url = system.procedures.region.standby_url
    if url is None:
        return Line(answers=question)
    try:
        health = server_health(url, question.seconds)
    except SourceError as error:
        said = short(f"{error.message}: {error.detail}" if error.detail else error.message)
        return Line(answers=question, observed=(Observation(Subject.STANDBY, Condition.DOWN, "OFFLINE", said),))
    said = f"PostgreSQL {health.version}"
    if not health.standby:
        told = f"{said}: it is no standby, it takes writes itself"
        return Line(answers=question, observed=(Observation(Subject.STANDBY, Condition.IMPAIRED, "PROMOTED", told),))
    return Line(answers=question, observed=(Observation(Subject.STANDBY, Condition.OK, "ONLINE", said),))

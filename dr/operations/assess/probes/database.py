"""Does the database answer, can it be written to, and does it know of damage?"""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import AuthenticationFailed, DrError, SourceError
from dr.operations.assess.wire import Line, Question, short
from dr.operations.check_source import source_url
from dr.policy.observation import Condition, Observation, Sign, Subject
from dr.policy.server_words import corruption_in, is_missing, is_starting
from dr.policy.wal_in_sight import Written
from dr.postgres.archiving import wal_position
from dr.postgres.health import ServerHealth, server_health

_NEARLY_ALL = 0.95


def answer(system: System, question: Question) -> Line:
    """The one question, and where its WAL ends when it answers."""
    url = source_url(system)
    try:
        health = server_health(url, question.seconds)
    except SourceError as error:
        return Line(answers=question, observed=(_refusal(error),))
    return Line(answers=question, observed=(_told(health),), written=_written(system))


def _refusal(error: SourceError) -> Observation:
    said = short(f"{error.message}: {error.detail}" if error.detail else error.message)
    if is_missing(error.detail):
        # Nobody else is let in there either: it was dropped, renamed, or the address is wrong.
        return Observation(Subject.DATABASE, Condition.DOWN, "MISSING", said, sign=Sign.MISSING)
    if isinstance(error, AuthenticationFailed):
        # Somebody is there: whether the application is let in is another question.
        return Observation(Subject.DATABASE, Condition.IMPAIRED, "REFUSES US", said)
    if is_starting(said):
        return Observation(Subject.DATABASE, Condition.DOWN, "STARTING", said, sign=Sign.STARTING)
    damage = corruption_in(said)
    return Observation(Subject.DATABASE, Condition.DOWN, "OFFLINE", said, sign=Sign.CORRUPT if damage else None)


def _told(health: ServerHealth) -> Observation:
    said = f"PostgreSQL {health.version}, {health.connections} of {health.allowed} connections"
    if health.damaged_pages:
        damage = f"{health.damaged_pages} damaged pages were met in {health.damaged_in} (pg_stat_database)"
        return Observation(
            Subject.DATABASE, Condition.IMPAIRED, "ONLINE, DAMAGED", f"{damage}; {said}", sign=Sign.CORRUPT
        )
    problems = []
    if health.standby:
        problems.append("it is a standby: nobody can write to it")
    if health.read_only:
        problems.append("default_transaction_read_only is on: nobody can write to it")
    if health.we_read_only:
        problems.append("default_transaction_read_only is on for the role that asks: another one may write")
    if health.connections >= health.allowed * _NEARLY_ALL:
        problems.append("nearly all connections are taken")
    if problems:
        halted = health.standby or health.read_only
        word = "ONLINE, READ-ONLY" if halted or health.we_read_only else "ONLINE, CROWDED"
        sign = Sign.READ_ONLY if halted else None
        return Observation(Subject.DATABASE, Condition.IMPAIRED, word, "; ".join((*problems, said)), sign=sign)
    return Observation(Subject.DATABASE, Condition.OK, "ONLINE", said)


def _written(system: System) -> Written | None:
    try:
        sample = wal_position(source_url(system), system.wal_slot)
    except DrError:
        return None  # a role that may not ask; the stores and the receiver tell what they know
    return Written(sample.server_time, sample.lsn, sample.timeline) if sample is not None else None

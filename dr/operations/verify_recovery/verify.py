"""All questions to a recovered system, in the order that serves who waits for it: quick ones beside the slow, then the
backup, then its WAL, which the backup has made some of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.evidence.phases import Stopwatch
from dr.operations.verify_recovery.application import application_lane, jobs_question
from dr.operations.verify_recovery.archiving import wal_arrives
from dr.operations.verify_recovery.asking import answer, ask_all
from dr.operations.verify_recovery.backup import LEFT_OUT, back_up_recovered
from dr.operations.verify_recovery.beside import beside_lanes, erased_lane
from dr.operations.verify_recovery.contents import contents_questions, rows_lane
from dr.operations.verify_recovery.database import Seen, database_lane
from dr.operations.verify_recovery.expectation import find_expectation
from dr.operations.verify_recovery.soundness import soundness_questions
from dr.operations.verify_recovery.uploads import files_lane
from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.policy.recovered_state import Finding, Said

SECONDS = 300.0
"""For the counting of rows, and for each question that reads whole tables."""
WAL_SECONDS = 120.0
_WHOLE = ("database's name", "timeline", "tables", "rows")
"""What failed here is not kept: the next verification would be compared with it, and call it whole."""


def verify_recovery(
    system: System,
    *,
    expected: Expected | None = None,
    run: str = "verify",
    backup: bool = True,
    wal: bool = True,
    seconds: float = SECONDS,
) -> VerifiedRecovery:
    """Ask everything, back it up, and see its WAL arrive. Never raises for what it finds: see ``require``.

    Without ``expected`` it is compared with the newest backup that lies before the recovered moment.
    """
    found = ask_recovered(system, expected=expected or find_expectation(system), seconds=seconds)
    found = with_backup(system, found, run=run) if backup else without(found, "backup", LEFT_OUT)
    return with_wal(system, found, run=run) if wal else without(found, "WAL", "left out on purpose")


def ask_recovered(system: System, *, expected: Expected | None, seconds: float = SECONDS) -> VerifiedRecovery:
    """Every question that changes nothing but a row of ours."""
    if not system.postgres.configured:
        raise ConfigurationError("no server is configured", hint="Set DATABASE_URL=postgresql://USER@HOST/DATABASE.")
    stopwatch, seen = Stopwatch(), Seen()
    database = database_lane(system, expected, seen, seconds)
    within = (
        database[1:],
        (
            *contents_questions(system, expected, seconds),
            *soundness_questions(system, expected, seconds),
            jobs_question(system, expected, seconds),
        ),
        erased_lane(system, seconds),
        files_lane(system, seconds),
        rows_lane(system, expected, seconds),
    )
    beside = (application_lane(system), *beside_lanes(system, expected, seconds))
    # Alone, before all others: a server that is down is told once. What does not need it is asked all the same.
    with stopwatch.phase(database[0].name):
        first = answer(database[0])
    is_down = any(item.said is Said.FAILED for item in first)
    rest = ask_all(beside if is_down else (*within, *beside), stopwatch)
    origin = expected.origin if expected is not None else ""
    return VerifiedRecovery(system.name, (*first, *rest), stopwatch.phases, origin, seen.loss)


def with_backup(system: System, found: VerifiedRecovery, *, run: str) -> VerifiedRecovery:
    """The same with a backup of the recovered system, unless it is known not to be what was to come back."""
    refused = _refused(found, "backup")
    if refused is not None:
        return _joined(found, (refused,), Stopwatch())
    stopwatch = Stopwatch()
    with stopwatch.phase("backup"):
        finding, label = back_up_recovered(system, run=run)
    return replace(_joined(found, (finding,), stopwatch), backup=label)


def with_wal(system: System, found: VerifiedRecovery, *, run: str, seconds: float = WAL_SECONDS) -> VerifiedRecovery:
    """The same with WAL that was seen to arrive."""
    refused = _refused(found, "WAL")
    if refused is not None:
        return _joined(found, (refused,), Stopwatch())
    return _asked(found, "WAL", lambda: wal_arrives(system, seconds, run=run))


def without(found: VerifiedRecovery, name: str, why: str) -> VerifiedRecovery:
    """The same, and that something was left out, which its record shows."""
    return _joined(found, (Finding(name, Said.NOT_ASKED, why),), Stopwatch())


def _refused(found: VerifiedRecovery, name: str) -> Finding | None:
    """Why it is not even tried."""
    if not any(item.name == "database answers" and item.said is Said.PASSED for item in found.findings):
        return Finding(name, Said.UNPROVEN, "the database does not answer")
    wrong = tuple(dict.fromkeys(item.name for item in found.findings if item.said is Said.FAILED))
    wrong = tuple(item for item in wrong if item in _WHOLE)
    if not wrong:
        return None
    told = f"first mend {', '.join(wrong)}: what is not the right state is not kept"
    return Finding(name, Said.UNPROVEN, told, "When that is mended, dr verify again.")


def _asked(found: VerifiedRecovery, name: str, ask: Callable[[], Finding]) -> VerifiedRecovery:
    stopwatch = Stopwatch()
    with stopwatch.phase(name):
        finding = ask()
    return _joined(found, (finding,), stopwatch)


def _joined(found: VerifiedRecovery, more: tuple[Finding, ...], stopwatch: Stopwatch) -> VerifiedRecovery:
    phases = stopwatch.phases
    timed = tuple(replace(item, seconds=round(sum(phase.seconds for phase in phases), 3)) for item in more)
    return replace(found, findings=(*found.findings, *timed), phases=(*found.phases, *phases))

"""A system's figures at one moment: how large, how many rows, up to which canary, and whether the application answers.

The canary is given a row right then, noted outside of the database: what a disaster a moment later loses is counted
from it. Where that cannot be done the loss is not measured, and nobody makes a figure up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.evidence.quarterly import Asked, Metrics
from dr.operations.application.health import ask_application
from dr.operations.measure_loss import note_position
from dr.operations.verify_recovery.baseline import take_baseline
from dr.postgres.inspection import read_facts
from dr.postgres.questions import asking, write_once

ANSWER_SECONDS = 10.0


def measure_before(system: System, seconds: float) -> tuple[Metrics, Expected]:
    """The figures, and what a recovery has to bring back. Raises what asking the system raises."""
    expected = take_baseline(system, seconds)
    return _metrics(system, expected), expected


def measure_after(system: System, seconds: float) -> Metrics:
    """The figures of the recovered system."""
    return _metrics(system, take_baseline(system, seconds))


def _metrics(system: System, expected: Expected) -> Metrics:
    return Metrics(
        at=datetime.now(UTC),
        database_bytes=read_facts(system.postgres.url).database_bytes,
        rows={table.name: table.rows for table in expected.tables},
        canary=_beat(system),
        answers=tuple(Asked(one.url, one.ok, one.seconds) for one in ask_application(system, ANSWER_SECONDS)),
    )


def _beat(system: System) -> int | None:
    with asking(system.postgres.url, ANSWER_SECONDS) as connection:
        beat = write_once(connection)
    if beat is None:
        return None  # the role may not write rows: the loss is then told as not measured
    note_position(system, beat)
    return beat.seq

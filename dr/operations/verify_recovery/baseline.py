"""A baseline: what the system has now, kept in a file, so that a recovery later has an exact measure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.expected import Expected, to_json
from dr.catalog.manifest import TableRows
from dr.configuration.model import System
from dr.errors import ConfigurationError, DrError, StepTimedOut
from dr.operations.check_source import source_url
from dr.operations.verify_recovery.application import idle
from dr.postgres.inspection import dumped_tables, read_facts
from dr.postgres.jobs import jobs
from dr.postgres.questions import (
    asking,
    count_rows,
    extensions,
    sequences_behind,
    unsound,
    where_it_is,
)
from dr.postgres.rights import rights


def take_baseline(system: System, seconds: float) -> Expected:
    """Ask the running system. Raises ``StepTimedOut`` when its tables could not all be counted within ``seconds``."""
    url = source_url(system)
    facts = read_facts(url, seconds)
    with asking(url, seconds) as connection:
        place = where_it_is(connection)
        has = extensions(connection)
        flaws = [str(item) for item in unsound(connection)]
        flaws += [f"sequence {text.partition(' ')[0]}" for text in sequences_behind(connection).behind]
        flaws += [idle(job) for job in jobs(connection) if not job.active]
        who = rights(connection)
        parents = [table.name for table in dumped_tables(connection) if not table.has_rows]
    counted = count_rows(url, seconds)
    if counted.uncounted or counted.unreadable:
        raise StepTimedOut(
            f"a baseline of {system.name} would not be whole",
            "; ".join((*(f"{name}: {error}" for name, error in counted.unreadable.items()), *counted.uncounted)),
            "Give it longer (--seconds), and let the role read every table.",
        )
    return Expected(
        origin=f"the baseline of {place.now:%Y-%m-%d %H:%M:%S} UTC",
        system=system.name,
        taken=datetime.now(UTC),
        system_identifier=facts.system_identifier,
        database=facts.database,
        timeline=place.timeline,
        tables=tuple(
            TableRows(name, rows) for name, rows in sorted({**dict.fromkeys(parents, 0), **counted.rows}.items())
        ),
        extensions=dict(has),
        rights=who,
        flaws=tuple(flaws),
        redis_persistence=_redis(system),
    )


def _redis(system: System) -> str:
    """Empty where there is none, or where it does not tell."""
    if system.components.redis.url is None:
        return ""
    from dr.components.redis.service_check import check_service

    try:
        return check_service(system.components.redis).persistence
    except DrError:
        return ""


def write_baseline(expected: Expected, file: Path) -> None:
    """Write it whole, or not at all. Raises ``ConfigurationError``."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        temporary.write_bytes(to_json(expected))
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigurationError(
            f"the baseline cannot be written to {file}", error.strerror or str(error), "Name another place."
        ) from error

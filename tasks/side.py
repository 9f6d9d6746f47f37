"""Steps of a side restore: what is wanted out of a copy that is thrown away afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dr.operations import side_restore as side
from dr.operations.plan_recovery import Chosen
from dr.postgres.set_aside import Wanted
from tasks.runner import task
from tasks.systems import load_system

HOUR = 3600


@contextmanager
def temporary_place(system: str) -> Iterator[str]:
    """Where the copy goes; it is removed however the run ends."""
    with side.temporary_copy(load_system(system, require_postgres=False)) as directory:
        yield str(directory)


@task(name="check the place", retries=2, timeout_seconds=120)
def check_place(system: str, as_schema: str, file: str, into: str) -> side.SideTarget:
    """A schema or a file that is not there yet."""
    target = side.side_target(as_schema, file, into, datetime.now(UTC))
    side.check_side_target(load_system(system, require_postgres=not (file or into)), target)
    return target


@task(name="bring it back", timeout_seconds=12 * HOUR)
def bring_back(system: str, chosen: Chosen, wanted: Wanted, target: side.SideTarget) -> side.SideRestored:
    """Replay the copy, take out what is wanted, load it in one transaction, compare."""
    return side.bring_back(
        load_system(system, require_postgres=not (target.file or target.url)), chosen, wanted, target
    )

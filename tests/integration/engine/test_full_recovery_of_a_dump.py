"""A full recovery that has nothing but a dump makes a cluster of its own, also after it was killed while it made it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label
from dr.configuration.model import System
from dr.operations.full_recovery.database import recover
from dr.operations.full_recovery.own import is_free
from dr.policy.full_plan import PlannedDatabase
from dr.postgres.cluster import Recipe, running
from tests.integration.engine.conftest import DATABASE, Site
from tests.integration.engine.procedures import digests, make

RUN, LATER = "full-recovery_20260101_020000", "full-recovery_20260101_030000"


def killed(system: System, planned: PlannedDatabase) -> int:
    """The signal of which a process died when a part of the new cluster had come to its place."""
    child = os.fork()
    if child == 0:

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event == "os.rename" and str(arguments[1]) == f"{planned.directory}/PG_VERSION":
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        recover(system, planned, RUN)
        os._exit(0)
    return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_a_cluster_that_was_half_made_is_made_anew_by_the_next_run(
    site: Site, system_for: Callable[..., System], tmp_path: Path
) -> None:
    """It is known as its own, and what comes of it has every row of the dump."""
    system = system_for(site.url)
    label = make(system, Kind.DUMP).label
    place = tmp_path / "lost" / "data"
    planned = PlannedDatabase(label, Label.parse(label).created, str(place), None, "as it was", (), 1, None)
    died_of = killed(system, planned)
    left = {path.name for path in place.iterdir()}
    ours = is_free(place)
    recovered = recover(system, planned, LATER)
    with running(place, site.installation, Recipe(superuser=recovered.superuser)) as server:
        rows = digests(server.url_for(DATABASE))

    assert died_of == signal.SIGKILL
    assert left > {"RECOVERY-UNFINISHED"}
    assert ours
    assert rows == digests(site.url)

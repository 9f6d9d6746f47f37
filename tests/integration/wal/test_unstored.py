"""Before a copy takes production's place, the stores have all that production has committed; or it is said what not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dr.configuration.model import System, WalSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.errors import TargetRefused
from dr.operations.database.unstored import unstored
from dr.operations.wal.status import read_status
from tests.integration.cli.command import wait_until
from tests.integration.wal.plant import Site, receiving

LONG = WalSettings(partial_seconds=600)
"""Nobody stores the open segment by itself while a test runs."""


def production(site: Site) -> System:
    """The system, whose data directory is known on this host."""
    recovery = RecoverySettings(data_directory=site.plant.directory)
    return replace(site.system, procedures=replace(site.system.procedures, recovery=recovery))


@pytest.mark.slow
def test_a_receiver_that_is_behind_is_waited_for(site: Site) -> None:
    """Of a server that lives, of one that was away for longer than a look, and of one that was stopped in order."""
    site = replace(site, wal=LONG)
    system = production(site)
    with receiving(site):
        site.plant.execute("CREATE TABLE before ()")
        assert unstored(system) is None

        site.plant.end()
        wait_until(lambda: _trouble(system), "the receiver to see that the server is away")
        site.plant.begin()
        site.plant.execute("CREATE TABLE afterwards ()")
        committed = site.plant.flushed()
        assert unstored(system) is None
        assert site.end_of_index() >= committed.position

        site.plant.execute("CREATE TABLE at_last ()")
        committed = site.plant.flushed()
        site.plant.end()
        assert unstored(system) is None
        assert site.end_of_index() > committed.position


@pytest.mark.slow
def test_what_nobody_brings_is_told_at_once(site: Site) -> None:
    """How far production goes, and how far the stores; and a swap is refused for it."""
    site = replace(site, wal=LONG)
    system = production(site)
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
    site.plant.execute("CREATE TABLE too_late ()")
    committed = site.plant.flushed()

    living = unstored(system)
    site.plant.end()
    stopped = unstored(system)

    assert living is not None
    assert living.stored is not None
    assert stopped is not None
    assert living.stored < committed <= living.end < stopped.end
    with pytest.raises(TargetRefused, match="would lack") as caught:
        living.refuse()
    assert f"goes up to {living.end}" in caught.value.detail
    assert "it goes on" in caught.value.hint


def test_where_a_server_that_was_killed_ends_nobody_can_tell(site: Site) -> None:
    """It has not noted it, so there is nothing to wait for."""
    site.plant.execute("CREATE TABLE before ()")
    site.plant.kill()

    assert unstored(production(site)) is None


def _trouble(system: System) -> bool:
    status = read_status(system)
    return status is not None and any("no WAL is received" in problem for problem in status.problems)

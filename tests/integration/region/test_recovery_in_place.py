"""A recovery in place puts no second server in charge: it looks at the other region before, and before the start."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.configuration.procedures.recovery import RecoverySettings
from dr.errors import NotFenced
from dr.operations.database.plan_in_place import InPlace, plan_in_place
from dr.operations.database.serve import start_database
from dr.operations.region.only_primary import refuse_beside_primary
from dr.policy.recovery_target import RecoveryTarget
from dr.postgres.following import server_of
from dr.postgres.standby import promote
from dr.secret import Secret
from dr.services.protocol import State
from dr.services.registry import service
from tests.integration.region.pair import PRIMARY, STANDBY, Pair, pair

pytestmark = [pytest.mark.slow, pytest.mark.incident("I4")]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary and its replica, which streams."""
    with pair(tmp_path_factory.mktemp("place") / "here") as made:
        yield made


def recovering(made: Pair, name: str, **region: object) -> System:
    """The system as it is on the host of that server."""
    place = made.directory / name
    system = made.with_region(**region)
    recovery = RecoverySettings(data_directory=place, database_service=name)
    return dataclasses.replace(system, procedures=dataclasses.replace(system.procedures, recovery=recovery))


def refused(system: System) -> str:
    """What the plan of a recovery in place says, nothing having been looked for in a store."""
    with pytest.raises(NotFenced) as caught:
        plan_in_place(system, InPlace("latest", RecoveryTarget()))
    return str(caught.value)


def test_the_server_that_is_recovered_is_no_other_one(both: Pair) -> None:
    """It is in charge and its replica is not, whether it is up or down; who is far away and silent is named."""
    mine = recovering(both, PRIMARY)
    away = recovering(both, PRIMARY, standby_url=Secret("host=192.0.2.1 user=postgres connect_timeout=1"))
    up = refuse_beside_primary(mine, both.directory / PRIMARY)
    far = refuse_beside_primary(away, both.directory / PRIMARY)
    elsewhere = refused(recovering(both, STANDBY))

    assert up == ()
    assert ["192.0.2.1" in line for line in far] == [True]
    assert "standby.signal" in elsewhere


def test_a_directory_that_was_fenced_is_not_replaced_by_one_that_is_not(both: Pair, tmp_path: Path) -> None:
    """The mark is all that is seen of a failover while the line between the regions is cut."""
    (tmp_path / "standby.signal").touch()
    cut = both.with_region(standby_url=Secret("host=127.0.0.1 port=1"))
    alone = both.with_region(standby_url=None)

    with pytest.raises(NotFenced, match=r"standby\.signal"):
        refuse_beside_primary(cut, tmp_path)
    assert refuse_beside_primary(alone, tmp_path) == ()


def test_behind_a_failover_the_old_server_is_neither_recovered_nor_started(both: Pair) -> None:
    """The second region's takes writes by now; on its own host it may be recovered as before."""
    old, new = recovering(both, PRIMARY), recovering(both, STANDBY)
    promote(both.second.url, 60)
    beside = refused(old)
    service(both.system, PRIMARY).stop(30)
    told = refused(old)
    with pytest.raises(NotFenced, match="is in charge"):
        start_database(old, "", 10)

    assert both.second.name in beside
    assert both.second.name in told
    assert service(both.system, PRIMARY).status(5).state is State.STOPPED
    assert server_of(both.directory / PRIMARY) == 0
    assert refuse_beside_primary(new, both.directory / STANDBY) == ()

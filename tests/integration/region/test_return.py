"""The way back, piece by piece: what is refused, what is kept, and what stands in where pg_rewind gives up."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dr.errors import IdentityMismatch, NotFenced, RecoveryFailed, TargetRefused
from dr.operations.region.claim import claim_timeline
from dr.operations.region.diverged import list_diverged
from dr.operations.region.look import Fenced, look, require_standby
from dr.operations.region.may_start import may_start
from dr.operations.region.rebuild import catch_up, keep_out, rebuild, start_replica
from dr.operations.region.sites import sight_of
from dr.operations.region.switch_back import hand_over
from dr.operations.region.take_over import take_over
from dr.operations.repositories import open_repository
from dr.policy.promotion import FenceTried
from dr.postgres.cluster import create_cluster
from dr.postgres.standby import server_role, set_system
from dr.services.registry import service
from tests.integration.region.pair import PRIMARY, Pair, pair

pytestmark = pytest.mark.slow
OFF = FenceTried("service", True, "it is stopped")


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The second is in charge; the first has ten transactions that never reached it, and is stopped."""
    with pair(tmp_path_factory.mktemp("return") / "here") as made:
        made.write(made.first.url, 5)
        made.level()
        set_system(
            made.second.url, {"primary_conninfo": "host=127.0.0.1 port=1", "synchronous_standby_names": "nobody"}
        )
        made.wait(lambda: not server_role(made.second.url).streaming)
        made.write(made.first.url, 10)
        service(made.system, PRIMARY).stop(30)
        repository = open_repository(made.system)
        repository.claim(server_role(made.second.url).system_identifier, datetime.now(UTC), repository.stores)
        yield made


@pytest.fixture(scope="module")
def promoted(diverged: Pair) -> Pair:
    """The second after its promotion."""
    seen = sight_of(diverged.second)
    fenced = Fenced(sight_of(diverged.first), seen, (OFF,), ())
    take_over(diverged.system, diverged.first, diverged.second, fenced)
    return diverged


def test_a_new_primary_waits_for_no_standby_of_the_old_one(promoted: Pair) -> None:
    """Its settings are its old primary's: without this every commit would hang."""
    promoted.write(promoted.second.url)

    assert server_role(promoted.second.url).synchronous_standby_names == ""


def test_one_that_is_in_charge_is_not_failed_over_to_again(promoted: Pair) -> None:
    """It has happened already, and the hint says what leads back."""
    with pytest.raises(TargetRefused, match="is in charge already"):
        require_standby(look(promoted.system, promoted.first, promoted.second))


def test_the_transactions_of_the_old_server_are_counted_and_kept(promoted: Pair) -> None:
    """Ten were lost; the copy is made once, whatever runs again."""
    found = list_diverged(promoted.system, promoted.first, promoted.second)
    again = list_diverged(promoted.system, promoted.first, promoted.second)

    assert found.commits == 10
    assert found.first is not None
    assert found.last is not None
    assert found.first <= found.last
    assert again.copy == found.copy


def test_the_old_server_may_not_start_in_charge_once_another_has_claimed(promoted: Pair) -> None:
    """Before any WAL of the new timeline has reached a store."""
    assert "no store knows" in may_start(promoted.system, promoted.first)
    claim_timeline(promoted.system, 2, "db2:5432/", "7", "failover")

    with pytest.raises(NotFenced, match="another server was promoted"):
        may_start(promoted.system, promoted.first)


def test_a_server_of_another_cluster_is_not_touched(promoted: Pair, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A wrong path must not cost somebody else's data."""
    other = tmp_path_factory.mktemp("other") / "data"
    create_cluster(other, promoted.installation)
    wrong = dataclasses.replace(promoted.first, directory=other)

    with pytest.raises(IdentityMismatch, match="of another cluster"):
        rebuild(
            promoted.system,
            wrong,
            promoted.second,
            list_diverged(promoted.system, promoted.first, promoted.second),
            "t",
        )


def test_where_pg_rewind_gives_up_a_base_backup_takes_its_place(promoted: Pair) -> None:
    """Through the stores; the server's own settings stay, what only it had is in the copy, and it catches up."""
    directory = promoted.first.require_directory("")
    found = list_diverged(promoted.system, promoted.first, promoted.second)
    shutil.rmtree(directory / "pg_wal")
    settings = (directory / "postgresql.conf").read_text()

    rebuilt = rebuild(promoted.system, promoted.first, promoted.second, found, "test")
    start_replica(promoted.system, promoted.first)
    catch_up(promoted.system, promoted.first, promoted.second)

    assert rebuilt.method == "base backup"
    assert (directory / "postgresql.conf").read_text() == settings
    promoted.wait(lambda: promoted.rows(promoted.first.url) == promoted.rows(promoted.second.url))
    assert not list(directory.parent.glob("*_replaced_*"))


def test_two_servers_on_one_timeline_are_left_to_a_person(promoted: Pair) -> None:
    """Neither is the older one, so neither is stopped."""
    with pytest.raises(NotFenced, match="both take writes"):
        keep_out(promoted.system, dataclasses.replace(promoted.second, service=""), promoted.second)


def test_a_standby_is_nothing_to_go_back_from(promoted: Pair) -> None:
    """Somebody has mixed up the regions."""
    with pytest.raises(TargetRefused, match="is a standby"):
        keep_out(promoted.system, promoted.second, promoted.first)


def test_a_replica_that_lacks_the_last_wal_is_not_promoted(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The server in charge is down, its replica never got the end: it is told, and can be undone."""
    with pair(tmp_path_factory.mktemp("lacking") / "here") as made:
        made.write(made.first.url)
        made.level()
        set_system(made.second.url, {"primary_conninfo": "host=127.0.0.1 port=1"})
        made.wait(lambda: not server_role(made.second.url).streaming)
        made.write(made.first.url, 3)
        away = dataclasses.replace(made.first, directory=None, service="")

        with pytest.raises(RecoveryFailed, match="nothing was promoted") as caught:
            hand_over(made.system, away, made.second, seconds=1)

        assert server_role(made.second.url).standby
        assert "standby.signal" in caught.value.hint

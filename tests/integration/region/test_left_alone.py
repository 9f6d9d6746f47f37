"""What is not the server that was left behind, or not on this host, is neither stopped nor changed nor believed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.configuration.procedures.services import ServiceSettings
from dr.errors import NotFenced, RecoveryFailed, TargetRefused
from dr.operations.region.archive import feed
from dr.operations.region.claim import claim_timeline
from dr.operations.region.diverged import list_diverged
from dr.operations.region.fencing.service import by_service
from dr.operations.region.look import fence_and_decide
from dr.operations.region.rebuild import keep_out, rebuild
from dr.operations.region.switch_back import follow_back, hand_over
from dr.operations.repositories import open_repository
from dr.pipeline.process import run
from dr.postgres.account import account_for
from dr.postgres.cluster import create_cluster
from dr.postgres.connection import connected
from dr.postgres.control_data import control_data
from dr.postgres.standby import promote, server_role, set_system, write_something
from dr.postgres.waldump import has_record_from
from dr.secret import Secret
from dr.services.protocol import State
from dr.services.registry import service
from tests.integration.region.pair import PRIMARY, STANDBY, Pair, pair
from tests.integration.services.cases import kubernetes_bench

pytestmark = pytest.mark.slow
NOWHERE: dict[str, str | None] = {"primary_conninfo": "host=127.0.0.1 port=1"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary and its replica, which streams."""
    with pair(tmp_path_factory.mktemp("alone") / "here") as made:
        yield made


def runs(made: Pair, name: str) -> bool:
    """Whether its service does."""
    return service(made.system, name).status(5).state is State.RUNNING


def part(made: Pair) -> None:
    """From now on the replica gets nothing any more, and the primary goes on."""
    set_system(made.second.url, NOWHERE)
    made.wait(lambda: not server_role(made.second.url).streaming)
    made.write(made.first.url, 10)


def test_the_service_of_another_cluster_is_not_stopped_for_a_proof(both: Pair, tmp_path: Path) -> None:
    """Its directory is here, and of somebody else's data."""
    other = tmp_path / "data"
    create_cluster(other, both.installation)

    tried = by_service(both.system, dataclasses.replace(both.first, directory=other), both.second)

    assert tried is not None
    assert not tried.proven
    assert "of another cluster" in tried.detail
    assert runs(both, PRIMARY)


def test_a_server_at_another_hosts_address_is_not_fenced_by_a_service_of_this_one(both: Pair) -> None:
    """With one configuration in both regions the path is the same on both hosts."""
    away = dataclasses.replace(both.first, url=Secret("host=192.0.2.1 user=postgres connect_timeout=1"))

    tried = by_service(both.system, away, both.second)

    assert tried is not None
    assert not tried.proven
    assert "is no address of this host" in tried.detail
    assert runs(both, PRIMARY)


def test_a_return_on_the_wrong_host_stops_nothing(both: Pair) -> None:
    """There the same names are of the server in charge."""
    wrong = dataclasses.replace(
        both.second, url=Secret("host=192.0.2.1 user=postgres connect_timeout=1"), directory=both.first.directory
    )

    for left in (
        dataclasses.replace(wrong, service=PRIMARY),
        dataclasses.replace(both.second, directory=both.first.directory, service=PRIMARY),
    ):
        with pytest.raises(TargetRefused, match="is not the host of"):
            keep_out(both.system, left, both.first)

    assert runs(both, PRIMARY)
    write_something(both.first.url, 10)


def test_what_will_refuse_the_promotion_is_asked_before_the_fence(both: Pair) -> None:
    """The timeline belongs to another server: then the one in charge is left in charge."""
    claim_timeline(both.system, 2, "db3:5432/", "7", "failover elsewhere")

    with pytest.raises(NotFenced, match="was left alone"):
        fence_and_decide(both.system, both.first, both.second, "")

    assert runs(both, PRIMARY)
    write_something(both.first.url, 10)


def test_kubernetes_fences_only_in_a_named_cluster_and_not_by_force(
    both: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod that is deleted by force is gone from the books only."""
    monkeypatch.setattr("dr.operations.region.fencing.service.STOP_SECONDS", 3.0)
    with kubernetes_bench(tmp_path, monkeypatch) as bench:
        case = bench.case("stubborn")
        case.service.start(20)
        both.wait(lambda: case.alive)
        named = both.system.procedures.services[0]
        given = dataclasses.replace(named, name="web", driver="kubernetes", context="production", namespace="shop")
        site = dataclasses.replace(both.first, service="web")

        with pytest.raises(Exception, match="does not stop within"):
            by_service(_with(both, given), site, both.second)
        unnamed = by_service(_with(both, dataclasses.replace(given, context="")), site, both.second)

        assert case.alive
        assert unnamed is not None
        assert not unnamed.proven
        assert "names no context" in unnamed.detail


def _with(both: Pair, given: ServiceSettings) -> System:
    procedures = dataclasses.replace(both.system.procedures, services=(given,))
    return dataclasses.replace(both.system, procedures=procedures)


@pytest.fixture
def paused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A replica that lacks WAL, replays with a delay, and was paused by somebody."""
    with pair(tmp_path_factory.mktemp("paused") / "here") as made:
        part(made)
        set_system(made.second.url, {"recovery_min_apply_delay": "1h"})
        with connected(made.second.url) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
        yield made


def test_wal_of_the_stores_is_replayed_against_a_pause_and_a_delay_or_nothing_goes_on(paused: Pair) -> None:
    """What normal times want of a replica must not lose what was shipped. One that hangs is told, and gone on with."""
    directory = paused.second.require_directory("")
    spool = _spool(paused)
    until = server_role(paused.first.url).end
    role = server_role(paused.second.url)
    assert has_record_from(paused.installation, spool, role.timeline, role.replayed or until)
    assert not has_record_from(paused.installation, spool, role.timeline, until)

    with hanging(paused.second.url), pytest.raises(RecoveryFailed, match="does not replay WAL") as caught:
        feed(paused.second, directory, spool, until, paused.installation, patience=3.5)
    after = server_role(paused.second.url)
    assert "nothing was promoted" in caught.value.detail
    assert "it goes on" in caught.value.hint
    assert (after.standby, after.timeline) == (True, role.timeline)
    assert delay(paused) == "1h"

    feed(paused.second, directory, spool, until, paused.installation, patience=20)
    assert paused.rows(paused.second.url) == 10
    assert delay(paused) == "1h"


@contextmanager
def hanging(url: Secret) -> Iterator[None]:
    """The process that replays does not get on, as when its disk hangs; the server answers."""
    with connected(url) as connection:
        row = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'").fetchone()
    assert row is not None
    os.kill(row["pid"], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(row["pid"], signal.SIGCONT)


def delay(made: Pair) -> str:
    """The replica's own setting."""
    with connected(made.second.url) as connection:
        row = connection.execute("SELECT current_setting('recovery_min_apply_delay') AS delay").fetchone()
    assert row is not None
    return str(row["delay"])


def _spool(made: Pair) -> Path:
    """The primary's WAL, as it would have come from a store."""
    directory = made.first.require_directory("")
    spool = made.directory / "archive"
    spool.mkdir()
    for file in (directory / "pg_wal").glob("0000*"):
        shutil.copy2(file, spool / file.name)
        shutil.chown(spool / file.name, directory.owner(), directory.group())
    shutil.chown(spool, directory.owner(), directory.group())
    return spool


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The replica was promoted while its primary went on; the primary is stopped."""
    with pair(tmp_path_factory.mktemp("parted") / "here") as made:
        part(made)
        service(made.system, PRIMARY).stop(30)
        repository = open_repository(made.system)
        repository.claim(server_role(made.second.url).system_identifier, datetime.now(UTC), repository.stores)
        yield made


def test_a_server_that_is_further_is_not_rewound(parted: Pair) -> None:
    """On one timeline the other has more; on a newer one it was promoted last."""
    with pytest.raises(NotFenced, match="is not what was left behind"):
        list_diverged(parted.system, parted.first, parted.second)

    promote(parted.second.url, 30)
    assert list_diverged(parted.system, parted.first, parted.second).commits >= 10
    service(parted.system, PRIMARY).start(30)
    parted.wait(lambda: server_role(parted.first.url))
    service(parted.system, STANDBY).stop(30)
    directory = parted.second.require_directory("")
    before = control_data(directory, parted.installation)
    with pytest.raises(NotFenced, match="is not what was left behind"):
        keep_out(parted.system, parted.second, parted.first)
    with pytest.raises(NotFenced, match="is not what was left behind"):
        list_diverged(parted.system, parted.second, parted.first)

    assert control_data(directory, parted.installation) == before
    service(parted.system, PRIMARY).stop(30)
    service(parted.system, STANDBY).start(30)
    parted.wait(lambda: server_role(parted.second.url))


def test_what_came_in_after_the_list_is_not_thrown_away(parted: Pair) -> None:
    """Somebody has started the old server in between: refused, and the next list has another copy."""
    found = list_diverged(parted.system, parted.first, parted.second)
    service(parted.system, PRIMARY).start(30)
    parted.wait(lambda: server_role(parted.first.url))
    parted.write(parted.first.url, 3)
    service(parted.system, PRIMARY).stop(30)

    with pytest.raises(TargetRefused, match="not as it was") as caught:
        rebuild(parted.system, parted.first, parted.second, found, "test")
    again = list_diverged(parted.system, parted.first, parted.second)

    assert "--anew" in caught.value.hint
    assert again.commits == found.commits + 3
    assert again.copy != found.copy


def test_a_stopped_service_whose_directory_is_no_last_word_proves_nothing(parted: Pair) -> None:
    """It may be a copy that was left behind: it did not run, and it was not shut down in order."""
    directory = parted.first.require_directory("")
    for words in (("start", "-w", "-l", "/dev/null"), ("stop", "-m", "immediate")):
        argv = (parted.installation.program("pg_ctl"), *words, "-D", directory)
        ended, _ = run("pg_ctl", argv, account=account_for(directory), deadline_seconds=30)
        assert ended.ok, str(ended)

    tried = by_service(parted.system, parted.first, parted.second)

    assert tried is not None
    assert not tried.proven
    assert "did not run" in tried.detail


def test_without_the_wal_of_the_fork_its_directory_is_kept(parted: Pair) -> None:
    """What it had cannot be told any more, so all of it is."""
    directory = parted.first.require_directory("")
    (directory / "pg_wal").rename(directory / "pg_wal.away")
    (directory / "pg_wal").mkdir()

    found = list_diverged(parted.system, parted.first, parted.second)

    assert "cannot be read" in found.note
    assert (Path(found.copy) / "PG_VERSION").exists()


def test_a_hand_over_goes_on_after_the_server_was_shut_down(tmp_path_factory: pytest.TempPathFactory) -> None:
    """From the other region's host nothing of the server is seen but what its replica has got last."""
    with pair(tmp_path_factory.mktemp("handed") / "here") as made:
        made.write(made.first.url, 3)
        made.level()
        service(made.system, PRIMARY).stop(30)
        elsewhere = dataclasses.replace(made.first, directory=made.directory / "not_here")

        with pytest.raises(RecoveryFailed, match="cannot be shut down"):
            hand_over(made.system, elsewhere, made.second, seconds=5)
        handed = hand_over(made.system, elsewhere, made.second, seconds=5, begun=True)
        promote(made.second.url, 30)

        assert "ends with the shutdown" in handed.proof
        assert "on its host, set primary_conninfo" in follow_back(made.system, elsewhere, made.second)

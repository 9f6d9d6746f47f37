"""What the stores say to a promotion: whose a timeline is, and how long nothing has come in."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import Ancestor, StoredHistory, to_json
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System, WalSettings
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.region import RegionSettings
from dr.errors import ConfigurationError, NotFenced
from dr.operations.region.claim import claim_timeline, claimant
from dr.operations.region.witnesses import ask_witnesses, is_quiet, quiet_seconds, wait_until_quiet, witness_stores
from dr.operations.repositories import open_repository
from dr.secret import Secret


def system_of(tmp_path: Path, *stores: str, **region: object) -> System:
    """A system with directories for stores."""
    return System(
        "shop",
        PostgresSettings(Secret("postgresql://db1/shop")),
        tuple(StoreSettings(name, "local", path=tmp_path / name) for name in stores),
        EncryptionSettings(recipients=("0" * 40,)),
        wal=WalSettings(partial_seconds=1),
        procedures=ProcedureSettings(region=RegionSettings(**region)),  # type: ignore[arg-type]
        state_directory=tmp_path / "state",
    )


def history(timeline: int) -> bytes:
    """A record of the index, as a receiver writes it."""
    made = StoredHistory(
        timeline,
        "7",
        f"{timeline - 1}\t0/3000000\tno reason\n",
        "0",
        1,
        "0",
        datetime.now(UTC),
        ancestors=(Ancestor(timeline - 1, Lsn.parse("0/3000000")),),
    )
    return to_json(made)


def ship(system: System, store: str, timeline: int, seconds_ago: float = 0) -> None:
    """Have WAL of a timeline come into a store, so long ago by the store's clock."""
    key = labels.wal_history_index_key(system.name, timeline)
    open_repository(system).store(store).put_bytes(key, history(timeline))
    file = next(path for path in system.state_directory.parent.rglob("history.json") if f"{timeline:08X}" in str(path))
    then = file.stat().st_mtime - seconds_ago
    os.utime(file, (then, then))


def test_a_timeline_is_claimed_by_one_server_only(tmp_path: Path) -> None:
    """The second is refused and told whose it is, and what to do when that promotion never happened."""
    system = system_of(tmp_path, "a", "b")

    assert claim_timeline(system, 2, "db2:5432/", "7", "failover") == ("a", "b")
    with pytest.raises(NotFenced, match="timeline 2 belongs to db2:5432/") as caught:
        claim_timeline(system, 2, "db3:5432/", "7", "failover")
    assert "promotions/00000002.json" in caught.value.hint


def test_the_same_server_may_claim_again(tmp_path: Path) -> None:
    """A failover that was killed goes on."""
    system = system_of(tmp_path, "a")
    claim_timeline(system, 2, "db2:5432/", "7", "failover")

    assert claim_timeline(system, 2, "db2:5432/", "7", "failover again") == ("a",)
    assert claimant(system, 2, "db2:5432/") == ""


def test_a_claim_in_any_store_counts(tmp_path: Path) -> None:
    """Who could reach only one store has claimed it there."""
    claim_timeline(system_of(tmp_path, "b"), 2, "db3:5432/", "7", "failover")
    system = system_of(tmp_path, "a", "b")

    assert claimant(system, 2, "db2:5432/").startswith("db3:5432/")
    with pytest.raises(NotFenced):
        claim_timeline(system, 2, "db2:5432/", "7", "failover")


def test_the_newest_timeline_of_a_store_is_seen(tmp_path: Path) -> None:
    """Also when only its history has arrived."""
    system = system_of(tmp_path, "a")
    ship(system, "a", 4)

    (witness,) = ask_witnesses(system)

    assert witness.answers
    assert witness.timeline == 4


def test_how_long_nothing_has_come_is_by_the_stores_own_clock(tmp_path: Path) -> None:
    """The index's time against that of an object written now."""
    system = system_of(tmp_path, "a")
    ship(system, "a", 2, seconds_ago=100)

    (witness,) = ask_witnesses(system)

    assert witness.quiet_seconds == pytest.approx(100, abs=5)
    assert is_quiet([witness], 60)
    assert not is_quiet([witness], 120)


def test_a_store_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """It neither hides the others nor speaks for anybody."""
    system = system_of(tmp_path, "a", "b")
    (tmp_path / "b").write_text("a file where the directory should be")

    first, second = ask_witnesses(system)

    assert (first.answers, second.answers) == (True, False)
    assert second.detail


def test_waiting_for_quiet_ends_though_wal_keeps_coming(tmp_path: Path) -> None:
    """And hands over what speaks against it."""
    system = system_of(tmp_path, "a")
    ship(system, "a", 2, seconds_ago=-3600)

    found = wait_until_quiet(system, 0.3)

    assert not is_quiet(found, 0.3)


def test_the_quiet_is_never_shorter_than_a_receivers_pause(tmp_path: Path) -> None:
    """Between two shipments of the open segment a living server looks quiet."""
    assert quiet_seconds(system_of(tmp_path, "a", quiet_minutes=0.001)) == 2.0
    assert quiet_seconds(system_of(tmp_path, "a", quiet_minutes=1.0)) == 60.0


def test_a_witness_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """A misspelt name would leave nobody to ask."""
    with pytest.raises(ConfigurationError, match=r"region\.witnesses names clowd"):
        witness_stores(system_of(tmp_path, "cloud", witnesses=("clowd",)))

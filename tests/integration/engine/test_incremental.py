"""Incremental base backups: what has changed is enough, and whatever is in the way leads to a full one, with words."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Method
from dr.configuration.model import EncryptionSettings, RetentionSettings, StoreSettings, System
from dr.crypto.gnupg import program
from dr.demo.keys import key_pair
from dr.errors import SourceError
from dr.operations.check_recovery import check_cluster
from dr.operations.find_backup import find_backup
from dr.operations.parent_manifest import directory_of
from dr.operations.repositories import open_repository
from dr.pipeline.process import run
from dr.policy.base_schedule import BaseMethod
from dr.postgres.base_backup import base_backup
from dr.postgres.cluster import running
from dr.postgres.connection import connected
from dr.postgres.incremental import IncrementalRefused
from dr.postgres.inspection import scalar
from tests.integration.engine.chains import back_up, bring_back, make_accounts, transfers
from tests.integration.engine.conftest import DATABASE, MAJORS, Site, make_site
from tests.integration.engine.procedures import digests
from tests.integration.engine.test_damaged_copies import flip

SystemFor = Callable[..., System]


@pytest.fixture(scope="module")
def summarizing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that notes which blocks its WAL changes."""
    assert MAJORS[-1] >= 17, "the newest server of a complete installation makes incremental backups"
    yield from make_site(tmp_path_factory.mktemp("summarizing"), MAJORS[-1], {"summarize_wal": "on"})


def method(label: str) -> str:
    """``full`` or ``incr``."""
    return label.rsplit("_", 1)[-1]


@pytest.mark.incident("I37")
def test_a_chain_made_under_load_restores_every_table(summarizing: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """Full, incremental, incremental, with a tablespace: the copy boots, is consistent and has what the source has."""
    space = tmp_path / "space=fast"
    space.mkdir()
    space.chmod(0o777)
    make_accounts(summarizing)
    system = system_for(summarizing.url)
    with transfers(summarizing.url):
        full = back_up(system)
        with connected(summarizing.url) as connection:
            connection.execute(f"CREATE TABLESPACE fast LOCATION '{space}'")
            connection.execute("CREATE TABLE in_space TABLESPACE fast AS SELECT i FROM generate_series(1, 9000) AS i")
        first = back_up(system)
        with connected(summarizing.url) as connection:
            connection.execute("UPDATE in_space SET i = -i WHERE i % 100 = 0")
            connection.execute("CREATE TABLE late AS SELECT i FROM generate_series(1, 100) AS i")
            connection.execute("DROP TABLE IF EXISTS nothing")
    second = back_up(system)
    before = [item for item in digests(summarizing.url) if item.table != "public.fleeting"]
    try:
        labels = [draft.manifest.label for draft in (full, first, second)]
        assert [method(label) for label in labels] == ["full", "incr", "incr"]
        assert [item.manifest.parent for item in (full, first, second)] == [None, *labels[:2]]
        assert second.manifest.stored_bytes < full.manifest.stored_bytes / 2
        assert "number 2 of at most 6" in second.reason

        middle = bring_back(system, labels[1], tmp_path / "middle")
        check_cluster(system, first.manifest, Path(middle.directory)).require(labels[1])
        with (
            running(Path(middle.directory), summarizing.installation) as copy,
            connected(copy.url_for(DATABASE)) as connection,
        ):
            assert scalar(connection, "SELECT sum(amount) FROM accounts") == 0, "cut in the middle of a transfer"
            assert int(str(scalar(connection, "SELECT count(*) FROM accounts WHERE amount <> 0"))) > 10

        restored = bring_back(system, labels[2], tmp_path / "copy")
        check_cluster(system, second.manifest, tmp_path / "copy").require(labels[2])
        (new_place,) = restored.tablespaces.values()
        assert new_place.startswith(str(tmp_path / "copy_tablespaces"))
        assert not (tmp_path / "copy_chain").exists()
        with running(tmp_path / "copy", summarizing.installation) as copy:
            after = [item for item in digests(copy.url_for(DATABASE)) if item.table != "public.fleeting"]
            assert after == before
            with connected(copy.url) as connection:
                assert scalar(connection, "SELECT timeline_id FROM pg_control_checkpoint()") == 2
    finally:
        with connected(summarizing.url) as connection:
            connection.execute("DROP TABLE in_space")
            connection.execute("DROP TABLESPACE fast")


def test_an_incremental_backup_is_listed_found_and_read_back_as_any_other(
    summarizing: Site, system_for: SystemFor
) -> None:
    """Its label, its parent, its proofs and its tables are in the manifest; it is the latest."""
    system = system_for(summarizing.url)
    full, increment = back_up(system), back_up(system)

    found = find_backup(system, "latest", Kind.BASE).manifest

    assert found.label == increment.manifest.label
    assert found.parsed_label.method is Method.INCREMENTAL
    assert found.parent == full.manifest.label
    assert found.proven_level("local") is not None
    assert {item.name for item in found.table_estimates} >= {"public.users", "public.orders"}
    assert found.server_end is not None


def test_the_chain_never_grows_longer_than_the_rule_allows(summarizing: Site, system_for: SystemFor) -> None:
    """With one incremental allowed: full, incremental, full, and the reason names the full one it would hang on."""
    system = dataclasses.replace(system_for(summarizing.url), retention=RetentionSettings(max_chain=1))
    made = [back_up(system) for _ in range(3)]

    assert [item.method for item in made] == ["full", "incremental", "full"]
    assert made[0].reason == "there is no earlier base backup"
    assert f"1 incremental ones hang on {made[0].manifest.label}" in made[2].reason


def test_a_full_one_can_be_asked_for(summarizing: Site, system_for: SystemFor) -> None:
    """Whatever the rule says; the next one hangs on it."""
    system = system_for(summarizing.url)
    back_up(system)
    asked, following = back_up(system, BaseMethod.FULL), back_up(system)

    assert (asked.method, asked.reason) == ("full", "a full one was asked for")
    assert following.manifest.parent == asked.manifest.label


def _remove_manifest(root: Path, label: str) -> None:
    shutil.rmtree(root / "shop" / "base" / label)


def _remove_object(root: Path, label: str) -> None:
    next((root / "shop" / "base" / label).glob("base.tar*")).unlink()


def _cut_object(root: Path, label: str) -> None:
    file = next((root / "shop" / "base" / label).glob("base.tar*"))
    os.truncate(file, file.stat().st_size - 1)


@pytest.mark.parametrize(
    "harm, told",
    [
        (_remove_manifest, "which is not there"),
        (_remove_object, "is not to be had in store local"),
        (_cut_object, "instead of"),
    ],
)
def test_a_parent_that_is_gone_or_cut_short_leads_to_a_full_one(
    harm: Callable[[Path, str], None], told: str, summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Two links up: what hangs on it cannot be restored, so nothing more is hung on it, and the run goes on."""
    system = system_for(summarizing.url)
    oldest = back_up(system).manifest.label
    back_up(system)
    harm(tmp_path / "backups", oldest)

    following = back_up(system)

    assert following.method == "full"
    assert oldest in following.reason
    assert told in following.reason


def test_a_store_that_lacks_the_parent_leads_to_a_full_one(
    summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Each store can restore by itself: one that was added or was away yesterday gets a whole chain of its own."""
    local, other = (StoreSettings(name, "local", path=tmp_path / name) for name in ("local", "other"))
    alone = system_for(summarizing.url, local)
    first = back_up(alone)
    both = dataclasses.replace(alone, stores=(local, other))

    made = [back_up(both), back_up(both)]

    assert [item.method for item in made] == ["full", "incremental"]
    assert made[0].reason == f"store other does not have {first.manifest.label}"


def test_a_server_that_does_not_summarize_wal_gives_a_full_one_with_the_reason(
    any_site: Site, system_for: SystemFor
) -> None:
    """PostgreSQL 15 and 16 cannot, later ones only if told to; insisting on an incremental one fails."""
    system = system_for(any_site.url)
    made = [back_up(system), back_up(system)]

    major = any_site.installation.major
    expected = f"PostgreSQL {major} makes only full ones" if major < 17 else "summarize_wal is off on the server"
    assert all(item.method == "full" and item.reason.startswith(expected) for item in made)
    with pytest.raises(SourceError, match="no incremental base backup is possible") as caught:
        back_up(system, BaseMethod.INCREMENTAL)
    assert expected in caught.value.detail
    assert caught.value.hint


def _forget_wal_summaries(site: Site) -> None:
    """Have the WAL up to now summarized, then remove the summaries, as too short a wal_summary_keep_time would."""
    with connected(site.url) as connection:
        now = scalar(connection, "SELECT pg_current_wal_insert_lsn()::text")
        connection.execute("CHECKPOINT")
        end = time.monotonic() + 30
        done = "SELECT summarized_lsn >= %s::pg_lsn AS done FROM pg_get_wal_summarizer_state()"
        while not (connection.execute(done, (now,)).fetchone() or {}).get("done"):
            assert time.monotonic() < end, "the WAL is not summarized"
            time.sleep(0.05)
    for file in (site.directory / "data" / "pg_wal" / "summaries").glob("*.summary"):
        file.unlink()


def test_a_server_that_lacks_wal_summaries_refuses_and_gets_a_full_one(system_for: SystemFor, tmp_path: Path) -> None:
    """Its own words are the reason; insisting fails with them and leaves nothing."""
    for made in make_site(tmp_path / "forgetful", MAJORS[-1], {"summarize_wal": "on"}):
        system = system_for(made.url)
        back_up(system)
        with connected(made.url) as connection:
            connection.execute("CREATE TABLE more AS SELECT i FROM generate_series(1, 1000) AS i")
        back_up(system)
        _forget_wal_summaries(made)

        with pytest.raises(SourceError) as caught:
            back_up(system, BaseMethod.INCREMENTAL)
        following = back_up(system)

        assert "WAL summaries are required" in caught.value.detail
        assert following.method == "full"
        assert "the server refuses an incremental one" in following.reason
        assert "WAL summaries are required" in following.reason
        assert len(open_repository(system).list().backups) == 3
        assert len(list((tmp_path / "backups" / "shop" / "base").iterdir())) == 3


def test_a_manifest_that_is_none_is_refused_before_anything_is_sent(summarizing: Site, tmp_path: Path) -> None:
    """UPLOAD_MANIFEST says no: the error is a refusal, with the server's words."""
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"{" * 3_000_000)

    with (
        pytest.raises(IncrementalRefused) as caught,
        base_backup(summarizing.server.url, "x", parent_manifest=nonsense),
    ):
        pass

    assert "manifest" in caught.value.detail


def test_the_wal_of_a_backup_is_held_by_a_slot_whatever_the_server_can_compress(any_site: Site) -> None:
    """A server without zstd says so by an error, at which it drops the slot; the second attempt has one again."""
    with base_backup(any_site.server.url, "held") as backup, connected(any_site.url) as connection:
        slots = connection.execute("SELECT slot_name, restart_lsn FROM pg_replication_slots").fetchall()
        for _ in backup.messages():
            pass

    assert [row["slot_name"] for row in slots] == ["dr_held"]
    assert all(row["restart_lsn"] is not None for row in slots)


def _public_key(file: Path) -> Path:
    """The public half of a key whose secret half is gone when this returns."""
    with key_pair() as pair:
        argv = (program(), "--homedir", str(pair.home), "--batch", "--armor", "--export", pair.fingerprint)
        ended, text = run("gpg --export", argv)
    assert ended.ok
    file.write_text(text, encoding="utf-8")
    return file


def test_a_host_without_the_secret_key_makes_incremental_backups_by_the_manifest_it_kept(
    summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """It holds no data, is for its owner alone, and only the last two stay; without it, a full one with the reason."""
    encryption = EncryptionSettings(public_key_file=_public_key(tmp_path / "public.asc"))
    system = dataclasses.replace(system_for(summarizing.url), encryption=encryption)
    made = [back_up(system) for _ in range(3)]
    kept = sorted(directory_of(system).iterdir())

    assert [item.method for item in made] == ["full", "incremental", "incremental"], made[2].reason
    assert [file.name for file in kept] == [f"{item.manifest.label}.manifest" for item in made[1:]]
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
    assert directory_of(system).stat().st_mode & 0o777 == 0o700

    flip(kept[-1], 100)
    following = back_up(system)

    assert following.method == "full"
    assert "is damaged" in following.reason
    assert "not on this host" in following.reason


def test_where_the_key_is_the_manifest_is_read_from_a_store(summarizing: Site, system_for: SystemFor) -> None:
    """A new host, or one that lost its notes, goes on with the chain."""
    system = system_for(summarizing.url)
    back_up(system)
    shutil.rmtree(directory_of(system))

    assert back_up(system).method == "incremental"


def test_a_state_directory_that_takes_nothing_costs_no_backup(
    summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The backup is made; what could not be kept is said beside its reason."""
    (tmp_path / "state").write_text("a file")
    system = system_for(summarizing.url)

    made = back_up(system)

    assert "its manifest cannot be kept" in made.reason
    assert back_up(system).method == "incremental", "the key is here"

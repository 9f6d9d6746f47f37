"""The recovery point: marked, tied together, found again, and restored to just what it says."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Verification
from dr.components.files.snapshot_paths import noted_missing
from dr.configuration.components.files import FilesSettings
from dr.configuration.components.point import PointSettings
from dr.configuration.model import System
from dr.errors import BackupNotFound
from dr.operations.component.back_up import back_up_component
from dr.operations.component.restore import find_component, restore_component
from dr.operations.point.compose import compose_point
from dr.operations.point.find import find_point, points, read_record
from dr.operations.point.mark import Marked, mark_position
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.repositories import open_repository
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.ask import ask
from dr.postgres.cluster import Recipe, running
from dr.postgres.installations import installed, server_for
from dr.secret import Secret
from dr.storage.proofs import add_proof
from tests.integration.drill.site import Production, production
from tests.integration.pitr.recovering import recover

NEWEST = max(item.major for item in installed() if item.has_server)


def upload(place: Path, *numbers: int) -> None:
    """Files as the application stores them: first the file, then the row."""
    folder = place / "uploads" / "2026"
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number}.txt").write_text(f"upload {number}\n")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Production]:
    """A server each of whose rows names a file, a base backup, a dump, and WAL in the stores."""
    statement = tmp_path / "references.sql"
    statement.write_text("SELECT format('2026/%s.txt', id) FROM moments;\n")
    with production(tmp_path, server_for(NEWEST), content="") as made:
        made.system = dataclasses.replace(
            made.system,
            components=dataclasses.replace(
                made.system.components,
                files=FilesSettings(directories=(tmp_path / "uploads",)),
                point=PointSettings(references=statement, wait_seconds=1),
            ),
        )
        made.back_up()
        upload(tmp_path, *range(1, 7))  # the rows that back_up has committed
        yield made


@contextmanager
def made_standby(shop: Production, directory: Path) -> Iterator[Secret]:
    """A hot standby that streams from the shop's server."""
    server = shop.origin.server
    program = shop.installation.program("pg_basebackup")
    argv = (program, "-D", directory, "-R", "-X", "stream", "-c", "fast", "-d", server.url.reveal())
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    settings = {"max_prepared_transactions": "4", "primary_conninfo": server.url.reveal()}
    with running(directory, shop.installation, Recipe(settings)) as standby:
        streaming = "SELECT status FROM pg_stat_wal_receiver"
        end = time.monotonic() + 30
        while ask(standby.url, streaming, timeout_seconds=9).rows != (("streaming",),) and time.monotonic() < end:
            time.sleep(0.05)
        yield standby.url


def back_up(system: System, kind: Kind) -> str:
    """One component, published; its label."""
    draft = back_up_component(system, kind, run="run-1", cloud=True)
    return publish(system, draft, prove(system, draft, run="run-1")).label


def tie(system: System, marked: Marked, *fresh: str) -> str:
    """A recovery point, published; its label."""
    draft = compose_point(system, marked, fresh, run="run-1", cloud=True)
    return publish(system, draft, prove(system, draft, run="run-1")).label


@pytest.mark.incident("I8")
def test_a_point_leads_to_the_very_rows_that_its_uploads_belong_to(shop: Production, tmp_path: Path) -> None:
    """Restored to the point, the database has every row committed before it, none after, and every file they name."""
    marked = mark_position(shop.system)
    later = shop.origin.commit(2)
    upload(tmp_path, *(moment.id for moment in later))
    files = back_up(shop.system, Kind.FILES)
    shop.ship()
    label = tie(shop.system, marked, files)

    point = find_point(shop.system, label)
    database, member = point.contents.database, point.contents.member(Kind.FILES)
    assert database is not None
    assert member is not None
    target = RecoveryTarget(TargetKind.LSN, lsn=database.lsn, timeline=database.timeline)
    recovered = recover(shop.system, tmp_path / "recovered", target)
    restored = restore_component(shop.system, find_component(shop.system, member.label), tmp_path / "back")
    there = {path.name for path in Path(restored.directory).rglob("*.txt")}

    assert point.consistency.fits, point.consistency.problems
    assert database.base == shop.base
    assert member.fresh
    assert 0 < point.contents.apart_seconds < 60
    assert (point.contents.references.asked, point.contents.references.missing) == (6, 0)
    assert recovered.ids == [1, 2, 3, 4, 5, 6]
    assert {f"{number}.txt" for number in recovered.ids} <= there


@pytest.mark.incident("I8")
def test_a_file_that_a_row_names_and_nobody_has_is_counted_and_named(shop: Production, tmp_path: Path) -> None:
    """The point is made all the same, and says that it is not whole."""
    (tmp_path / "uploads" / "2026" / "3.txt").unlink()
    marked = mark_position(shop.system)
    shop.origin.commit()
    files = back_up(shop.system, Kind.FILES)
    shop.ship()
    label = tie(shop.system, marked, files)

    point = find_point(shop.system, label)
    record, _ = read_record(shop.system, label)

    assert (point.contents.references.asked, point.contents.references.missing) == (6, 1)
    assert not point.consistency.fits
    assert "1 of 6 files that rows name" in point.consistency.problems[0]
    assert record.missing == ("2026/3.txt",)


def test_a_closed_shop_has_a_position_to_recover_to(shop: Production, tmp_path: Path) -> None:
    """Nobody writes after the mark but the mark itself, and replay stops there instead of ending before it."""
    marked = mark_position(shop.system)
    shop.ship()
    label = tie(shop.system, marked, back_up(shop.system, Kind.FILES))
    database = find_point(shop.system, label).contents.database
    assert database is not None

    recovered = recover(shop.system, tmp_path / "recovered", RecoveryTarget(TargetKind.LSN, lsn=database.lsn))

    assert recovered.ids == [1, 2, 3, 4, 5, 6]


def test_without_its_wal_the_newest_dump_stands_in_and_the_point_says_why(shop: Production) -> None:
    """No position is claimed that nothing leads to."""
    marked = mark_position(shop.system)
    shop.origin.commit()
    label = tie(shop.system, marked, back_up(shop.system, Kind.FILES))

    point = find_point(shop.system, label)
    database = point.contents.database

    assert database is not None
    assert (database.lsn, database.base, database.dump) == (None, "", shop.dump)
    assert not point.consistency.fits
    assert any("position is not known" in problem for problem in point.consistency.problems)


def test_a_server_that_is_down_costs_the_position_and_nothing_else(shop: Production) -> None:
    """What is beside the database must be safe above all when the database is not."""
    nowhere = Secret("postgresql://nobody@127.0.0.1:1/nothing")
    down = dataclasses.replace(shop.system, postgres=dataclasses.replace(shop.system.postgres, url=nowhere))

    marked = mark_position(down)
    label = tie(down, marked, back_up(down, Kind.FILES))

    point = find_point(down, label)
    assert marked.lsn is None
    assert marked.reason
    assert point.contents.database is not None
    assert point.contents.database.dump == shop.dump
    assert point.contents.member(Kind.FILES) is not None
    assert point.contents.references.reason


def test_a_point_that_has_lost_a_member_is_passed_over_and_says_what_is_gone(shop: Production) -> None:
    """The newest of which everything is still there is what a recovery takes."""
    older = tie(shop.system, mark_position(shop.system), back_up(shop.system, Kind.FILES))
    files = back_up(shop.system, Kind.FILES)
    newer = tie(shop.system, mark_position(shop.system), files)
    repository = open_repository(shop.system)
    repository.delete(Label.parse(files), "local")

    found = {point.manifest.label: point.gone for point in points(shop.system)}

    assert found == {newer: (files,), older: ()}
    assert find_point(shop.system).manifest.label == older


def test_a_lost_manifest_of_a_member_is_in_the_point(shop: Production) -> None:
    """A manifest of manifests: what is restored from it is what was lost, byte for byte."""
    files = back_up(shop.system, Kind.FILES)
    label = tie(shop.system, mark_position(shop.system), files)
    store = open_repository(shop.system).store("local")
    key = labels.manifest_key(shop.system.name, Label.parse(files))
    before = store.read_bytes(key)
    store.delete(key)

    record, manifests = read_record(shop.system, label)

    assert before.decode() in record.manifests
    assert {item.label for item in manifests} >= {files, shop.dump}


def test_nothing_to_tie_together_is_told(shop: Production, tmp_path: Path) -> None:
    """No empty point stands for a state of the system."""
    empty = dataclasses.replace(
        shop.system,
        stores=(dataclasses.replace(shop.system.stores[0], path=tmp_path / "new"),),
    )

    with pytest.raises(BackupNotFound, match="no backup that a recovery point could name"):
        compose_point(empty, mark_position(empty), (), run="run-1", cloud=True)


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "DELETE FROM moments RETURNING 'x'", ""])
def test_a_statement_that_does_not_run_or_would_write_costs_the_answer_and_nothing_else(
    shop: Production, tmp_path: Path, statement: str
) -> None:
    """The position is known, no row is touched, and the point says that somebody has to mend the setting."""
    (tmp_path / "references.sql").write_text(statement)

    marked = mark_position(shop.system)
    shop.ship()
    point = find_point(shop.system, tie(shop.system, marked, back_up(shop.system, Kind.FILES)))

    assert marked.lsn is not None
    assert marked.paths is None
    assert any("point.references" in problem for problem in point.consistency.broken)
    assert ask(shop.origin.server.url, "SELECT count(*) FROM moments", timeout_seconds=9).rows == (("6",),)


def test_a_position_of_another_timeline_or_cluster_is_not_claimed(shop: Production) -> None:
    """After a failover, or with a wrong address, the same LSN is another place."""
    marked = mark_position(shop.system)
    shop.origin.commit()
    files = back_up(shop.system, Kind.FILES)
    shop.ship()
    elsewhere = (dataclasses.replace(marked, timeline=2), dataclasses.replace(marked, cluster="7300000000000000001"))

    found = [find_point(shop.system, tie(shop.system, one, files)).contents.database for one in elsewhere]

    assert [item.lsn for item in found if item] == [None, None]
    assert [item.dump for item in found if item] == [shop.dump] * 2
    assert "timeline 2" in (found[0].reason if found[0] else "")
    assert "7300000000000000001" in (found[1].reason if found[1] else "")


def test_a_synchronous_standby_that_is_away_does_not_hold_up_the_mark(shop: Production) -> None:
    """Nobody commits then; the backup begins all the same."""
    shop.origin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    shop.origin.execute("SELECT pg_reload_conf()")
    begin = time.monotonic()

    marked = mark_position(shop.system)

    assert marked.lsn is not None
    assert time.monotonic() - begin < 8


def test_a_standby_is_marked_where_it_has_come_to(shop: Production, tmp_path: Path) -> None:
    """It can write no message; its position, timeline and rows are its own."""
    standby = tmp_path / "standby"
    with made_standby(shop, standby) as url:
        followed = dataclasses.replace(shop.system, postgres=dataclasses.replace(shop.system.postgres, url=url))

        marked = mark_position(followed)

    assert marked.reason == ""
    assert marked.lsn is not None
    assert marked.timeline == 1
    assert marked.paths is not None
    assert len(marked.paths) == 6


def test_a_member_whose_every_copy_has_failed_makes_a_point_unusable(shop: Production) -> None:
    """It is listed everywhere, and nothing can be restored from it."""
    files = back_up(shop.system, Kind.FILES)
    label = tie(shop.system, mark_position(shop.system), files)
    failure = Verification("checksummed", "local", False, datetime.now(UTC), 0.1, "run-2", "flipped")
    add_proof(open_repository(shop.system).store("local"), shop.system.name, Label.parse(files), failure)

    point = find_point(shop.system, label)

    assert point.damaged == (files,)
    assert not point.usable
    with pytest.raises(BackupNotFound, match="no usable recovery point"):
        find_point(shop.system)


@pytest.mark.parametrize("text", ["nonsense", "files_20240101_020000"])
def test_what_is_no_point_is_said_to_be_none(shop: Production, text: str) -> None:
    """A person who mistypes a label is told where the right ones are."""
    with pytest.raises(BackupNotFound, match="is no recovery point"):
        find_point(shop.system, text)


def test_whether_a_path_is_among_the_missing_cannot_be_guessed(shop: Production, tmp_path: Path) -> None:
    """The manifest, which anybody can read, has the object's hash: two equal points have two."""
    (tmp_path / "uploads" / "2026" / "3.txt").unlink()
    files = back_up(shop.system, Kind.FILES)
    marked = mark_position(shop.system)
    one, other = (find_point(shop.system, tie(shop.system, marked, files)).manifest for _ in range(2))

    assert one.objects[0].packed_sha256 != other.objects[0].packed_sha256
    assert read_record(shop.system, one.label)[0].missing == ("2026/3.txt",)


def test_a_host_that_cannot_read_its_index_still_measures(shop: Production, tmp_path: Path) -> None:
    """By keyed hashes that the backup leaves beside its cache; of another backup they say nothing."""
    (tmp_path / "uploads" / "2026" / "3.txt").unlink()
    files = back_up(shop.system, Kind.FILES)
    notes = shop.system.state_directory / "files" / shop.system.name
    items = find_component(shop.system, files).manifest.component
    assert items is not None
    paths = ("2026/1.txt", "2026/3.txt", str(tmp_path / "uploads" / "2026" / "2.txt"), "/etc/passwd")

    assert noted_missing(notes, files, items.items, paths) == ("2026/3.txt", "/etc/passwd")
    assert noted_missing(notes, "files_20240101_020000", items.items, paths) is None
    assert b"1.txt" not in (notes / "paths").read_bytes()

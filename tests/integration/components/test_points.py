"""The recovery point: marked, tied together, found again, and restored to just what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.configuration.components.files import FilesSettings
from dr.configuration.components.point import PointSettings
from dr.configuration.model import System
from dr.errors import BackupNotFound, ConfigurationError
from dr.operations.component.back_up import back_up_component
from dr.operations.component.restore import find_component, restore_component
from dr.operations.point.compose import compose_point
from dr.operations.point.find import find_point, points, read_record
from dr.operations.point.mark import Marked, mark_position
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.repositories import open_repository
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.installations import installed, server_for
from dr.secret import Secret
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


def back_up(system: System, kind: Kind) -> str:
    """One component, published; its label."""
    (draft,) = back_up_component(system, kind, run="run-1", cloud=True)
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


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "DELETE FROM moments RETURNING 'x'", "SELEKT"])
def test_a_statement_that_does_not_run_or_would_write_is_refused(
    shop: Production, tmp_path: Path, statement: str
) -> None:
    """The error names the setting; no row is touched."""
    (tmp_path / "references.sql").write_text(statement)

    with pytest.raises(ConfigurationError, match=r"point\.references"):
        mark_position(shop.system)

"""Finding what to restore: the latest proven, a label, or a file; and a clear word when there is none."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Role, to_json
from dr.errors import BackupInvalid, BackupNotFound, DrError, StoreError
from dr.operations.find_backup import find_backup, source_stores
from tests.unit.operations.places import NAME, base, block, dump, keys, put_backup, repository, system

NIGHT = datetime(2024, 1, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("wanted", ["", "latest"])
def test_the_latest_is_the_newest_of_the_wanted_kind(tmp_path, wanted):
    """Of any kind when none is asked for."""
    mine = system(tmp_path)
    for label in (dump(NIGHT), dump(NIGHT + DAY), base(NIGHT), base(NIGHT - DAY)):
        put_backup(mine, label)

    assert find_backup(mine, wanted, Kind.DUMP).manifest.label == "backup_20240102_020000"
    assert find_backup(mine, wanted, Kind.BASE).manifest.label == "base_20240101_020000_full"
    assert find_backup(mine, wanted, None).manifest.label == "backup_20240102_020000"


def test_a_proven_backup_is_preferred_to_a_newer_unproven_one(tmp_path):
    """And the one that was passed over is named: it may be the only one with the last day's work."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT))
    put_backup(mine, dump(NIGHT + DAY), proven=())

    found = find_backup(mine, "latest", Kind.DUMP)

    assert found.manifest.label == "backup_20240101_020000"
    assert any("backup_20240102_020000" in note for note in found.notes)


def test_an_unproven_backup_is_better_than_none(tmp_path):
    """The plan warns of it."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT), proven=())

    assert find_backup(mine, "latest", Kind.DUMP).manifest.label == "backup_20240101_020000"


def test_a_proof_of_a_copy_that_is_gone_proves_nothing(tmp_path):
    """What was read back in one store has been lost with it; the copy that is left never was."""
    mine = system(tmp_path, "local", "cloud")
    put_backup(mine, dump(NIGHT))
    newer = put_backup(mine, dump(NIGHT + DAY), proven=("cloud",))
    repository(mine).delete(newer.parsed_label, "cloud")

    found = find_backup(mine, "latest", Kind.DUMP)

    assert found.manifest.label == "backup_20240101_020000"
    assert any("backup_20240102_020000" in note for note in found.notes)


def test_the_latest_is_the_latest_whatever_the_clock_of_this_host_says(tmp_path):
    """A host that was set up in a hurry lives in another month: the newest backup is still the one to restore."""
    mine = system(tmp_path)
    ahead = datetime.now(UTC).replace(microsecond=0) + 100 * DAY
    for label in (dump(ahead), dump(ahead - 200 * DAY), dump(ahead - 101 * DAY)):
        put_backup(mine, label)

    assert find_backup(mine, "latest", Kind.DUMP).manifest.label == str(dump(ahead))


@pytest.mark.parametrize(
    "text",
    [
        "backup_20240101_020000",
        "backup_20240101_020000.sql.gz.gpg",
        "backups/database/backup_20240101_020000.sql.gz.gpg",
        "/elsewhere/coreflow360/database/backup_20240101_020000.manifest.json",
        "s3://bucket/coreflow360/database/backup_20240101_020000.globals.sql.gz.gpg",
    ],
)
def test_a_label_is_found_however_it_is_written(tmp_path, text):
    """As an operator reads it off a listing, a bucket or a runbook."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT))

    assert find_backup(mine, text, None).manifest.label == "backup_20240101_020000"


def test_stores_are_tried_in_their_configured_order_where_all_are_near(tmp_path):
    """Only those that have it."""
    mine = system(tmp_path, "second", "local", "third")
    put_backup(mine, dump(NIGHT), "local", "second")

    found = find_backup(mine, "backup_20240101_020000", None)

    assert found.stores == ("second", "local")
    assert [store.name for store in source_stores(mine, found)] == ["second", "local"]


def test_a_store_that_does_not_answer_is_named_and_the_others_are_used(tmp_path):
    """The disk is gone, the cloud is not."""
    mine = system(tmp_path, "local", "cloud")
    put_backup(mine, dump(NIGHT), "cloud")
    block(tmp_path / "local" / NAME / "database")

    found = find_backup(mine, "latest", Kind.DUMP)

    assert found.stores == ("cloud",)
    assert any("store local could not be asked" in note for note in found.notes)
    assert find_backup(mine, "backup_20240101_020000", None).stores == ("cloud",)


def test_a_damaged_manifest_is_named_and_the_next_backup_is_used(tmp_path):
    """One bad object must not hide all good ones."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT))
    put_backup(mine, dump(NIGHT + DAY))
    repository(mine).store("local").put_bytes(labels.manifest_key(NAME, dump(NIGHT + DAY)), b"garbage")

    found = find_backup(mine, "latest", Kind.DUMP)

    assert found.manifest.label == "backup_20240101_020000"
    assert any("backup_20240102_020000" in note for note in found.notes)


@pytest.mark.parametrize("other", ["label", "system"])
def test_the_manifest_of_another_backup_is_not_taken_for_this_one(tmp_path, other):
    """Copied under a wrong name, it would restore yesterday's state as today's, or another system's as this one's."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT - DAY))
    strange = put_backup(mine, dump(NIGHT))
    key = labels.manifest_key(NAME, dump(NIGHT + DAY if other == "label" else NIGHT))
    if other == "system":
        strange = dataclasses.replace(strange, system="elsewhere")
    repository(mine).store("local").put_bytes(key, to_json(strange))

    listing = repository(mine).list()
    assert [line for line in listing.unreadable if line.startswith(f"local:{key}: ")] == list(listing.unreadable) != []
    assert str(key) not in {labels.manifest_key(NAME, item.label) for item in listing.backups}
    with pytest.raises(BackupInvalid, match="is the manifest of") as caught:
        find_backup(mine, key, None)
    assert caught.value.hint


def test_nothing_found_is_told_with_what_to_do(tmp_path):
    """An empty repository, a kind that is not there, an unknown label."""
    mine = system(tmp_path)
    with pytest.raises(BackupNotFound, match="no store of coreflow360 has a usable backup") as caught:
        find_backup(mine, "latest", None)
    assert caught.value.hint

    put_backup(mine, dump(NIGHT))
    with pytest.raises(BackupNotFound, match="has a base backup"):
        find_backup(mine, "latest", Kind.BASE)
    with pytest.raises(BackupNotFound, match="no store of coreflow360 has a backup backup_20230101_020000"):
        find_backup(mine, "backup_20230101_020000", None)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "/etc/no/such/file", "backup_2024", "\0", "x" * 300, "x" * 5000, "/" + "y" * 300, "~no-such-user/x"],
    ids=lambda text: ascii(text[:20]),
)
def test_what_is_neither_label_nor_file_is_told(tmp_path, text):
    """Whatever was typed: an error of ours, with the form of a label in its hint."""
    with pytest.raises(BackupNotFound) as caught:
        find_backup(system(tmp_path), text, None)

    assert "backup_20240101_020000" in caught.value.hint


class TestFiles:
    """Somebody has a file at hand: from another host, from a tape, from an old bucket."""

    def _file(self, tmp_path: Path, *, kind: Kind = Kind.DUMP) -> tuple[Path, Path]:
        """A backup's files in a directory that is no repository."""
        other = system(tmp_path / "other")
        label = Label(NIGHT, kind)
        put_backup(other, label)
        file = tmp_path / "other" / "local" / next(iter(keys(label)))
        return file, next(file.parent.glob("*.manifest.json"))

    @pytest.mark.parametrize("kind", Kind)
    def test_a_file_with_its_manifest_beside_it_is_a_whole_backup(self, tmp_path, kind):
        """Hashes are compared, as in the repository."""
        file, _ = self._file(tmp_path, kind=kind)

        found = find_backup(system(tmp_path / "mine"), str(file), None)

        assert found.manifest.kind is kind
        assert found.directory == str(file.parent)
        assert found.notes == ()
        (store,) = source_stores(system(tmp_path / "mine"), found)
        assert all(store.head(item.key).size for item in found.manifest.objects)

    def test_a_lone_dump_can_be_restored_and_what_cannot_be_compared_is_said(self, tmp_path):
        """With its globals when they lie beside it."""
        file, beside = self._file(tmp_path)
        beside.unlink()

        found = find_backup(system(tmp_path / "mine"), str(file), None)

        assert [item.role for item in found.manifest.objects] == [Role.DUMP, Role.GLOBALS]
        assert found.manifest.proven_level() is None
        assert any("cannot be compared" in note for note in found.notes)

    def test_a_lone_archive_is_refused(self, tmp_path):
        """Without its manifest nothing tells what belongs to it."""
        file, beside = self._file(tmp_path, kind=Kind.BASE)
        beside.unlink()

        with pytest.raises(BackupInvalid, match="no manifest beside it") as caught:
            find_backup(system(tmp_path / "mine"), str(file), None)
        assert "base.manifest.json" in caught.value.hint

    def test_globals_alone_are_not_taken_for_a_dump(self, tmp_path):
        """They hold no data: restoring them as a database would look like a success."""
        file, beside = self._file(tmp_path)
        beside.unlink()
        file.unlink()

        with pytest.raises(BackupInvalid):
            find_backup(
                system(tmp_path / "mine"), str(file.with_name("backup_20240101_020000.globals.sql.gz.gpg")), None
            )

    def test_the_manifests_own_path_leads_to_its_backup(self, tmp_path):
        """It is beside the file, and nobody should be told to remove it as plaintext."""
        file, beside = self._file(tmp_path)

        found = find_backup(system(tmp_path / "mine"), str(beside), None)

        assert found.manifest.label == "backup_20240101_020000"
        assert found.directory == str(file.parent)

    @pytest.mark.parametrize(
        "name, content, match",
        [
            ("holiday.jpg", b"\xff\xd8", "not named like a backup"),
            ("backup_20240101_020000.sql", b"SELECT 1;\n", "not an OpenPGP-encrypted object"),
            ("backup_20240101_020000.sql.gz.gpg", b"", "not an OpenPGP-encrypted object"),
        ],
    )
    def test_a_file_that_is_no_backup_is_refused(self, tmp_path, name, content, match):
        """By its name, or by its first bytes."""
        (tmp_path / name).write_bytes(content)

        with pytest.raises(BackupInvalid, match=match):
            find_backup(system(tmp_path / "mine"), str(tmp_path / name), None)

    def test_a_damaged_manifest_beside_the_file_is_told(self, tmp_path):
        """Not passed over as if it were not there."""
        file, beside = self._file(tmp_path)
        beside.write_bytes(b"garbage")

        with pytest.raises(BackupInvalid, match="is not a manifest"):
            find_backup(system(tmp_path / "mine"), str(file), None)


@pytest.mark.parametrize("wanted", ["latest", "backup_20240101_020000"])
def test_when_no_store_answers_its_error_is_told(tmp_path, wanted):
    """'No backup' would be wrong: nobody could look."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT))
    (tmp_path / "local" / NAME).rename(tmp_path / "unmounted")
    block(tmp_path / "local" / NAME)

    with pytest.raises(StoreError):
        find_backup(mine, wanted, Kind.DUMP)


def test_a_backup_in_stores_that_are_not_configured_here_is_told(tmp_path):
    """With the names, so that somebody can configure them."""
    found = find_backup(_with_backup(tmp_path), "latest", None)

    with pytest.raises(DrError, match="none of the stores of backup_20240101_020000 is configured here: local"):
        source_stores(system(tmp_path / "else", "cloud"), found)


def _with_backup(tmp_path: Path):
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT))
    return mine

"""Restored files go to their places where nothing is, and what is there already stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from dr.catalog.file_index import Header, Root
from dr.catalog.labels import Kind
from dr.components.files.index_lines import KEPT_AS
from dr.configuration.components.certificates import CertificatesSettings, PairFiles
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import TargetRefused
from dr.operations.full_recovery import lay
from dr.operations.full_recovery.own import claim
from dr.operations.full_recovery.parts import RestoredPart
from dr.pipeline.process import run
from dr.postgres.data_directory import UNFINISHED
from dr.secret import Secret

RUN = "full-recovery_20260101_020000"


def part(directory: Path, kind: Kind) -> RestoredPart:
    """As a restore leaves it."""
    return RestoredPart(str(kind), kind, f"{kind}_20260101_000000", str(directory), "local", 1, 1, ())


def restored_config(directory: Path, etc: Path, files: dict[str, str]) -> RestoredPart:
    """Files as the component lays them: below ``files``, by their absolute paths."""
    for name, text in files.items():
        file = directory / "files" / etc.relative_to("/") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o640)
        os.utime(file, ns=(10**18, 10**18))
    return part(directory, Kind.CONFIG)


def test_in_an_exercise_nothing_is_laid_that_begins_by_itself(tmp_path: Path) -> None:
    """Cron's jobs and timers lie ready, and are named; everything else is laid, and in a disaster these are too."""
    etc = tmp_path / "etc"
    files = {"app.conf": "a", "cron.d/mails": "b", "crontab": "c", "systemd/bill.timer": "d", "cronos.conf": "e"}
    restored = restored_config(tmp_path / "copy", etc, files)
    placed = lay.lay_config(restored, exercise=True)
    laid = {str(path.relative_to(etc)) for path in etc.rglob("*") if path.is_file()}
    everything = lay.lay_config(restored)

    assert laid == {"app.conf", "cronos.conf"}
    assert placed.count == 2
    assert sorted(line.partition(" ")[0] for line in placed.left) == [
        str(etc / name) for name in ("cron.d/mails", "crontab", "systemd/bill.timer")
    ]
    assert everything.count == 5


def test_configuration_comes_to_its_absolute_paths_as_it_was(tmp_path: Path) -> None:
    """With mode and time, links as links, and directories that were missing."""
    etc = tmp_path / "etc"
    restored = restored_config(tmp_path / "copy", etc, {"shop.toml": "a = 1", "sites/one.conf": "server {}"})
    inside = tmp_path / "copy" / "files" / etc.relative_to("/")
    (inside / "current.conf").symlink_to("sites/one.conf")
    for path in (inside / "current.conf", inside / "sites", inside):
        os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)
    placed = lay.lay_config(restored)

    assert (placed.count, placed.left) == (3, ())
    assert (etc / "shop.toml").read_text() == "a = 1"
    assert ((etc / "shop.toml").stat().st_mode & 0o777, (etc / "shop.toml").stat().st_mtime_ns) == (0o640, 10**18)
    assert (etc / "current.conf").readlink() == Path("sites/one.conf")
    assert {path.lstat().st_mtime_ns for path in (etc, *etc.rglob("*"))} == {10**18}
    assert sorted(path.name for path in etc.rglob("*")) == ["current.conf", "one.conf", "shop.toml", "sites"]


def test_a_file_that_is_there_and_differs_stays_and_is_told(tmp_path: Path) -> None:
    """The one that is the same counts as laid; so a second run after a crash ends as the first would have."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "dr.toml").write_text("the operator's own")
    (etc / "same").write_text("same")
    (etc / "link").symlink_to("/nowhere")
    restored = restored_config(tmp_path / "copy", etc, {"dr.toml": "old", "same": "same", "link": "x", "new": "new"})
    first, second = lay.lay_config(restored), lay.lay_config(restored)

    assert (first.count, second.count) == (2, 2)
    assert [line.partition(" ")[0] for line in second.left] == [str(etc / "dr.toml"), str(etc / "link")]
    assert (etc / "dr.toml").read_text() == "the operator's own"
    assert (etc / "link").readlink() == Path("/nowhere")


def test_what_a_killed_run_left_of_a_file_is_replaced(tmp_path: Path) -> None:
    """Only whole files get their names."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / ".new.full-recovery").write_text("ha")
    placed = lay.lay_config(restored_config(tmp_path / "copy", etc, {"new": "half and half"}))

    assert placed.count == 1
    assert (etc / "new").read_text() == "half and half"
    assert [path.name for path in etc.iterdir()] == ["new"]


def test_variables_are_for_people(tmp_path: Path) -> None:
    """No service is told of them by us."""
    restored = restored_config(tmp_path / "copy", tmp_path / "etc", {"new": "new"})
    (tmp_path / "copy" / "environment").write_text('SHOP="1"\n')

    assert "load the variables" in lay.lay_config(restored).left[0]


def system_with(certificates: CertificatesSettings) -> System:
    """One that has only certificates."""
    system = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(recipients=("A",)))
    return replace(system, components=replace(system.components, certificates=certificates))


def restored_certificate(directory: Path, name: str, *files: str) -> None:
    """One certificate's directory with its sums."""
    (directory / name).mkdir(parents=True)
    for file in (*files, "SHA256SUMS"):
        (directory / name / file).write_text(f"{name} {file}")


def test_certificates_come_to_where_the_settings_have_them(tmp_path: Path) -> None:
    """certbot's layout, a pair elsewhere, a pair of the same file name; one that nobody knows is left."""
    copy, live, ssl = tmp_path / "copy", tmp_path / "live", tmp_path / "ssl"
    restored_certificate(copy, "shop.example.org", "fullchain.pem", "privkey.pem")
    restored_certificate(copy, "api", "api.pem", "api.key")
    restored_certificate(copy, "both", "both.pem", "key-both.pem")
    settings = CertificatesSettings(
        directories=(live,),
        pairs=(
            PairFiles(ssl / "api.pem", ssl / "private" / "api.key"),
            PairFiles(ssl / "both.pem", ssl / "private" / "both.pem"),
        ),
    )
    placed = lay.lay_certificates(system_with(settings), part(copy, Kind.CERTIFICATES))
    unknown = lay.lay_certificates(system_with(CertificatesSettings()), part(copy, Kind.CERTIFICATES))

    assert placed.left == ()
    assert (live / "shop.example.org").stat().st_mode & 0o777 == 0o700
    assert (live / "shop.example.org" / "privkey.pem").read_text() == "shop.example.org privkey.pem"
    assert (ssl / "private" / "api.key").read_text() == "api api.key"
    assert (ssl / "private" / "both.pem").read_text() == "both key-both.pem"
    assert not list(tmp_path.glob("live/**/SHA256SUMS"))
    assert (unknown.count, len(unknown.left)) == (0, 3)


def restored_uploads(directory: Path, place: Path) -> RestoredPart:
    """One directory of uploads with its index."""
    (directory / "uploads" / "2026").mkdir(parents=True)
    (directory / "uploads" / "2026" / "a.jpg").write_bytes(b"a picture")
    header = Header("files_20260101_000000", datetime(2026, 1, 1, tzinfo=UTC), (Root("uploads", str(place)),), "salt")
    (directory / KEPT_AS).write_bytes(msgspec.json.encode(header) + b"\n")
    return part(directory, Kind.FILES)


@pytest.mark.parametrize("there", [False, True], ids=["absent", "empty"])
def test_uploads_are_moved_as_a_whole_and_a_second_time_nothing_happens(tmp_path: Path, there: bool) -> None:
    """A run that was killed behind the rename finds them where they belong."""
    place = tmp_path / "srv" / "uploads"
    if there:
        place.mkdir(parents=True)
    restored = restored_uploads(tmp_path / "copy", place)
    placed = lay.lay_uploads(restored, RUN), lay.lay_uploads(restored, RUN)

    assert [item.places for item in placed] == [(str(place),), (str(place),)]
    assert (place / "2026" / "a.jpg").read_bytes() == b"a picture"


def test_uploads_never_go_over_or_into_what_is_there(tmp_path: Path) -> None:
    """The copy stays beside, for people to compare."""
    place = tmp_path / "uploads"
    place.mkdir()
    (place / "other.jpg").write_bytes(b"somebody's")
    restored = restored_uploads(tmp_path / "copy", place)

    with pytest.raises(TargetRefused, match="not empty"):
        lay.lay_uploads(restored, RUN)
    assert [path.name for path in place.iterdir()] == ["other.jpg"]
    assert (tmp_path / "copy" / "uploads" / "2026" / "a.jpg").exists()


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """Where uploads belong: on another file system than the restored ones."""
    place = Path("/dev/shm", f"dr-test-{os.getpid()}", "uploads")
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("not applicable: there is no second file system that everybody may write to")
    yield place
    run("rm", ("rm", "-rf", str(place.parent)))


def test_uploads_of_another_disk_are_copied_whole(tmp_path: Path, other_disk: Path) -> None:
    """What a killed copy has left is gone on with."""
    restored = restored_uploads(tmp_path / "copy", other_disk)
    claim(other_disk, RUN)
    (other_disk / "2026").mkdir()
    (other_disk / "2026" / "a.jpg").write_bytes(b"a pic")
    lay.lay_uploads(restored, RUN)

    assert [path.name for path in other_disk.iterdir()] == ["2026"]
    assert (other_disk / "2026" / "a.jpg").read_bytes() == b"a picture"


def half_copied(place: Path, run_name: str, name: str) -> Path:
    """The product ran with what a run had copied until there was room for the rest, and somebody has uploaded."""
    claim(place, run_name)
    (place / "2026").mkdir()
    (place / "2026" / name).write_bytes(b"of today")
    return place / "2026" / name


def test_what_people_uploaded_into_half_of_the_uploads_stays(tmp_path: Path, other_disk: Path) -> None:
    """The same run goes on in it."""
    uploaded = half_copied(other_disk, RUN, "b.jpg")
    lay.lay_uploads(restored_uploads(tmp_path / "copy", other_disk), RUN)

    assert uploaded.read_bytes() == b"of today"
    assert (other_disk / "2026" / "a.jpg").read_bytes() == b"a picture"
    assert not (other_disk / UNFINISHED).exists()


@pytest.mark.parametrize(("run_name", "name"), [(RUN, "a.jpg"), ("full-recovery_20260101_010000", "b.jpg")])
def test_what_was_replaced_or_is_perhaps_of_another_copy_is_for_people(
    tmp_path: Path, other_disk: Path, run_name: str, name: str
) -> None:
    """Neither a newer file under the same name is lost, nor half of another backup's taken for whole."""
    uploaded = half_copied(other_disk, run_name, name)

    with pytest.raises(TargetRefused, match="somebody has used it since") as caught:
        lay.lay_uploads(restored_uploads(tmp_path / "copy", other_disk), RUN)
    assert str(uploaded) in caught.value.detail
    assert uploaded.read_bytes() == b"of today"


def test_uploads_that_were_copied_whole_are_not_copied_again(tmp_path: Path, other_disk: Path) -> None:
    """Another directory of the same part had failed: what came below this one since is in its place."""
    restored = restored_uploads(tmp_path / "copy", other_disk)
    lay.lay_uploads(restored, RUN)
    (other_disk / "2026" / "b.jpg").write_bytes(b"of today")
    lay.lay_uploads(restored, RUN)

    assert sorted(path.name for path in (other_disk / "2026").iterdir()) == ["a.jpg", "b.jpg"]

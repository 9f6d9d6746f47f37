"""Configuration: files and variables backed up unmasked, destroyed, restored and compared."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.config import ConfigSettings
from dr.errors import BackupNotFound
from tests.integration.components.etc_shop import PASSWORD, etc, lying_under, tree
from tests.integration.components.shelf import Shelf, failed

__all__ = ["etc"]

AWKWARD = 'a "quoted" $HOME `date` \\ two\nlines = 3 \' #x'


@pytest.mark.incident("I21")
def test_files_and_variables_come_back_as_they_were(
    shelf: Shelf, etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backed up, removed, restored: contents, modes, owners, times and links are the same, and no value is masked."""
    monkeypatch.setenv("SHOP_DATABASE_URL", f"postgresql://shop:{PASSWORD}@db/shop")
    monkeypatch.setenv("SHOP_AWKWARD", AWKWARD)
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc,), environment=("SHOP_*",)))
    before = tree(etc)
    published = shelf.back_up(Kind.CONFIG)
    shutil.rmtree(etc)

    restored = shelf.restore(Kind.CONFIG)

    directory = Path(restored.directory)
    assert published.level == "listed"
    assert shelf.contents(Kind.CONFIG).warnings == ()
    assert tree(lying_under(directory, etc)) == before
    assert (directory / "environment").stat().st_mode & 0o777 == 0o600
    assert loaded(directory / "environment")["SHOP_AWKWARD"] == AWKWARD
    assert loaded(directory / "environment")["SHOP_DATABASE_URL"].split(":")[2] == f"{PASSWORD}@db/shop"
    assert failed(shelf.question(Kind.CONFIG, restored)) == []


def loaded(path: Path) -> dict[str, str]:
    """What a shell has in its environment after reading the file."""
    command = ("env", "-i", "sh", "-c", 'set -a; . "$0"; exec env -0', path)
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(item.split("=", 1) for item in output.split("\0") if item)


@pytest.mark.incident("I34")
def test_stock_programs_open_it(shelf: Shelf, etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gpg, zstd and tar alone bring the files back, with their times to the nanosecond."""
    monkeypatch.setenv("SHOP_LEVEL", "debug")
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc,), environment=("SHOP_LEVEL",)))
    shelf.back_up(Kind.CONFIG)
    stored = {path.name: path for path in shelf.files("local", Kind.CONFIG)}
    out = tmp_path / "by hand"
    out.mkdir()

    tar = plain(shelf, stored["config.tar.zst.gpg"])
    subprocess.run(("tar", "-x", "-p", "-C", out), input=tar, check=True)

    assert tree(out / str(etc).lstrip("/")) == tree(etc)
    assert b'SHOP_LEVEL="debug"' in plain(shelf, stored["environment.zst.gpg"])
    assert b'"key": ' in plain(shelf, stored["inventory.json.zst.gpg"])


def plain(shelf: Shelf, path: Path) -> bytes:
    """Decrypted and decompressed by stock programs."""
    home = shelf.system.encryption.gnupg_home
    assert home is not None
    argv = ("gpg", "--homedir", home, "--batch", "--quiet", "--decrypt", path)
    packed = subprocess.run(argv, capture_output=True, check=True).stdout
    return subprocess.run(("zstd", "-dc"), input=packed, capture_output=True, check=True).stdout


def test_nothing_by_which_a_value_could_be_guessed_is_outside_the_encryption(
    shelf: Shelf, etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two backups of the same share no hash: with only the manifest nobody can try passwords."""
    monkeypatch.setenv("SHOP_PIN", "4711")
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc / "app.toml",), environment=("SHOP_PIN",)))
    hashes = []
    for _ in range(2):
        shelf.back_up(Kind.CONFIG)
        packed = {item.packed_sha256 for item in shelf.manifest(Kind.CONFIG).objects}
        hashes.append(packed | {shelf.contents(Kind.CONFIG).items[-1].digest})

    assert not hashes[0] & hashes[1]
    assert all(len(one) == 4 for one in hashes)
    for path in (shelf.directory / "local").rglob("*.manifest.json"):
        assert PASSWORD not in path.read_text()


def test_one_path_comes_back_alone(shelf: Shelf, etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a directory or the variables by name; what is not in the backup is refused by name."""
    monkeypatch.setenv("SHOP_A", "1")
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc,), environment=("SHOP_A",)))
    shelf.back_up(Kind.CONFIG)

    one = Path(shelf.restore(Kind.CONFIG, wanted=(str(etc / "app.toml"),)).directory)
    below = Path(shelf.restore(Kind.CONFIG, wanted=(str(etc / "conf.d"),)).directory)
    variables = Path(shelf.restore(Kind.CONFIG, wanted=("environment",)).directory)

    assert [path.name for path in one.rglob("*") if path.is_file()] == ["app.toml"]
    assert sorted(path.name for path in below.rglob("*") if path.is_file()) == ["naïve\nname", "web.conf"]
    assert [path.name for path in variables.iterdir()] == ["environment"]
    with pytest.raises(BackupNotFound, match="no etc/other"):
        shelf.restore(Kind.CONFIG, wanted=("/etc/other",))


def test_excluded_names_stay_out(shelf: Shelf, etc: Path) -> None:
    """By name anywhere below, or by path."""
    settings = ConfigSettings(paths=(etc,), exclude=("*.conf", f"{etc}/latin*"))
    shelf = shelf.with_components(config=settings)
    shelf.back_up(Kind.CONFIG)

    found = lying_under(Path(shelf.restore(Kind.CONFIG).directory), etc)

    assert {path.name for path in found.iterdir()} == {"app.toml", "conf.d", "current", "empty"}
    assert [path.name for path in (found / "conf.d").iterdir()] == ["naïve\nname"]


def test_a_configured_link_is_kept_with_what_it_leads_to(shelf: Shelf, etc: Path, tmp_path: Path) -> None:
    """A path such as /etc/shop that is a link would otherwise be backed up without any content."""
    link = tmp_path / "link"
    link.symlink_to(etc)
    shelf = shelf.with_components(config=ConfigSettings(paths=(link,)))
    shelf.back_up(Kind.CONFIG)

    directory = Path(shelf.restore(Kind.CONFIG).directory)

    assert lying_under(directory, link).readlink() == etc
    assert tree(lying_under(directory, etc)) == tree(etc)


def test_a_restored_copy_that_differs_is_refused(shelf: Shelf, etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value masked, one file changed, one added, one mode wider: each is found by name."""
    monkeypatch.setenv("SHOP_TOKEN", PASSWORD)
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc,), environment=("SHOP_TOKEN",)))
    shelf.back_up(Kind.CONFIG)

    def answers(spoil: str) -> list[str]:
        restored = shelf.restore(Kind.CONFIG)
        directory = Path(restored.directory)
        inside = lying_under(directory, etc)
        if spoil == "mask":
            path = directory / "environment"
            path.write_text(path.read_text().replace(PASSWORD, "********"))
        elif spoil == "content":
            seen = (inside / "empty").stat()
            (inside / "empty").write_text("x")
            os.utime(inside / "empty", ns=(seen.st_mtime_ns, seen.st_mtime_ns))
        elif spoil == "added":
            seen = inside.stat()
            (inside / "new").write_text("x")
            os.utime(inside, ns=(seen.st_mtime_ns, seen.st_mtime_ns))
        elif spoil == "mode":
            (inside / "app.toml").chmod(0o644)
        elif spoil == "inventory":
            (directory / "inventory.json").write_text("{}")
        return [f"{probe.name}: {probe.detail}" for probe in failed(shelf.question(Kind.CONFIG, restored))]

    assert answers("nothing") == []
    assert answers("mask") == ["environment: SHOP_TOKEN: another value"]
    assert answers("content") == [f"files: {etc}/empty: other content"]
    assert answers("added")[0].endswith("/new: not in the inventory")
    assert answers("mode") == [f"files: {etc}/app.toml: mode 0644 instead of 0640"]
    assert answers("inventory")[0].startswith("inventory: cannot be read")

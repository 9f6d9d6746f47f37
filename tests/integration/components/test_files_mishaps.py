"""Uploads when things go wrong: killed, unreadable, written to meanwhile, a cache lost, a pack damaged or wasted."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import Role
from dr.configuration.model import EncryptionSettings
from dr.operations.component.expire_packs import plan_pack_expiry, remove_packs
from dr.operations.prove import prove
from dr.operations.repositories import open_repository
from dr.operations.verify.copies import all_copies, survey, verify_copies
from dr.operations.verify.packs import verify_packs
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.test_files import packs, protecting, spoil
from tests.integration.components.uploads import seen
from tests.unit.crypto.keyrings import People

ROOT = Path(__file__).parents[3]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Three files that are a pack of 1 MiB each, changed long enough ago to be believed."""
    directory = tmp_path / "few"
    directory.mkdir()
    for name in ("one", "two", "three"):
        (directory / name).write_bytes(random.Random(name).randbytes(900_000))
    return directory


def _argv(shelf: Shelf, people: People, uploads: Path, pack_mib: int = 64) -> tuple[str, ...]:
    here = str(Path(__file__).with_name("backing_up.py"))
    arguments = (str(shelf.directory), str(people.ring.home), people.ours, str(uploads), str(pack_mib))
    return (sys.executable, here, *arguments)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_run_killed_in_the_midst_is_not_listed_and_the_next_one_works(
    shelf: Shelf, people: People, tmp_path: Path
) -> None:
    """SIGKILL after its first pack was stored: no backup exists, and what was left goes when it is old enough."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    for number in range(60):
        (uploads / f"{number}").write_bytes(random.Random(number).randbytes(900_000))
    shelf = protecting(shelf, uploads)
    run = subprocess.Popen(_argv(shelf, people, uploads, 1), env=_environment(), stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not packs(shelf) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait(10) == -signal.SIGKILL
    left = packs(shelf)

    listing = open_repository(shelf.system).list([Kind.FILES])
    published = shelf.back_up(Kind.FILES)

    assert left
    assert listing.backups == ()
    assert published.problems == ()
    assert seen(Path(shelf.restore(Kind.FILES).directory) / "uploads") == seen(uploads)
    now = datetime.now(UTC)
    assert not any(item.going for item in plan_pack_expiry(shelf.system, now))
    removed = remove_packs(shelf.system, plan_pack_expiry(shelf.system, now + timedelta(days=2)))
    assert {path.name for path in left} <= {key.rsplit("/", 1)[-1] for item in removed for key in item.going}
    assert not failed(shelf.question(Kind.FILES, shelf.restore(Kind.FILES)))


def test_what_cannot_be_read_is_a_problem_of_the_run(shelf: Shelf, people: People, few: Path) -> None:
    """A file and a directory without our rights: the rest is backed up, and the run is not green."""
    (few / "one").chmod(0)
    (few / "locked").mkdir()
    (few / "locked" / "inside").touch()
    (few / "locked").chmod(0)
    # Root may read everything unless these two rights are taken away from it.
    less = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()

    done = subprocess.run((*less, *_argv(shelf, people, few)), env=_environment(), capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 paths could not be read")
    assert "locked" not in done.stdout
    shelf = protecting(shelf, few)
    restored = shelf.restore(Kind.FILES)
    assert sorted(path.name for path in (Path(restored.directory) / "few").iterdir()) == ["locked", "three", "two"]
    assert any("1 files could not be read" in note for note in restored.laid.notes)
    (few / "one").chmod(0o600)
    (few / "locked").chmod(0o700)


@pytest.fixture
def written_to(few: Path) -> Iterator[Path]:
    """A large file to which another process appends without a pause."""
    path = few / "log"
    path.write_bytes(bytes(8 << 20))
    code = "import sys\nwith open(sys.argv[1], 'ab', buffering=0) as f:\n while True: f.write(b'x')"
    with subprocess.Popen((sys.executable, "-c", code, path)) as writer:
        while path.stat().st_size == 8 << 20:
            time.sleep(0.001)
        yield path
        writer.kill()


def test_a_file_that_never_holds_still_is_kept_and_told(shelf: Shelf, few: Path, written_to: Path) -> None:
    """What could be read of it is a state that it had; the run says that one file changed, and not which."""
    shelf = protecting(shelf, few)

    published = shelf.back_up(Kind.FILES)

    restored = shelf.restore(Kind.FILES)
    kept = (Path(restored.directory) / "few" / "log").read_bytes()
    (problem,) = published.problems
    assert problem.startswith("1 files changed each time")
    assert "log" not in problem
    assert len(kept) > 8 << 20
    assert set(kept[8 << 20 :]) == {ord("x")}
    assert not failed(shelf.question(Kind.FILES, restored))


def test_a_lost_cache_costs_reading_where_the_key_is_and_storing_where_it_is_not(
    shelf: Shelf, people: People, few: Path
) -> None:
    """With the key the last index tells what is stored; a host of public keys stores it again and says so."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    shutil.rmtree(shelf.system.state_directory)

    shelf.back_up(Kind.FILES)

    assert len(packs(shelf)) == 1
    assert shelf.contents(Kind.FILES).facts["read"] == "3"
    assert shelf.contents(Kind.FILES).notes == ()

    public = EncryptionSettings(public_key_file=people.ring.export("ours", shelf.directory / "public.gpg"))
    blind = replace(shelf, system=replace(shelf.system, encryption=public))
    assert blind.back_up(Kind.FILES).level == "checksummed"
    assert len(packs(shelf)) == 1
    (shelf.system.state_directory / "files" / "shop" / "cache.sqlite").write_bytes(b"not a data base" * 1000)
    blind.back_up(Kind.FILES)
    (note,) = blind.contents(Kind.FILES).notes
    assert "cache was damaged" in note
    assert "stored again" in note
    assert len(packs(shelf)) == 2
    assert blind.back_up(Kind.FILES).problems == ()
    assert len(packs(shelf)) == 2
    assert seen(Path(shelf.restore(Kind.FILES).directory) / "few") == seen(few)


def test_names_and_digests_of_uploads_are_nowhere_in_the_plain(shelf: Shelf, tmp_path: Path) -> None:
    """Neither manifest nor object names nor the cache hold a file's name or content; and no pack can be guessed."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "contract with Acme.pdf").write_bytes(b"the price is 42")
    shelf = protecting(shelf, uploads)
    shelf.back_up(Kind.FILES)
    first = shelf.manifest(Kind.FILES)
    shutil.rmtree(shelf.directory / "state")
    for store in ("local", "second"):
        shutil.rmtree(shelf.directory / store)
    shelf.back_up(Kind.FILES)
    second = shelf.manifest(Kind.FILES)

    stored = [path for name in ("local", "second", "state") for path in (shelf.directory / name).rglob("*")]

    hashes = [{item.packed_sha256 for item in manifest.objects} for manifest in (first, second)]
    assert not hashes[0] & hashes[1]
    assert not any("contract" in str(path) for path in stored)
    for path in stored:
        if path.is_file():
            data = path.read_bytes()
            assert not any(word in data for word in (b"contract", b"Acme", b"the price"))
            if "state" in path.parts:
                assert path.stat().st_mode & 0o077 == 0


@pytest.mark.incident("I29")
def test_a_pack_that_rots_fails_every_backup_that_needs_it_and_is_healed(shelf: Shelf, few: Path) -> None:
    """The rotation finds it; both backups are unproven there; the next one takes the pack from the other store."""
    shelf = protecting(shelf, few)
    names = [shelf.back_up(Kind.FILES).label for _ in range(2)]
    (bad,) = packs(shelf, "second")
    spoil(bad)
    now = datetime.now(UTC)

    found = {item.store: item for item in verify_packs(shelf.system, 1, now, run="later")}

    (damage,) = found["second"].damaged
    assert found["local"].damaged == ()
    assert (damage.labels, damage.level) == (tuple(sorted(names, reverse=True)), "checksummed")
    for name in names:
        assert shelf.manifest(Kind.FILES, name).proven_level("second") is None
        assert shelf.manifest(Kind.FILES, name).proven_level("local") is not None
    assert len(survey(shelf.system, 14, now).chosen) >= 2
    assert [item.outcome for item in verify_copies(shelf.system, all_copies(shelf.system, names[0]), run="x")] == [
        "passed",
        "FAILED",
    ]

    assert shelf.back_up(Kind.FILES).problems == ()
    assert bad.read_bytes() == packs(shelf)[0].read_bytes()
    assert not any(item.damaged for item in verify_packs(shelf.system, 14, now, run="later still"))
    verify_copies(shelf.system, all_copies(shelf.system, names[0]), run="x")
    assert shelf.manifest(Kind.FILES, names[0]).proven_level("second") is not None


def test_a_new_backup_is_not_published_where_what_it_refers_to_is_gone(shelf: Shelf, few: Path) -> None:
    """Between the taking and the proof a pack vanishes from one store: that store does not get the manifest."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    (few / "four").write_bytes(b"new")
    draft = shelf.draft(Kind.FILES)
    (old,) = [path for path in packs(shelf, "second") if draft.manifest.label not in path.name]
    old.unlink()

    proofs = {item.store: item for item in prove(shelf.system, draft, run="run-1")}

    assert proofs["local"].passed
    assert not proofs["second"].passed
    assert old.name in proofs["second"].detail


def test_packs_go_when_nobody_needs_them_and_never_in_doubt(shelf: Shelf, few: Path) -> None:
    """Not while young, not while a manifest cannot be read; then only what the expired backup alone needed."""
    shelf = protecting(shelf, few, pack_mib=1)
    first = shelf.manifest(Kind.FILES, shelf.back_up(Kind.FILES).label)
    (few / "one").write_bytes(b"changed")
    second = shelf.manifest(Kind.FILES, shelf.back_up(Kind.FILES).label)
    repository = open_repository(shelf.system)
    for store in ("local", "second"):
        repository.delete(first.parsed_label, store)
    later = datetime.now(UTC) + timedelta(days=2)
    manifest = shelf.directory / "second" / "shop" / "files" / second.label / "files.manifest.json"
    text = manifest.read_bytes()
    manifest.write_bytes(b"{}")

    doubtful = plan_pack_expiry(shelf.system, later)

    manifest.write_bytes(text)
    young = plan_pack_expiry(shelf.system, datetime.now(UTC))
    plan = plan_pack_expiry(shelf.system, later)
    only_first = {item.key for item in first.objects if item.role is Role.PACK} - {item.key for item in second.objects}
    assert not any(item.going for item in (*doubtful, *young))
    assert all("cannot be read" in item.reason for item in doubtful)
    assert [set(item.going) for item in plan] == [only_first, only_first]
    manifest.write_bytes(b"{}")
    assert not any(item.going for item in remove_packs(shelf.system, plan))
    manifest.write_bytes(text)
    assert remove_packs(shelf.system, plan) == plan
    assert seen(Path(shelf.restore(Kind.FILES).directory) / "few") == seen(few)


def test_a_pack_that_is_mostly_waste_is_written_anew(shelf: Shelf, few: Path) -> None:
    """Two of three files are removed: the host has no key, and reads the third from its file again."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    (few / "one").unlink()
    (few / "two").unlink()
    shelf.back_up(Kind.FILES)  # learns how little is needed
    before = seen(few)

    shelf.back_up(Kind.FILES)

    needed = [item for item in shelf.manifest(Kind.FILES).objects if item.role is Role.PACK]
    assert [item.plain_bytes or 0 for item in needed] < [1_000_000]
    assert len(packs(shelf)) == 2
    assert seen(Path(shelf.restore(Kind.FILES).directory) / "few") == before

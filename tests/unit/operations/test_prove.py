"""Reading back: damage is a verdict about a copy, a store that does not answer is none."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest, Role, Verification
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, StoreUnavailable
from dr.operations.draft import Draft
from dr.operations.prove import prove_copy, read_back
from dr.operations.publish import publish
from dr.storage.faults import BitFlipped, Denied, FaultyStore, ReadCut, Unavailable
from dr.storage.local import LocalStore
from dr.storage.repository import Repository
from tests.unit.catalog.examples import NIGHT, manifest
from tests.unit.crypto.keyrings import cipher, people
from tests.unit.operations.places import NAME, repository, system
from tests.unit.pipeline.streams import write

__all__ = ["cipher", "people"]

LABEL = Label(NIGHT, Kind.CONFIG)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again at once."""
    monkeypatch.setenv("DR_RETRY_BASE_SECONDS", "0.001")


@pytest.fixture
def stores(tmp_path: Path) -> tuple[FaultyStore, FaultyStore]:
    """The stores of ``mine``, in which faults can be armed."""
    return FaultyStore(LocalStore("local", tmp_path / "local")), FaultyStore(LocalStore("cloud", tmp_path / "cloud"))


@pytest.fixture
def mine(tmp_path: Path) -> System:
    """A system of two stores."""
    return system(tmp_path, "local", "cloud")


@pytest.fixture
def stored(cipher: Cipher, stores: tuple[FaultyStore, FaultyStore]) -> Manifest:
    """A backup of one object, encrypted for us, in both stores and not yet published."""
    written = write(cipher, {store.name: store for store in stores}, os.urandom(200_000))
    key = f"{NAME}/config/{LABEL}/content.tar.zst.gpg"
    for store in stores:
        store.put_bytes(key, store.read_bytes(written.record.key))
        store.delete(written.record.key)
    item = dataclasses.replace(written.record, key=key, role=Role.ARCHIVE)
    return manifest(LABEL, objects=(item,), stores=("local", "cloud"), verifications=())


def files(path: Path) -> set[str]:
    """What lies in the stores, by store and name."""
    return {f"{file.relative_to(path).parts[0]}:{file.name}" for file in path.rglob("*") if file.is_file()}


OBJECTS = {"local:content.tar.zst.gpg", "cloud:content.tar.zst.gpg"}


def test_a_store_that_answers_again_is_proven(
    stored: Manifest, stores: tuple[FaultyStore, FaultyStore], cipher: Cipher
) -> None:
    """An endpoint that is restarted costs a pause and no backup."""
    stores[0].arm(Unavailable(3))

    assert prove_copy(stores[0], stored, cipher, "run-1").passed


@pytest.mark.parametrize("fault", [Unavailable(4), ReadCut(150_000)])
def test_a_store_that_stays_silent_is_no_verdict_about_its_copy(
    fault: Unavailable | ReadCut, stored: Manifest, stores: tuple[FaultyStore, FaultyStore], cipher: Cipher
) -> None:
    """Nor is a connection that breaks in the midst each time."""
    stores[0].arm(fault)

    with pytest.raises(StoreUnavailable):
        prove_copy(stores[0], stored, cipher, "run-1")


def test_a_silent_store_goes_without_the_backup_and_the_other_has_it(
    stored: Manifest, stores: tuple[FaultyStore, FaultyStore], cipher: Cipher, mine: System, tmp_path: Path
) -> None:
    """Nothing is removed from either."""
    stores[0].arm(Unavailable(1000))

    proofs = read_back(stores, stored, cipher, "run-1")
    published = publish(mine, Draft(stored, (), ()), proofs)

    assert [proof.passed for proof in proofs] == [False, True]
    assert published.stores == ("cloud",)
    assert any("does not answer" in problem for problem in published.problems)
    assert files(tmp_path) >= OBJECTS
    assert repository(mine).find(LABEL).stores == ("cloud",)


@pytest.mark.incident("I12")
@pytest.mark.parametrize("other", ["silent", "damaged"])
def test_a_backup_that_nobody_could_read_back_is_not_removed(
    other: str, stored: Manifest, stores: tuple[FaultyStore, FaultyStore], cipher: Cipher, mine: System, tmp_path: Path
) -> None:
    """No store answers, or the only one that does has a bad copy: the error may be tried again, and then it exists."""
    stores[0].arm(Unavailable(1000))
    stores[1].arm(Unavailable(1000) if other == "silent" else BitFlipped(100))

    with pytest.raises(StoreUnavailable) as caught:
        read_back(stores, stored, cipher, "run-1")

    assert caught.value.retryable
    assert "lie unlisted in local and cloud" in caught.value.hint
    assert "a day" in caught.value.hint
    assert files(tmp_path) == OBJECTS
    for store in stores:
        store.disarm()
    assert publish(mine, Draft(stored, (), ()), read_back(stores, stored, cipher, "run-1")).stores == ("local", "cloud")


@pytest.mark.parametrize("fault", [BitFlipped(100), Denied()])
def test_damage_and_refusal_in_every_store_remove_the_backup(
    fault: BitFlipped | Denied, stored: Manifest, stores: tuple[FaultyStore, FaultyStore], cipher: Cipher, mine: System
) -> None:
    """They are a verdict: asked once each, and nothing of it stays."""
    for store in stores:
        store.arm(fault)

    proofs: tuple[Verification, ...] = read_back(stores, stored, cipher, "run-1")
    with pytest.raises(BackupInvalid, match="no copy of"):
        publish(mine, Draft(stored, (), ()), proofs)

    for store in stores:
        store.disarm()
    assert not any(proof.passed for proof in proofs)
    assert all(not list(store.list(f"{NAME}/config/")) for store in stores)
    assert Repository(NAME, stores).list().backups == ()

"""Verifying stored copies: what is damaged is found, at the first level it does not reach, and no longer proven."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import DATABASE_KINDS, Kind, Label
from dr.catalog.manifest import Level
from dr.configuration.model import StoreSettings, System
from dr.errors import BackupInvalid
from dr.operations.repositories import open_repository
from dr.operations.verify.copies import CopyProof, all_copies, survey, verify_copies
from dr.operations.verify.report import IntegrityReport
from dr.policy.rotation import Reason
from tests.integration.engine.conftest import Site
from tests.integration.engine.procedures import make
from tests.quick_key import by_passphrase

SystemFor = Callable[..., System]


@pytest.fixture
def system(site: Site, system_for: SystemFor, tmp_path: Path) -> System:
    """A dump and a base backup, each in two stores."""
    stores = tuple(StoreSettings(name, "local", path=tmp_path / name) for name in ("first", "second"))
    made = system_for(site.url, *stores)
    for kind in (Kind.DUMP, Kind.BASE):
        make(made, kind)
    return made


def _files(system: System, kind: Kind) -> list[Path]:
    """The objects of the backup of one kind in the first store."""
    (backup,) = open_repository(system).list([kind]).backups
    return [Path(system.stores[0].path or "") / item.key for item in backup.manifest.objects]


def _verify(system: System, days: int = 1) -> tuple[CopyProof, ...]:
    return verify_copies(system, survey(system, days, datetime.now(UTC)).chosen, run="later")


def _level(system: System, kind: Kind, store: str) -> Level | None:
    (backup,) = open_repository(system).list([kind]).backups
    return backup.manifest.proven_level(store)


def test_whole_copies_pass_and_the_proof_is_kept(system: System) -> None:
    """New copies are read the next day whatever the share; after that they are due like all others."""
    found = survey(system, 30, datetime.now(UTC))
    assert [entry.reason for entry in found.chosen] == [Reason.NEW] * 4

    proofs = _verify(system, 30)

    assert {(item.outcome, item.level) for item in proofs} == {("passed", "listed")}
    assert len(proofs) == found.copies == 4
    (backup,) = open_repository(system).list([Kind.DUMP]).backups
    assert {item.run for item in backup.manifest.verifications} == {"test", "later"}
    share = survey(system, 30, datetime.now(UTC)).chosen
    assert {entry.reason for entry in share} == {Reason.SHARE}
    assert len(share) < 4
    assert len(survey(system, 30, datetime.now(UTC) + timedelta(days=30)).chosen) == 4


@pytest.mark.incident("I29")
@pytest.mark.parametrize("kind", DATABASE_KINDS)
@pytest.mark.parametrize("damage", ["a flipped bit", "cut off", "removed", "exchanged"])
def test_each_damage_of_each_object_is_found_and_takes_the_level_back(system: System, kind: Kind, damage: str) -> None:
    """Every object of a backup in turn, at a random place; the other store's copy stays proven, and heals it."""
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    for file in _files(system, kind):
        whole = file.read_bytes()
        broken = bytearray(whole)
        broken[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        if damage == "removed":
            file.unlink()
        elif damage == "exchanged":
            file.write_bytes(_files(system, next(item for item in DATABASE_KINDS if item is not kind))[0].read_bytes())
        else:
            file.write_bytes(broken if damage == "a flipped bit" else whole[: len(whole) // 2])

        proofs = _verify(system)

        (red,) = [item for item in proofs if item.failed]
        assert (red.store, red.level) == ("first", "stored" if damage == "removed" else "checksummed"), seed
        assert file.name in red.detail, seed
        assert _level(system, kind, "first") is None
        assert _level(system, kind, "second") is Level.LISTED
        with pytest.raises(BackupInvalid, match="1 stored copies of shop are damaged") as told:
            IntegrityReport(survey(system, 1, datetime.now(UTC)), proofs).conclude()
        assert f"not {red.level}" in told.value.detail

        file.write_bytes(whole)
        (again,) = [item for item in survey(system, 30, datetime.now(UTC)).chosen if item.reason is Reason.FAILED]
        (proof,) = verify_copies(system, [again], run="mended")
        assert (proof.outcome, proof.level) == ("passed", "listed")
        assert _level(system, kind, "first") is Level.LISTED


@pytest.mark.incident("I27")
def test_a_key_that_does_not_open_is_no_damage(site: Site, system_for: SystemFor) -> None:
    """What is stored is what was written; that it cannot be opened here is said, and no higher level is claimed."""
    system = system_for(site.url, encryption=by_passphrase())
    for kind in (Kind.DUMP, Kind.BASE):
        make(system, kind)
    locked = replace(system, encryption=by_passphrase())

    proofs = _verify(locked)

    assert {(item.outcome, item.level) for item in proofs} == {("passed", "checksummed")}
    assert all("cannot be opened here" in item.detail for item in proofs)


def test_a_damaged_record_of_proofs_harms_no_backup(system: System, tmp_path: Path) -> None:
    """What it said is forgotten, the backup is as proven as its manifest says, and the next proof begins a new one."""
    _verify(system)
    (backup,) = open_repository(system).list([Kind.DUMP]).backups
    record = tmp_path / "first" / labels.proofs_key(system.name, backup.label)
    os.truncate(record, 20)

    assert _level(system, Kind.DUMP, "first") is Level.LISTED
    verify_copies(system, all_copies(system, str(backup.label), ["first"]), run="again")
    assert b'"again"' in record.read_bytes()


def test_a_backup_that_expired_meanwhile_is_gone_and_stays_gone(system: System, tmp_path: Path) -> None:
    """Neither red nor brought back: no record is left where nothing is."""
    chosen = survey(system, 1, datetime.now(UTC)).chosen
    for backup in open_repository(system).list().backups:
        for store in backup.stores:
            open_repository(system).delete(Label.parse(backup.manifest.label), store)

    proofs = verify_copies(system, chosen, run="later")

    assert {item.outcome for item in proofs} == {"gone"}
    assert not list(tmp_path.rglob("*.proofs.json"))

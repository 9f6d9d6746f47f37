"""A real backup damaged in every way that happened to somebody: found, at its level, with words that help."""

from __future__ import annotations

import random
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.drills import DrillRecord
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Role
from dr.catalog.wal_names import Segment
from dr.configuration.model import EncryptionSettings, StoreSettings
from dr.errors import PartialBackup
from dr.operations.drill.require import require
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from dr.postgres.connection import connected
from dr.postgres.installations import server_for
from tests.integration.drill.conftest import MAJORS
from tests.integration.drill.site import Production, answers, drill, production
from tests.integration.drill.spoiling import (
    Shelf,
    flip,
    gpg_key,
    one_value_changed,
    relabel,
    swap,
    truncate,
    without_large_objects,
    without_rows,
)
from tests.integration.engine.procedures import make
from tests.integration.pitr.shelf import forget
from tests.quick_key import by_passphrase

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
SEED = 20261124


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """One good repository, from which every test takes a copy to spoil."""
    with production(tmp_path_factory.mktemp("whole"), server_for(MAJORS[-1])) as made:
        made.back_up()
        yield made


@pytest.fixture
def shelf(whole: Production, tmp_path: Path) -> Shelf:
    """A copy of the good repository of the test's own."""
    return copied(whole, tmp_path)


def copied(whole: Production, directory: Path) -> Shelf:
    """The repository at another place, for the same production."""
    source = whole.system.stores[0].path
    assert source is not None
    shutil.copytree(source, directory / "backups")
    stores = (replace(whole.system.stores[0], path=directory / "backups"),)
    system = replace(whole.system, stores=stores, state_directory=directory / "state")
    return Shelf(system, whole.dump, whole.base)


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done, how it is drilled, and the level and words that the verdict must have."""

    method: Method
    spoil: Callable[[Shelf, random.Random], object]
    level: str
    words: str


CHANGED = "damaged|instead of|not what was stored|not an OpenPGP"
PHYSICAL, LOGICAL = Method.PHYSICAL, Method.LOGICAL


def _without_globals(shelf: Shelf, lot: random.Random) -> None:
    manifest = shelf.manifest(shelf.dump)
    shelf.rewrite(replace(manifest, objects=tuple(item for item in manifest.objects if item.role is Role.DUMP)))


def _stale_hashes(shelf: Shelf, lot: random.Random) -> None:
    """As a manifest of an earlier run under the same label has them."""
    shelf.with_object(shelf.dump, replace(shelf.object(Role.DUMP), stored_sha256="0" * 64))


def _manifest_of_another(shelf: Shelf, lot: random.Random) -> None:
    shutil.copy(shelf.manifest_file(shelf.base), shelf.manifest_file(shelf.dump))


def _relabelled(shelf: Shelf, lot: random.Random) -> None:
    relabel(shelf, str(Label(datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1), Kind.DUMP)))


def _relabelled_thoroughly(shelf: Shelf, lot: random.Random) -> None:
    """The time in the manifest is changed too: only what is inside still knows."""
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    relabel(shelf, str(Label(later, Kind.DUMP)))
    new = Shelf(shelf.system, str(Label(later, Kind.DUMP)), shelf.base)
    new.rewrite(replace(new.manifest(new.dump), begin=later, end=later))


def _forgotten_segment(shelf: Shelf, lot: random.Random) -> None:
    """Gone from the index too: a hole in the chain."""
    forget(shelf.system, [Segment.parse(shelf.segments[0].name[:24])])


def _dump_with(change: Callable[[bytes], bytes]) -> Callable[[Shelf, random.Random], object]:
    return lambda shelf, lot: shelf.re_encrypt(Role.DUMP, change)


def _flipped(file: Callable[[Shelf], Path]) -> Callable[[Shelf, random.Random], object]:
    return lambda shelf, lot: flip(file(shelf), lot)


def _truncated(file: Callable[[Shelf], Path]) -> Callable[[Shelf, random.Random], object]:
    return lambda shelf, lot: truncate(file(shelf), lot)


def _missing(file: Callable[[Shelf], Path]) -> Callable[[Shelf, random.Random], object]:
    return lambda shelf, lot: file(shelf).unlink()


EVERY_OBJECT: dict[str, tuple[Method, Callable[[Shelf], Path]]] = {
    "dump": (LOGICAL, lambda shelf: shelf.file(Role.DUMP)),
    "globals": (LOGICAL, lambda shelf: shelf.file(Role.GLOBALS)),
    "archive": (PHYSICAL, lambda shelf: shelf.file(Role.ARCHIVE)),
    "PostgreSQL's manifest": (PHYSICAL, lambda shelf: shelf.file(Role.POSTGRES_MANIFEST)),
    "WAL": (PHYSICAL, lambda shelf: shelf.segments[0]),
}
GONE = "no object|missing|not there|is not"
DAMAGES: dict[str, Damage] = {
    **{
        f"a bit of the {name} flipped": Damage(method, _flipped(file), "checksummed", CHANGED)
        for name, (method, file) in EVERY_OBJECT.items()
    },
    **{
        f"the {name} truncated": Damage(method, _truncated(file), "checksummed", CHANGED)
        for name, (method, file) in EVERY_OBJECT.items()
    },
    **{
        f"the {name} missing": Damage(method, _missing(file), "stored", GONE)
        for name, (method, file) in EVERY_OBJECT.items()
    },
    "dump and globals swapped": Damage(
        LOGICAL, lambda shelf, lot: swap(shelf.file(Role.DUMP), shelf.file(Role.GLOBALS)), "checksummed", CHANGED
    ),
    "two segments swapped": Damage(
        PHYSICAL, lambda shelf, lot: swap(shelf.segments[0], shelf.segments[1]), "checksummed", "not what was stored"
    ),
    "a segment out of the index": Damage(PHYSICAL, _forgotten_segment, "stored", "WAL segments|no store|broken|chain"),
    "the dump's manifest missing": Damage(
        LOGICAL, lambda shelf, lot: shelf.manifest_file(shelf.dump).unlink(), "stored", "has a dump backup"
    ),
    "the base backup's manifest missing": Damage(
        PHYSICAL, lambda shelf, lot: shelf.manifest_file(shelf.base).unlink(), "stored", "base backup"
    ),
    "the manifest cut off": Damage(
        LOGICAL, lambda shelf, lot: truncate(shelf.manifest_file(shelf.dump), lot), "stored", "manifest"
    ),
    "the manifest of another backup": Damage(LOGICAL, _manifest_of_another, "stored", "manifest of base_"),
    "a stale manifest": Damage(LOGICAL, _stale_hashes, "checksummed", CHANGED),
    "no globals": Damage(LOGICAL, _without_globals, "restored", "Odd, role"),
    "a table emptied": Damage(
        LOGICAL,
        lambda shelf, lot: shelf.re_encrypt(Role.DUMP, without_rows("public.orders")),
        "listed",
        "public.orders: 0",
    ),
    "a value changed": Damage(
        LOGICAL,
        lambda shelf, lot: shelf.re_encrypt(Role.DUMP, one_value_changed),
        "listed",
        "public.orders: 500 rows, but",
    ),
    "large objects lost": Damage(
        LOGICAL,
        lambda shelf, lot: shelf.re_encrypt(Role.DUMP, without_large_objects),
        "listed",
        "0 large objects instead",
    ),
    "an old dump under a new label": Damage(LOGICAL, _relabelled, "stored", "an older backup under a new label"),
    "an old dump under a new label, thoroughly": Damage(
        LOGICAL, _relabelled_thoroughly, "queried", "before the target"
    ),
}


@pytest.mark.incident("I29")
@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found_at_its_level(shelf: Shelf, name: str) -> None:
    """Not recoverable, the first failing level, and words that say what is wrong."""
    damage = DAMAGES[name]
    damage.spoil(shelf, random.Random(f"{SEED} {name}"))

    record = drill(shelf.system, DrillRequest(method=damage.method, target="latest"))

    assert record.verdict == Verdict.NOT_RECOVERABLE, (record.verdict, record.reasons)
    assert record.level == damage.level, record.reasons
    assert re.search(damage.words, " ".join(record.reasons)), record.reasons


@pytest.mark.incident("I27")
def test_the_unspoilt_copy_is_green(shelf: Shelf) -> None:
    """What the matrix begins from is good, so that it is the damage that makes it red."""
    for method in Method:
        record = drill(shelf.system, DrillRequest(method=method, target="latest"))
        assert record.verdict == Verdict.RECOVERABLE, record.reasons


def test_an_object_for_somebody_elses_key_is_damage_and_a_key_that_is_not_here_is_none(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The wrong key in the store is red; the right one that this host lacks says nothing of the backup."""
    home, stranger_home = (Path(f"/tmp/dr-t-{secrets.token_hex(4)}") for _ in range(2))
    try:
        ours, stranger = gpg_key(home, "ours@example.org"), gpg_key(stranger_home, "stranger@example.org")
        encryption = EncryptionSettings(recipients=(ours,), gnupg_home=home)
        with production(tmp_path, server_for(MAJORS[-1]), encryption=encryption) as made:
            made.back_up()
            shelf = copied(made, tmp_path / "copy")
            theirs = replace(
                shelf.system, encryption=EncryptionSettings(recipients=(stranger,), gnupg_home=stranger_home)
            )
            shelf.re_encrypt(Role.DUMP, lambda dump: dump, theirs)

            wrong = drill(shelf.system, DrillRequest(method=LOGICAL))
            keyless = drill(_without_secret(made, home, tmp_path), DrillRequest(method=LOGICAL))

        assert (wrong.verdict, wrong.level) == (Verdict.NOT_RECOVERABLE, "decrypted"), wrong.reasons
        assert "not encrypted for the configured recipients" in wrong.reasons[0]
        assert keyless.verdict == Verdict.INCONCLUSIVE, keyless.reasons
        assert "key" in keyless.reasons[0]
    finally:
        for place in (home, stranger_home):
            shutil.rmtree(place, ignore_errors=True)


def _without_secret(made: Production, home: Path, directory: Path):  # type: ignore[no-untyped-def]
    """The same system on a host that has public keys only."""
    public = directory / "public.asc"
    exported = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--armor", "--export"], check=True, capture_output=True
    )
    public.write_bytes(exported.stdout)
    encryption = EncryptionSettings(recipients=made.system.encryption.recipients, public_key_file=public)
    return replace(made.system, encryption=encryption)


def test_the_wrong_passphrase_on_this_host_says_nothing_of_the_backup(tmp_path: Path) -> None:
    """Every copy is as it was stored; only this host cannot open it."""
    with production(tmp_path, server_for(MAJORS[-1]), encryption=by_passphrase()) as made:
        make(made.system, Kind.DUMP)
        other = replace(made.system, encryption=by_passphrase())

        record = drill(other, DrillRequest(method=LOGICAL))

    assert record.verdict == Verdict.INCONCLUSIVE, record.reasons
    assert "decrypted" not in record.level


def test_a_bad_copy_beside_a_good_one_is_recoverable_and_not_green(tmp_path: Path) -> None:
    """The drill ends well from the other store, and the run says which copy is bad."""
    stores = tuple(StoreSettings(name, "local", path=tmp_path / name) for name in ("first", "second"))
    with production(tmp_path, server_for(MAJORS[-1]), *stores) as made:
        made.back_up()
        flip(Shelf(made.system, made.dump, made.base).file(Role.ARCHIVE), random.Random(SEED))
        record = drill(made.system, DrillRequest())
        alone = drill(made.system, DrillRequest(stores=("first",)))

    assert record.verdict == Verdict.RECOVERABLE, record.reasons
    with pytest.raises(PartialBackup, match="not from every copy") as caught:
        require(record)
    assert "first" in caught.value.detail
    assert (alone.verdict, alone.level) == (Verdict.NOT_RECOVERABLE, "checksummed")


@pytest.mark.skipif(15 not in MAJORS, reason="the distribution's PostgreSQL 15 brings amcheck")
def test_an_index_that_only_amcheck_finds_wrong(tmp_path: Path) -> None:
    """A function said to be immutable changed its mind, as collations do: every count agrees, and amcheck does not."""
    lie = """
    CREATE FUNCTION key_of(id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT id';
    CREATE INDEX orders_key ON orders (key_of(id));
    CREATE OR REPLACE FUNCTION key_of(id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT -id';
    """
    with production(tmp_path, server_for(15)) as made:
        with connected(made.origin.server.url) as connection:
            connection.execute(lie.encode())
        made.back_up()
        record = drill(made.system, DrillRequest(target="latest"))

    found = answers(record)
    assert (record.verdict, record.level) == (Verdict.NOT_RECOVERABLE, "queried"), record.reasons
    assert found.pop("amcheck") == "FAILED"
    assert "FAILED" not in found.values()
    assert "orders_key" in record.reasons[0]


def test_red_keeps_what_is_needed_and_says_what_to_do(shelf: Shelf) -> None:
    """The message of a red drill names the next steps, and the copy if there is one."""
    shelf.re_encrypt(Role.DUMP, without_rows("public.orders"))
    record: DrillRecord = drill(shelf.system, DrillRequest(method=LOGICAL), keep=True)

    with pytest.raises(Exception, match="level listed is not reached") as caught:
        require(record, "/somewhere/data")
    assert "dr backup" in caught.value.hint  # type: ignore[attr-defined]
    assert "/somewhere/data" in caught.value.hint  # type: ignore[attr-defined]


def test_a_damaged_record_of_proofs_does_not_make_a_backup_red(shelf: Shelf) -> None:
    """It speaks of the backup, and is no part of it."""
    file = shelf.root / labels.proofs_key(shelf.system.name, Label.parse(shelf.dump))
    file.write_bytes(b"{")

    assert drill(shelf.system, DrillRequest(method=LOGICAL)).verdict == Verdict.RECOVERABLE


def test_another_backup_is_not_blamed(shelf: Shelf, whole: Production) -> None:
    """A second dump beside the spoilt one is drilled by its label, and is green."""
    other = make(shelf.system, Kind.DUMP).label
    flip(shelf.file(Role.DUMP), random.Random(SEED))

    assert drill(shelf.system, DrillRequest(method=LOGICAL, backup=other)).verdict == Verdict.RECOVERABLE
    assert drill(shelf.system, DrillRequest(method=LOGICAL, backup=shelf.dump)).verdict == Verdict.NOT_RECOVERABLE

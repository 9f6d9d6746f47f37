"""The escrow opens what is stored, in an empty home, without this host's keys (I21)."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import CustodySettings, EncryptionSettings, System
from dr.operations.custody import prove_custody
from dr.policy.drill_verdict import Answer
from dr.secret import Secret
from tests.integration.drill.site import Production
from tests.integration.drill.spoiling import gpg_key
from tests.integration.engine.procedures import make

pytestmark = [pytest.mark.timeout(200), pytest.mark.incident("I21")]
Site = Callable[..., Production]


@pytest.fixture
def home() -> Iterator[Path]:
    """A GnuPG home of the backup host; short, because its agent's socket lies in it."""
    place = Path(f"/tmp/dr-t-{secrets.token_hex(4)}")
    yield place
    subprocess.run(["gpgconf", "--homedir", str(place), "--kill", "all"], check=False, capture_output=True)
    shutil.rmtree(place, ignore_errors=True)


def exported(home: Path, file: Path, *fingerprints: str, secret: bool = True) -> Path:
    """The escrow file of these keys."""
    verb = "--export-secret-keys" if secret else "--export"
    done = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", "",
         verb, *fingerprints],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes(done.stdout)
    return file


def _with(system: System, **custody: Path) -> System:
    return replace(system, custody=CustodySettings(**custody))


def test_the_escrowed_key_alone_opens_one_of_every_kind(site: Site, home: Path, tmp_path: Path) -> None:
    """Dump, globals, archive, PostgreSQL's manifest and WAL; a file without the secret part opens nothing."""
    key = gpg_key(home, "host@example.org")
    made = site(encryption=EncryptionSettings(recipients=(key,), gnupg_home=home))
    made.back_up()
    escrow = exported(home, tmp_path / "escrow.gpg", key)
    public = exported(home, tmp_path / "public.gpg", key, secret=False)

    found = prove_custody(_with(made.system, key_file=escrow))
    useless = prove_custody(_with(made.system, key_file=public))

    assert {item.answer for item in found} == {Answer.PASSED}, found
    kinds = {item.name.split(": ")[1].split(" ")[0] for item in found}
    assert kinds == {"dump", "globals", "archive", "postgres-manifest", "WAL"}
    assert {item.answer for item in useless} == {Answer.FAILED}


def test_after_a_rotation_the_escrow_must_hold_the_old_key_too(site: Site, home: Path, tmp_path: Path) -> None:
    """Backups made before live longer than the key's use."""
    old, new = gpg_key(home, "old@example.org"), gpg_key(home, "new@example.org")
    made = site(encryption=EncryptionSettings(recipients=(old,), gnupg_home=home))
    first = make(made.system, Kind.DUMP).label
    made.system = replace(made.system, encryption=EncryptionSettings(recipients=(new,), gnupg_home=home))
    second = make(made.system, Kind.DUMP).label

    both = prove_custody(_with(made.system, key_file=exported(home, tmp_path / "both.gpg", old, new)))
    one = prove_custody(_with(made.system, key_file=exported(home, tmp_path / "new.gpg", new)))

    assert {item.answer for item in both} == {Answer.PASSED}, both
    told = {item.name: item for item in one}
    assert told[f"key custody: dump of {second}"].answer is Answer.PASSED
    assert told[f"key custody: dump of {first}"].answer is Answer.FAILED
    assert old in told[f"key custody: dump of {first}"].detail


def test_the_passphrase_path(site: Site, tmp_path: Path) -> None:
    """The right one opens everything, another nothing, and an empty file says what to do."""
    passphrase = secrets.token_hex(16)
    made = site(encryption=EncryptionSettings(passphrase=Secret(passphrase)))
    made.back_up()
    file = tmp_path / "escrow"
    file.write_text(f"{passphrase}\n")
    right = prove_custody(_with(made.system, passphrase_file=file))
    file.write_text(secrets.token_hex(16))
    wrong = prove_custody(_with(made.system, passphrase_file=file))
    file.write_text("\n")
    empty = prove_custody(_with(made.system, passphrase_file=file))

    assert {item.answer for item in right} == {Answer.PASSED}, right
    assert {item.answer for item in wrong} == {Answer.FAILED}
    assert "is empty" in empty[0].detail


def test_without_an_escrow_nothing_is_proven_and_with_the_wrong_kind_it_is_red(site: Site, tmp_path: Path) -> None:
    """That nobody has shown it is said; an escrow that is not for these backups is a failure."""
    made = site()
    assert [item.answer for item in prove_custody(made.system)] == [Answer.UNPROVEN]
    make(made.system, Kind.DUMP)
    assert [item.answer for item in prove_custody(made.system)] == [Answer.UNPROVEN]
    (found,) = prove_custody(_with(made.system, passphrase_file=tmp_path / "absent"))
    (absent,) = prove_custody(_with(made.system, key_file=tmp_path / "absent.gpg"))

    assert found.answer is Answer.FAILED
    assert "custody.key_file is not set" in found.detail
    assert absent.answer is Answer.FAILED
    assert "absent.gpg cannot be used" in absent.detail

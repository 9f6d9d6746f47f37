"""A key or passphrase that does not open an object is told as such, never as damage: the backup is whole."""

from __future__ import annotations

import dataclasses
import secrets

import pytest

from dr.catalog.manifest import ObjectRecord
from dr.configuration.model import EncryptionSettings
from dr.crypto.gnupg import opened
from dr.crypto.packets import parse_envelope
from dr.errors import KeyUnusable
from dr.secret import Secret
from dr.storage.protocol import Store
from tests.unit.crypto.keyrings import new_keyring
from tests.unit.pipeline.streams import KEY, read, stores, write

TEXT = b"SELECT 1;\n" * 20_000


def _refusal(settings: EncryptionSettings, store: Store, record: ObjectRecord | None = None) -> KeyUnusable:
    with opened(settings) as cipher, pytest.raises(KeyUnusable) as caught:
        read(cipher, store, expected=record)
    assert caught.value.hint
    assert not caught.value.retryable
    return caught.value


def test_a_wrong_passphrase_is_told_and_so_is_none(tmp_path):
    """With the manifest at hand and without; the hint names the setting."""
    right = secrets.token_hex(16)
    with opened(EncryptionSettings(passphrase=Secret(right))) as cipher:
        place = stores(tmp_path)["local"]
        record = write(cipher, {"local": place}, TEXT).record

    wrong = EncryptionSettings(passphrase=Secret(secrets.token_hex(16)))
    for expected in (record, None):
        refused = _refusal(wrong, place, expected)
        assert "the passphrase does not open" in refused.message
        assert "BACKUP_ENCRYPTION_KEY" in refused.hint
        assert right not in str(refused)
    with new_keyring() as empty:
        _refusal(empty.settings(), place)


def test_an_object_for_another_key_names_that_key(people, cipher, tmp_path):
    """Whoever holds the escrow knows by the id which key to bring."""
    place = stores(tmp_path)["local"]
    record = write(cipher, {"local": place}, TEXT).record
    key_id = parse_envelope((tmp_path / "local" / KEY).read_bytes(), "x").key_ids[0]

    public = people.ring.export("ours", tmp_path / "public.asc")
    refused = _refusal(EncryptionSettings(public_key_file=public), place, record)

    assert f"encrypted for key {key_id}, whose secret half is not here" in refused.message


@pytest.fixture(scope="module")
def protected(tmp_path_factory):
    """A secret key that is itself kept under a passphrase, as an escrowed one should be."""
    folder = tmp_path_factory.mktemp("escrow")
    passphrase = secrets.token_hex(16)
    with new_keyring() as ring:
        fingerprint = ring.new_key("escrowed", passphrase=passphrase)
        file = ring.export("escrowed", folder / "public.asc")
        secret = folder / "secret.asc"
        loopback = ("--pinentry-mode", "loopback", "--passphrase", passphrase)
        secret.write_bytes(ring.gpg(*loopback, "--export-secret-keys", fingerprint))
    place = stores(folder)["local"]
    with opened(EncryptionSettings(public_key_file=file)) as cipher:
        record = write(cipher, {"local": place}, TEXT).record
    return EncryptionSettings(secret_key_file=secret), passphrase, place, record


def test_a_protected_secret_key_opens_with_its_passphrase(protected):
    """Given in the same setting."""
    settings, passphrase, place, record = protected
    with opened(dataclasses.replace(settings, passphrase=Secret(passphrase))) as cipher:
        assert read(cipher, place, expected=record) == TEXT


@pytest.mark.parametrize("given", ["wrong", "none"])
def test_a_protected_secret_key_without_its_passphrase_is_not_called_damage(protected, given):
    """A whole backup must not be given up, nor the next store be tried, because a passphrase is missing."""
    settings, _, place, record = protected
    passphrase = Secret(secrets.token_hex(16)) if given == "wrong" else None

    refused = _refusal(dataclasses.replace(settings, passphrase=passphrase), place, record)

    assert "passphrase" in refused.message + refused.hint

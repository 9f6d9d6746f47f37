"""A stored object must be for exactly the keys that are configured: no plaintext, nobody else, nobody missing (I20)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from dr.configuration.model import EncryptionSettings
from dr.crypto.gnupg import Cipher, opened
from dr.crypto.packets import parse_envelope
from dr.errors import BackupInvalid
from dr.secret import Secret
from tests.unit.crypto.keyrings import FAST

pytestmark = pytest.mark.incident("I20")

PASSPHRASE = secrets.token_hex(16)


@pytest.fixture(scope="module")
def by_passphrase() -> Iterator[Cipher]:
    """Knows a passphrase and no key."""
    with opened(EncryptionSettings(passphrase=Secret(PASSPHRASE))) as cipher:
        yield cipher


def _message(people, *recipients: str, passphrase: str = "", options: tuple[str, ...] = ()) -> bytes:
    to = [part for name in recipients for part in ("--recipient", name)]
    closed = ["--encrypt"] if recipients else []
    if passphrase:
        closed += ["--pinentry-mode", "loopback", "--passphrase", passphrase, *FAST, "--symmetric"]
    return people.ring.gpg(*options, *to, "--output", "-", *closed, data=b"SELECT 1;\n")


def _check(cipher: Cipher, message: bytes) -> None:
    cipher.check_envelope(parse_envelope(message, "local:x"), "local:x")


def test_a_message_for_exactly_our_recipient_passes(people, cipher):
    """The one case that is right."""
    _check(cipher, _message(people, people.ours))


def test_a_message_for_all_of_several_recipients_passes_and_for_some_does_not(people):
    """An escrow key that was left out is noticed on the day of the backup, not of the disaster."""
    with opened(people.ring.settings(people.ours, people.stranger)) as both:
        _check(both, _message(people, people.stranger, people.ours))
        with pytest.raises(BackupInvalid, match="not encrypted for the configured recipients") as caught:
            _check(both, _message(people, people.ours))

    assert people.stranger in caught.value.detail


def test_a_message_for_somebody_else_is_refused(people, cipher):
    """It would be of no use to us."""
    with pytest.raises(BackupInvalid, match="local:x is not encrypted for the configured recipients") as caught:
        _check(cipher, _message(people, people.stranger))

    assert people.ours in caught.value.detail


def test_a_message_that_somebody_else_can_read_too_is_refused(people, cipher):
    """An extra recipient is a leak."""
    with pytest.raises(BackupInvalid, match="not encrypted for the configured recipients") as caught:
        _check(cipher, _message(people, people.ours, people.stranger))

    assert "missing: none" in caught.value.detail


def test_a_message_for_an_unnamed_key_is_refused(people, cipher):
    """Whose it is cannot be told."""
    with pytest.raises(BackupInvalid):
        _check(cipher, _message(people, people.ours, options=("--throw-keyids",)))


def test_a_message_that_a_passphrase_opens_as_well_is_refused(people, cipher):
    """Nobody configured that passphrase."""
    with pytest.raises(BackupInvalid):
        _check(cipher, _message(people, people.ours, passphrase=PASSPHRASE))


def test_plaintext_is_refused_before_anything_is_compared(cipher):
    """Encryption silently off is the worst of all."""
    with pytest.raises(BackupInvalid, match="not an OpenPGP-encrypted object"):
        _check(cipher, b"SELECT 1;\n")


def test_with_a_passphrase_configured_only_a_passphrase_will_do(people, by_passphrase):
    """A message for keys is somebody else's."""
    _check(by_passphrase, _message(people, passphrase=PASSPHRASE))
    with pytest.raises(BackupInvalid, match="local:x is not encrypted with the passphrase"):
        _check(by_passphrase, _message(people, people.stranger))


def test_with_a_passphrase_configured_an_extra_key_is_refused(people, by_passphrase):
    """The passphrase opens it, and a stranger's key does too."""
    with pytest.raises(BackupInvalid):
        _check(by_passphrase, _message(people, people.stranger, passphrase=PASSPHRASE))

"""Recipients: an unusable key is refused before anything is written, and public keys are enough to encrypt."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings
from dr.crypto.gnupg import opened
from dr.crypto.packets import parse_envelope
from dr.errors import KeyUnusable
from dr.secret import Secret
from tests.unit.crypto.keyrings import Keyring, decrypt, encrypt, new_keyring

PLAIN = b"CREATE TABLE t ();\n" * 50


@pytest.fixture(scope="module")
def unusable() -> Iterator[Keyring]:
    """A ring with keys that must not be encrypted to."""
    with new_keyring() as ring:
        ring.new_key("expired", clock="20200101T000000!", lives="1y")
        revoked = ring.new_key("revoked")
        certificate = ring.home / "openpgp-revocs.d" / f"{revoked}.rev"
        ring.gpg("--import", data=certificate.read_text().replace(":-----BEGIN", "-----BEGIN").encode())
        ring.new_key("signing", usage="")
        past = ("--faked-system-time", "20200101T000000!", "--ignore-time-conflict", "--passphrase", "")
        ring.gpg(*past, "--quick-add-key", ring.new_key("rotating", usage=""), "cv25519", "encr", "1y")
        yield ring


@pytest.mark.parametrize(
    "name, what",
    [
        ("expired@example.org", "is expired"),
        ("revoked@example.org", "is revoked"),
        ("signing@example.org", "signing"),  # it has no key that encrypts
        ("rotating@example.org", "rotating"),  # the one that encrypted has expired, the primary key has not
        ("nobody@example.org", "no public key answers to recipient 'nobody@example.org'"),
        ("example.org", "more than one public key answers"),
    ],
)
def test_a_recipient_that_cannot_be_encrypted_to_is_refused_at_once(unusable, name, what):
    """Before a dump has begun, with what to do; a step that is tried again would fail again."""
    with pytest.raises(KeyUnusable, match=what) as caught, opened(unusable.settings(name)):
        pass

    assert caught.value.hint
    assert not caught.value.retryable


def test_recipients_are_recorded_by_their_primary_fingerprint(people):
    """Whatever name they were configured by."""
    with opened(people.ring.settings("ours@example.org", people.stranger)) as cipher:
        assert cipher.record.method == "public-key"
        assert cipher.record.fingerprints == (people.ours, people.stranger)


def test_a_host_with_public_keys_only_encrypts_and_cannot_decrypt(people, tmp_path):
    """Whoever takes the backup host has no key to the backups."""
    public = people.ring.export("ours", tmp_path / "public.asc")

    with opened(EncryptionSettings(public_key_file=public)) as cipher:
        message = encrypt(cipher, PLAIN)
        envelope = parse_envelope(message, "x")
        cipher.check_envelope(envelope, "x")

        assert cipher.record.fingerprints == (people.ours,)
        assert not cipher.can_decrypt(envelope)
        assert decrypt(cipher, message) is None
    with opened(people.settings) as owner:
        assert owner.can_decrypt(envelope)
        assert decrypt(owner, message) == PLAIN


def test_a_secret_key_file_opens_what_the_public_one_closed(people, tmp_path):
    """Carried to a clean host, as in the day of need."""
    with opened(people.settings) as cipher:
        message = encrypt(cipher, PLAIN)
    secret = people.ring.export("ours", tmp_path / "secret.asc", secret=True)

    with opened(EncryptionSettings(secret_key_file=secret)) as clean:
        assert clean.can_decrypt(parse_envelope(message, "x"))
        assert decrypt(clean, message) == PLAIN


def test_imported_keys_live_in_a_private_home_that_is_gone_afterwards(people, tmp_path):
    """Neither the key ring nor an agent that serves it is left; the user's own ring is never touched."""
    secret = people.ring.export("ours", tmp_path / "secret.asc", secret=True)

    with opened(EncryptionSettings(secret_key_file=secret)) as cipher:
        with cipher.encryptor("x") as child:
            arguments = list(map(str, child.process.args))  # type: ignore[arg-type]
        home = Path(arguments[arguments.index("--homedir") + 1])
        assert home.stat().st_mode & 0o777 == 0o700
        assert decrypt(cipher, encrypt(cipher, PLAIN)) == PLAIN
        assert _agents(home)

    assert not home.exists()
    assert not _agents(home)


def _agents(home: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"gpg-agent" in arguments[0] and str(home).encode() in arguments:
            found.append(int(process.name))
    return found


@pytest.mark.parametrize("content", [b"", b"no key\n", None], ids=["empty", "text", "no file"])
def test_a_key_file_without_a_key_is_refused(tmp_path, content):
    """By its name, with what file is wanted."""
    file = tmp_path / "key.asc"
    if content is not None:
        file.write_bytes(content)

    with (
        pytest.raises(KeyUnusable, match=r"key\.asc holds no OpenPGP key"),
        opened(EncryptionSettings(public_key_file=file)),
    ):
        pass


def test_a_passphrase_alone_encrypts_and_decrypts():
    """The guide's BACKUP_ENCRYPTION_KEY."""
    token = secrets.token_hex(16)
    with opened(EncryptionSettings(passphrase=Secret(token))) as cipher:
        message = encrypt(cipher, PLAIN)
        envelope = parse_envelope(message, "x")

        assert cipher.record.method == "passphrase"
        assert cipher.can_decrypt(envelope)
        assert decrypt(cipher, message) == PLAIN
    with opened(EncryptionSettings()) as nothing:
        assert not nothing.can_decrypt(envelope)


def test_the_agent_that_asking_for_keys_starts_knows_none_of_our_secrets(monkeypatch):
    """It lives on after us, and its environment can be read as long as it does."""
    token = secrets.token_hex(16)
    for name in ("BACKUP_ENCRYPTION_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, token)
    with new_keyring() as ring:
        clean = {name: value for name, value in os.environ.items() if value != token}
        with monkeypatch.context() as quiet:
            for name in set(os.environ) - set(clean):
                quiet.delenv(name)
            fingerprint = ring.new_key("asked")
            message = ring.gpg("--recipient", fingerprint, "--output", "-", "--encrypt", data=PLAIN)
            subprocess.run(("gpgconf", "--homedir", ring.home, "--kill", "all"), check=True)

        with opened(ring.settings(fingerprint)) as cipher:
            assert cipher.can_decrypt(parse_envelope(message, "x"))

        agents = _agents(ring.home)
        assert agents, "asking for secret keys starts the agent"
        knows = [agent for agent in agents if token.encode() in Path(f"/proc/{agent}/environ").read_bytes()]
        assert knows == []

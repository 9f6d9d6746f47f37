"""Key rings made on the spot, with real keys that live for a day, and nothing left running afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings
from dr.crypto.gnupg import Cipher, opened, stop_agent

FAST = ("--s2k-mode", "3", "--s2k-count", "1024")
"""For messages that the test makes itself: a passphrase that is stretched takes half a second."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """A GnuPG home of our own."""

    home: Path

    def gpg(self, *arguments: str | Path, data: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Run gpg in this home; its output."""
        argv = ("gpg", "--homedir", self.home, "--batch", "--no-tty", "--yes", "--trust-model", "always", *arguments)
        done = subprocess.run(argv, input=data, capture_output=True, env={**os.environ, **(environment or {})})
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def new_key(
        self, name: str, *, passphrase: str = "", usage: str = "encr", clock: str = "", lives: str = "1d"
    ) -> str:
        """A key pair; its fingerprint. Without ``usage`` it can only sign; ``clock`` dates it back."""
        then = ("--faked-system-time", clock) if clock else ()
        secret = ("--pinentry-mode", "loopback", "--passphrase", passphrase, *then)
        self.gpg(*secret, "--quick-gen-key", f"{name} <{name}@example.org>", "ed25519", "cert,sign", lives)
        fingerprint = self.fingerprint(name)
        if usage:
            self.gpg(*secret, "--quick-add-key", fingerprint, "cv25519", usage, lives)
        return fingerprint

    def fingerprint(self, name: str) -> str:
        listed = self.gpg("--list-keys", "--with-colons", f"{name}@example.org").decode()
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def export(self, name: str, file: Path, *, secret: bool = False) -> Path:
        """The key in a file, as it is carried to another host."""
        file.write_bytes(self.gpg("--export-secret-keys" if secret else "--export", f"{name}@example.org"))
        return file

    def settings(self, *recipients: str) -> EncryptionSettings:
        return EncryptionSettings(recipients=recipients, gnupg_home=self.home)


@contextmanager
def new_keyring() -> Iterator[Keyring]:
    """A home under a short path (the agent's socket needs one); its agent ends with it."""
    home = Path(tempfile.mkdtemp(prefix="dr-t-", dir="/tmp"))
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # otherwise it measures how long a tenth of a second is
    try:
        yield Keyring(home)
    finally:
        stop_agent(home)
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class People:
    """One ring with two pairs of keys: ours, and a stranger's."""

    ring: Keyring
    ours: str
    stranger: str

    @property
    def settings(self) -> EncryptionSettings:
        return self.ring.settings(self.ours)


@pytest.fixture(scope="session")
def people() -> Iterator[People]:
    """Made once: generating keys takes most of the time of these tests."""
    with new_keyring() as ring:
        yield People(ring, ring.new_key("ours"), ring.new_key("stranger"))


@pytest.fixture(scope="session")
def cipher(people: People) -> Iterator[Cipher]:
    """Encrypts to us and can decrypt."""
    with opened(people.settings) as ready:
        yield ready


def encrypt(cipher: Cipher, data: bytes) -> bytes:
    """A small message, by our own gpg process; a large one would fill its pipes."""
    with cipher.encryptor("x") as child:
        child.stdin.write(data)
        child.stdin.close()
        message = child.stdout.read()
        assert child.wait(30).ok
    return message


def decrypt(cipher: Cipher, message: bytes) -> bytes | None:
    """What is in a small message; None when it does not open."""
    with cipher.decryptor("x") as child:
        child.stdin.write(message)
        child.stdin.close()
        plain = child.stdout.read()
        return plain if child.wait(30).ok else None

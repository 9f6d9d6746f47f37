"""Encrypting to recipients or with a passphrase, and decrypting, by stock ``gpg`` processes.

The backup host needs public keys only. Streams go through ``gpg`` itself; python-gnupg asks about keys. gpg's own
compression stays off (it is the slow part, and the bytes are compressed already). Secrets go through a file descriptor.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dr.catalog.manifest import EncryptionRecord
from dr.configuration.model import EncryptionSettings
from dr.crypto.packets import Envelope
from dr.crypto.private_home import private_home
from dr.crypto.private_home import stop_agent as stop_agent
from dr.errors import BackupInvalid, ConfigurationError, KeyUnusable, ToolError
from dr.pipeline.launch import child_environment
from dr.pipeline.process import Child, run, secret_pipe

if TYPE_CHECKING:
    import gnupg

_COMMON = ("--batch", "--no-tty", "--yes", "--no-greeting", "--status-fd", "2", "--trust-model", "always")


def program() -> str:
    """Path of ``gpg``; raises ``ToolError`` with the way to get it."""
    found = shutil.which("gpg") or shutil.which("gpg2")
    if found is None:
        raise ToolError(
            "gpg is not installed", hint="Install it: apt-get install gnupg (dnf install gnupg2, brew install gnupg)."
        )
    return found


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """A public key to encrypt to: its primary fingerprint and the ids of the keys that can decrypt.

    ``expires`` is None for one that never does.
    """

    fingerprint: str
    key_ids: frozenset[str]
    expires: datetime | None = None
    made: datetime | None = None


class Cipher:
    """Encrypts and decrypts for one system. Made by ``opened``, which owns the key ring's life."""

    def __init__(self, settings: EncryptionSettings, home: Path | None) -> None:
        self._settings = settings
        self._home = home
        self._program = program()
        self.recipients = tuple(self._find(name) for name in settings.recipients)

    @property
    def record(self) -> EncryptionRecord:
        """What the manifest says about the key."""
        if self.recipients:
            return EncryptionRecord("public-key", tuple(key.fingerprint for key in self.recipients))
        return EncryptionRecord("passphrase")

    def _argv(self, *arguments: str) -> tuple[str, ...]:
        home = ("--homedir", str(self._home)) if self._home else ()
        return (self._program, *home, *_COMMON, *arguments)

    def _keyring(self) -> gnupg.GPG:
        import gnupg

        home = str(self._home) if self._home else None
        # The agent that gpg starts here lives on: it must not carry our secrets in its environment.
        return gnupg.GPG(gpgbinary=self._program, gnupghome=home, env=child_environment({}))

    def _find(self, name: str) -> RecipientKey:
        found = self._keyring().list_keys(keys=[name])
        if len(found) != 1:
            raise KeyUnusable(
                f"{'no' if not found else 'more than one'} public key answers to recipient {name!r}",
                hint="Import it (gpg --import KEY.asc) and name it by its full fingerprint.",
            )
        key = found[0]
        if key["trust"] in ("r", "e", "d"):
            what = {"r": "revoked", "e": "expired", "d": "disabled"}[key["trust"]]
            raise KeyUnusable(f"the key of recipient {name!r} is {what}", hint="Rotate to a valid key first.")
        if "E" not in key["cap"]:
            raise KeyUnusable(
                f"the key of recipient {name!r} cannot be encrypted to",
                detail="it is for signing only, or its encryption subkey has expired",
                hint="Add an encryption subkey (gpg --quick-add-key), or name another recipient.",
            )
        ids = {key["keyid"]} | {subkey[0] for subkey in key["subkeys"]}
        ends = datetime.fromtimestamp(int(key["expires"]), UTC) if key["expires"] else None
        made = datetime.fromtimestamp(int(key["date"]), UTC) if key["date"] else None
        return RecipientKey(key["fingerprint"], frozenset(item.upper() for item in ids), ends, made)

    @contextmanager
    def encryptor(self, label: str, *, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE) -> Iterator[Child]:
        """A running ``gpg`` that encrypts what is written to its stdin, or what is in the file given as such."""
        algorithm = ("--compress-algo", "none", "--cipher-algo", "AES256", "--output", "-")
        if self.recipients:
            to = [part for key in self.recipients for part in ("--recipient", key.fingerprint)]
            argv = self._argv(*algorithm, *to, "--encrypt")
            with self._child(f"gpg --encrypt {label}", argv, stdin=stdin, stdout=stdout) as child:
                yield child
            return
        derive = ("--s2k-mode", "3", "--s2k-digest-algo", "SHA512", "--s2k-count", "65011712")
        with self._passphrase() as descriptor:
            secret = ("--pinentry-mode", "loopback", "--passphrase-fd", str(descriptor))
            argv = self._argv(*algorithm, *derive, *secret, "--symmetric")
            with self._child(f"gpg --symmetric {label}", argv, (descriptor,), stdin=stdin, stdout=stdout) as child:
                yield child

    @contextmanager
    def decryptor(self, label: str) -> Iterator[Child]:
        """A running ``gpg`` that decrypts what is written to its stdin."""
        if self._settings.passphrase is None:
            with self._child(f"gpg --decrypt {label}", self._argv("--output", "-", "--decrypt")) as child:
                yield child
            return
        with self._passphrase() as descriptor:
            secret = ("--pinentry-mode", "loopback", "--passphrase-fd", str(descriptor))
            argv = self._argv(*secret, "--output", "-", "--decrypt")
            with self._child(f"gpg --decrypt {label}", argv, (descriptor,)) as child:
                yield child

    def _child(
        self,
        name: str,
        argv: tuple[str, ...],
        pass_fds: tuple[int, ...] = (),
        *,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
    ) -> Child:
        return Child(name, argv, stdin=stdin, stdout=stdout, pass_fds=pass_fds)

    def _passphrase(self) -> AbstractContextManager[int]:
        if self._settings.passphrase is None:
            raise ConfigurationError("no passphrase is configured", hint="Set BACKUP_ENCRYPTION_KEY.")
        return secret_pipe(self._settings.passphrase.reveal())

    def can_decrypt(self, envelope: Envelope) -> bool:
        """Whether the secret for this message is on this host; a backup host with public keys only says no."""
        if envelope.passphrase and self._settings.passphrase is not None:
            return True
        if not envelope.key_ids:
            return False
        secret = self._keyring().list_keys(secret=True)
        here = {key["keyid"].upper() for key in secret} | {sub[0].upper() for key in secret for sub in key["subkeys"]}
        return bool(here & set(envelope.key_ids))

    def check_envelope(self, envelope: Envelope, origin: str) -> None:
        """Raise ``BackupInvalid`` unless the message is for exactly the keys that are configured (I20)."""
        if not self.recipients:
            if not envelope.passphrase or envelope.key_ids:
                raise BackupInvalid(
                    f"{origin} is not encrypted with the passphrase" + (" alone" if envelope.passphrase else ""),
                    detail=f"it is encrypted for {', '.join(envelope.key_ids)}",
                    hint="Look for what else writes to this repository.",
                )
            return
        allowed = frozenset().union(*(key.key_ids for key in self.recipients))
        strangers = sorted(set(envelope.key_ids) - allowed)
        missing = [key.fingerprint for key in self.recipients if not key.key_ids & set(envelope.key_ids)]
        if envelope.passphrase:
            strangers.append("a passphrase")
        if strangers or missing:
            raise BackupInvalid(
                f"{origin} is not encrypted for the configured recipients",
                detail=f"unexpected: {', '.join(strangers) or 'none'}; missing: {', '.join(missing) or 'none'}",
                hint="Do not rely on it; look for what else writes to this repository.",
            )


@contextmanager
def opened(settings: EncryptionSettings) -> Iterator[Cipher]:
    """A ``Cipher`` for these settings. Key files are imported into a home of our own, removed afterwards."""
    if settings.public_key_file is None and settings.secret_key_file is None:
        yield Cipher(settings, settings.gnupg_home)
        return
    with private_home() as home:
        imported: list[str] = []
        for file in (settings.public_key_file, settings.secret_key_file):
            if file is not None:
                imported += _import(home, file)
        if not settings.recipients and settings.passphrase is None:
            settings = replace(settings, recipients=tuple(dict.fromkeys(imported)))
        yield Cipher(settings, home)


def _import(home: Path, file: Path) -> list[str]:
    """Import a key file without asking anything; the fingerprints in it."""
    argv = (program(), "--homedir", str(home), *_COMMON, "--import", str(file))
    ended, _ = run(f"gpg --import {file.name}", argv, deadline_seconds=60)
    found = [line.split()[3] for line in ended.stderr.splitlines() if line.startswith("[GNUPG:] IMPORT_OK")]
    if not found:
        raise KeyUnusable(
            f"{file} holds no OpenPGP key that can be imported",
            detail=str(ended),
            hint="Give the file made by gpg --export.",
        )
    return found

"""One object on its way back: fetch, decrypt, decompress, each hashed against the manifest and timed.

The plain bytes are handed on while they stream, so whoever takes them must not rely on them before ``finish`` has
passed: a restore goes into an empty place and is thrown away when the object turns out to be damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from dr.catalog.manifest import Compression, ObjectRecord
from dr.errors import BackupInvalid, DrError, KeyUnusable
from dr.pipeline.compress import Decompressor
from dr.pipeline.process import Child, Exit, widen
from dr.progress import reporter
from dr.storage.protocol import Store

CHUNK = 1 << 20
_ANOTHER = "Use another copy (dr show LABEL lists the stores) or an older backup."


@dataclass(slots=True)
class StageSeconds:
    """Seconds each stage was at work on an object.

    ``fetch`` is time spent waiting for the store, ``decrypt`` is gpg's processor time.
    """

    fetch: float = 0.0
    decrypt: float = 0.0
    decompress: float = 0.0

    def add(self, other: StageSeconds) -> None:
        self.fetch += other.fetch
        self.decrypt += other.decrypt
        self.decompress += other.decompress


class _Fetcher(threading.Thread):
    """Moves stored bytes from the store into the decryptor, hashing them."""

    def __init__(self, store: Store, key: str, decryptor: Child, step: str) -> None:
        super().__init__(daemon=True, name=f"fetch {key}")
        self._store, self._key, self._decryptor, self._step = store, key, decryptor, step
        self._reporter = reporter()
        self.digest = hashlib.sha256()
        self.count = 0
        self.seconds = 0.0
        self.error: BaseException | None = None
        self.broken_pipe = False
        self.abandoned = False

    def run(self) -> None:
        try:
            self._move()
        except BaseException as error:  # noqa: BLE001 - raised again by finish()
            self.error = error
        finally:
            with contextlib.suppress(OSError, ValueError):
                self._decryptor.stdin.close()

    def _move(self) -> None:
        chunks = self._store.read(self._key, CHUNK)
        while True:
            begin = time.monotonic()
            data = next(chunks, None)
            self.seconds += time.monotonic() - begin
            if data is None or self.abandoned:
                return
            self.digest.update(data)
            self.count += len(data)
            self._reporter.advance(self._step, len(data))
            self._hand_on(data)

    def _hand_on(self, data: bytes) -> None:
        """A decryptor that has given up must not hide what the rest of the object's hash says: read on to the end."""
        if self.broken_pipe:
            return
        try:
            self._decryptor.stdin.write(data)
        except (BrokenPipeError, ValueError):
            self.broken_pipe = True


class ObjectReader:
    """Plain bytes of one stored object. Iterate, then ``finish``; as a context manager it leaves no process behind."""

    def __init__(
        self,
        store: Store,
        key: str,
        compression: Compression,
        decryptor: Child,
        expected: ObjectRecord | None = None,
        step: str = "fetch",
    ) -> None:
        self._store, self._key, self._expected = store, key, expected
        self._decryptor = decryptor
        widen(decryptor.stdin)
        widen(decryptor.stdout)
        self._decompressor = Decompressor(compression)
        self._packed = hashlib.sha256()
        self._damage: BackupInvalid | None = None
        self.plain_bytes = 0
        self.seconds = StageSeconds()
        self.exit: Exit | None = None
        self._fetcher = _Fetcher(store, key, decryptor, step)
        self._fetcher.start()

    def __iter__(self) -> Iterator[bytes]:
        stream = self._decryptor.stdout
        while data := stream.read1(CHUNK):  # type: ignore[attr-defined]
            self._packed.update(data)
            if self._damage is not None:
                continue
            try:
                yield from self._unpack(data)
            except BackupInvalid as error:
                # gpg's own verdict and the object's hash tell more: read to the end, then decide in finish().
                self._damage = error

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of a packed piece; the clock stands while the caller has them."""
        begin = time.monotonic()
        for plain in self._decompressor.feed(data):
            self.seconds.decompress += time.monotonic() - begin
            self.plain_bytes += len(plain)
            yield plain
            begin = time.monotonic()
        self.seconds.decompress += time.monotonic() - begin

    def finish(self) -> None:
        """Raise unless the object was whole, meant for our key, and exactly what the manifest says."""
        self._fetcher.join()
        self.exit = self._decryptor.wait(deadline_seconds=60)
        self.seconds.fetch = self._fetcher.seconds
        self.seconds.decrypt = self.exit.cpu_seconds
        if self._fetcher.error is not None:
            raise self._fetcher.error
        self._check_stored()
        if not self.exit.ok:
            raise decryption_error(self._key, self._store.name, self.exit)
        try:
            if self._damage is not None:
                raise self._damage
            self._decompressor.finish()
        except BackupInvalid as error:
            where = f"{self._key} in store {self._store.name}"
            raise BackupInvalid(f"{where}: {error.message}", error.detail, _ANOTHER) from error
        if self._expected is not None and self._packed.hexdigest() != self._expected.packed_sha256:
            raise BackupInvalid(
                f"{self._key} in store {self._store.name} decrypts to something else than was backed up",
                detail=f"sha256 {self._packed.hexdigest()}, the manifest says {self._expected.packed_sha256}",
                hint=_ANOTHER,
            )

    def _check_stored(self) -> None:
        """The hash of the stored bytes comes first: it tells damage in the store from a wrong key."""
        if self._expected is None:
            return
        if self._fetcher.count != self._expected.stored_bytes:
            raise BackupInvalid(
                f"{self._key} in store {self._store.name} has {self._fetcher.count} bytes instead of "
                f"{self._expected.stored_bytes}",
                hint=_ANOTHER,
            )
        if self._fetcher.digest.hexdigest() != self._expected.stored_sha256:
            raise BackupInvalid(
                f"{self._key} in store {self._store.name} is damaged: its sha256 is not the one in the manifest",
                detail=f"{self._fetcher.digest.hexdigest()} instead of {self._expected.stored_sha256}",
                hint=_ANOTHER,
            )

    def __enter__(self) -> ObjectReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self._fetcher.abandoned = True
        self._decryptor.close()
        self._fetcher.join(timeout=60)


_STATUS = re.compile(r"^\[GNUPG:\] (\w+) ?(.*)$", re.MULTILINE)


def decryption_error(key: str, where: str, ended: Exit) -> DrError:
    """What gpg's status lines mean: a wrong key, a wrong passphrase, damage, or no OpenPGP message at all."""
    status = dict(_STATUS.findall(ended.stderr))
    readable = "; ".join(line for line in ended.stderr.splitlines() if line and not line.startswith("[GNUPG:]"))
    if "NODATA" in status or "no valid OpenPGP data" in ended.stderr:
        return BackupInvalid(
            f"{key} in {where} is not an encrypted backup",
            readable,
            "Name a file that ends in .gpg and was made by a backup.",
        )
    if "NO_SECKEY" in status and "DECRYPTION_KEY" not in status:
        return KeyUnusable(
            f"{key} in {where} is encrypted for key {status['NO_SECKEY'].split()[0]}, whose secret half is not here",
            readable,
            "Import the escrowed secret key (gpg --import), or point encryption.secret_key_file to it.",
        )
    if "pkdecrypt_failed" in status.get("ERROR", ""):
        return KeyUnusable(
            f"the secret key for {key} in {where} is locked, and nobody is there to unlock it",
            readable,
            "Use a key without passphrase on this host, or unlock it first (gpg --decrypt asks; gpg-agent remembers).",
        )
    if (
        "problem with the agent" in ended.stderr
        or "BAD_PASSPHRASE" in status
        or "Bad session key" in ended.stderr
        or "MISSING_PASSPHRASE" in status
    ):
        return KeyUnusable(
            f"the passphrase does not open {key} in {where}",
            readable,
            "Set BACKUP_ENCRYPTION_KEY to the passphrase in force when this backup was made.",
        )
    return BackupInvalid(f"{key} in {where} cannot be decrypted: it is damaged or cut off", readable, _ANOTHER)

"""PostgreSQL's manifest of the last base backup, which the server must be shown to make an incremental one on it.

In the stores it is encrypted, and a backup host with public keys only cannot read it there. It holds names, sizes and
checksums of files and no data, so the last one stays plain on this host (docs/adr/0005). Losing it costs a full backup.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest, ObjectRecord, Role
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher
from dr.crypto.packets import ENOUGH, parse_envelope
from dr.errors import BackupInvalid, DrError, KeyUnusable
from dr.operations.objects_back import reading
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

SUFFIX = ".manifest"
KEPT = 2
"""The newest may turn out unreadable in every store; then the one before it is still the parent."""


def directory_of(system: System) -> Path:
    """Where this host keeps them; no restore needs it."""
    return system.state_directory / "base" / system.name


class ManifestKeeper:
    """Writes the manifest of the backup in the making. A disk that takes no more costs that copy, not the backup."""

    def __init__(self, system: System, label: Label) -> None:
        self._directory = directory_of(system)
        self._file = self._directory / f"{label}{SUFFIX}"
        self._partial: Path | None = None
        self._fd = -1
        self.trouble = ""

    def __enter__(self) -> ManifestKeeper:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd, name = tempfile.mkstemp(dir=self._directory, prefix=".", suffix=".partial")  # for its owner alone
            self._partial = Path(name)
        except OSError as error:
            self._give_up(error)
        return self

    def write(self, data: bytes | memoryview) -> None:
        """The next bytes of the manifest."""
        view = memoryview(data)
        try:
            while view and self._fd >= 0:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            self._give_up(error)

    def keep(self) -> None:
        """The backup is complete: give the file its name, and remove those that no next backup will ask for."""
        if self._partial is None:
            return
        try:
            os.fsync(self._fd)
            self._partial.replace(self._file)
            self._partial = None
            for old in _kept(self._directory)[KEPT:]:
                old.unlink()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.trouble = f"its manifest cannot be kept in {self._directory}: {error.strerror}"
        logger.warning("%s; without the key here, the next base backup must be a full one", self.trouble)
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._partial is not None:
            with suppress(OSError):
                self._partial.unlink()
            self._partial = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()


def _kept(directory: Path) -> list[Path]:
    """The manifests kept here, newest backup first."""
    found: dict[Label, Path] = {}
    for file in directory.glob(f"base_*{SUFFIX}"):
        with suppress(ValueError):
            label = Label.parse(file.name.removesuffix(SUFFIX))
            if label.kind is Kind.BASE:
                found[label] = file
    return [found[label] for label in sorted(found, reverse=True)]


@contextmanager
def parent_manifest(system: System, parent: Manifest, stores: tuple[Store, ...], cipher: Cipher) -> Iterator[Path]:
    """PostgreSQL's manifest of ``parent`` as a plain file: the one kept here, else from a store when the key is here.

    Raises ``BackupInvalid`` that says why there is none.
    """
    item = parent.object_of(Role.POSTGRES_MANIFEST)
    if item is None:
        raise BackupInvalid(f"{parent.label} has no manifest of PostgreSQL's")
    kept = directory_of(system) / f"{parent.label}{SUFFIX}"
    if _is_whole(kept, item):
        yield kept
        return
    reasons = [f"not in {kept.parent}" if not kept.exists() else f"{kept} is damaged"]
    with tempfile.TemporaryDirectory(prefix="dr-manifest-") as private:
        file = Path(private) / "backup_manifest"
        for store in stores:
            try:
                _decrypt(store, item, cipher, file)
            except (DrError, OSError) as error:
                reasons.append(f"{store.name}: {error.message if isinstance(error, DrError) else error.strerror}")
                continue
            yield file
            return
    raise BackupInvalid(f"PostgreSQL's manifest of {parent.label} is not at hand", "; ".join(reasons))


def _is_whole(file: Path, item: ObjectRecord) -> bool:
    """Whether it is, byte for byte, what went into the stores."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == item.packed_sha256
    except OSError:
        return False


def _decrypt(store: Store, item: ObjectRecord, cipher: Cipher, file: Path) -> None:
    envelope = parse_envelope(next(iter(store.read(item.key, ENOUGH)), b""), f"{store.name}:{item.key}")
    if not cipher.can_decrypt(envelope):
        raise KeyUnusable("encrypted for a key that is not on this host")
    with reading(store, item, cipher) as reader, file.open("wb") as stream:
        for chunk in reader:
            stream.write(chunk)
        reader.finish()

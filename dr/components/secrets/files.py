"""Secrets in files: the files that the settings name, and every file in the directories that they name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.components.protocol import Sink
from dr.components.secrets.layout import FILES
from dr.components.secrets.records import CURRENT, Entry, FileAbout, held
from dr.components.secrets.sources import TRIES, Reading, some
from dr.configuration.components.secrets import SecretsSettings
from dr.errors import PrivilegeMissing, SourceBusy, SourceError, SourceInvalid, TargetRefused

MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Found:
    """A path to read; ``odd`` says why it is none."""

    path: Path
    odd: bool = False


class FilesSource:
    """Files of this host. A symbolic link is read through, as the program that uses the secret does."""

    name = FILES

    def __init__(self, settings: SecretsSettings) -> None:
        self._paths = tuple(Path(os.path.abspath(path)) for path in settings.paths)  # noqa: PTH100 - keeps links

    def check(self) -> tuple[str, ...]:
        for path in self._paths:
            if not path.exists():
                raise SourceError(f"{path} is not there", hint="Correct secrets.paths.")
            if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
                raise PrivilegeMissing(f"{path} cannot be read", hint="Let the user that runs backups read it.")
        return ()

    def read(self, sink: Sink) -> Reading:
        entries: dict[str, Entry] = {}
        unreadable = odd = gone = 0
        for found in self._found():
            if found.odd:
                odd += 1
                continue
            try:
                entry = _entry(found.path)
                entries[entry.path] = entry
            except FileNotFoundError:
                gone += 1
            except OSError:
                unreadable += 1  # no right, a link to itself, a disk that fails: it is there and not in the copy
        if not entries:
            raise SourceInvalid("no file with a secret can be read", hint="Correct secrets.paths.")
        warnings = (
            *((f"files: {some(unreadable, 'path')} could not be read",) if unreadable else ()),
            *((f"files: {some(odd, 'path')} left out: neither a file nor a directory",) if odd else ()),
        )
        notes = (f"files: {some(gone, 'file')} disappeared while the backup ran",) if gone else ()
        return Reading(tuple(entries[path] for path in sorted(entries)), (), warnings, notes)

    def now(self, entry: Entry) -> Entry | None:
        path = Path(entry.path)
        if not os.path.lexists(path):
            return None
        if not path.is_file():
            raise TargetRefused(f"{path} is there and is no file", hint="Move it away.")
        return _entry(path)

    def put(self, entry: Entry, existing: Entry | None) -> tuple[str, ...]:
        """A file that is replaced keeps its place, mode and owner; a new one gets those it had."""
        path, data = Path(entry.path), entry.values[0].plain()
        if existing is not None:
            _replace(Path(os.path.realpath(path)), data)
            return (f"{path} was replaced",)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            return _give(stream.fileno(), entry)

    def close(self) -> None:
        """Nothing is held open."""

    def _found(self) -> Iterator[_Found]:
        for path in self._paths:
            if path.is_dir():
                yield from _walk(path)
            else:
                yield _Found(path)


def _walk(top: Path) -> Iterator[_Found]:
    """Every file below; a link to a directory is followed nowhere, unless that lies below as well."""
    broken: list[Path] = []
    real = top.resolve()
    for folder, folders, files in os.walk(top, onerror=lambda error: broken.append(Path(str(error.filename)))):
        for name in sorted(files):
            path = Path(folder, name)
            yield _Found(path, odd=path.exists() and not path.is_file())
        for name in folders:
            path = Path(folder, name)
            if path.is_symlink() and not path.resolve().is_relative_to(real):
                yield _Found(path, odd=True)
    # Reading one of these says the same again, and is counted.
    yield from (_Found(path) for path in broken)


def _entry(path: Path) -> Entry:
    """One file, all of it at one moment. Raises ``SourceBusy`` when it is written to all the while."""
    try:
        name = str(path).encode().decode()
    except UnicodeEncodeError:
        raise SourceInvalid(f"the name of {str(path)!a} is not UTF-8", hint="Rename the file.") from None
    for _ in range(TRIES):
        with path.open("rb") as stream:
            before = os.fstat(stream.fileno())
            if before.st_size > MOST_BYTES:
                raise SourceInvalid(
                    f"{path} has {before.st_size} bytes: that is no secret",
                    hint="Back it up as one of files.*; secrets are held in memory.",
                )
            data = stream.read(MOST_BYTES + 1)
            after = os.fstat(stream.fileno())
        if len(data) == before.st_size and before.st_mtime_ns == after.st_mtime_ns:
            modified = datetime.fromtimestamp(before.st_mtime, UTC).isoformat()
            about = FileAbout(name, stat.S_IMODE(before.st_mode), before.st_uid, before.st_gid, modified)
            return Entry(name, (held(CURRENT, data),), file=about)
    raise SourceBusy(f"{path} is written to whenever it is read", hint="Try again when its writer rests.")


def _give(descriptor: int, entry: Entry) -> tuple[str, ...]:
    """Owner first: changing it takes set-user-id bits away, and nobody else may read the file before it is theirs."""
    about = entry.file
    if about is None:
        return ()
    try:
        os.fchown(descriptor, about.user, about.group)
    except PermissionError:
        return (f"{entry.path}: owner {about.user}:{about.group} could not be given back, and mode stays 0600",)
    os.fchmod(descriptor, about.mode)
    return ()


def _replace(path: Path, data: bytes) -> None:
    """A whole file or the old one, whatever happens in between."""
    old = path.stat()
    temporary = path.with_name(f".{path.name}.dr-{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchown(stream.fileno(), old.st_uid, old.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(old.st_mode))
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

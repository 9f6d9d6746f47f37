"""The files of a root module, and of the local modules beside it that it uses: what ``init`` needs to be run again.

Left out is what Terraform makes itself: its data directory, and state files, which are backed up as states.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dr.components.protocol import Intake
from dr.components.terraform.backend import Backend, noted_backend, written_backend
from dr.components.terraform.index import IndexedFile
from dr.errors import SourceError, SourceInvalid

CODE = (".tf", ".tf.json", ".tofu", ".tofu.json")
DATA = ".terraform"
LOCK_FILE = ".terraform.lock.hcl"
LARGEST = 64 << 20
_NOT_OURS = ("*.tfstate", "*.tfstate.*", ".*.lock.info", "crash.log", "crash.*.log")
_NOT_ENTERED = (DATA, ".git", ".terragrunt-cache", "terraform.tfstate.d")
_SOURCE = re.compile(r'^\s*"?source"?\s*[=:]\s*"(\.\.?/[^"]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Module:
    """A root module at ``directory``. ``folder`` is the directory that holds it and all local modules that it uses."""

    name: str
    directory: Path
    folder: Path
    backend: Backend
    used: tuple[Path, ...]

    @property
    def root(self) -> str:
        """The module, seen from its folder."""
        return self.directory.relative_to(self.folder).as_posix()

    def files(self) -> Iterator[Path]:
        """Every file and link of the module and of those that it uses, in order."""
        for directory in self.used:
            yield from _files(directory)


def read_module(name: str, directory: Path) -> Module:
    """Raises SourceError when the directory cannot be read, SourceInvalid when there is no code in it."""
    directory = directory.resolve()
    code = _code(directory)
    if not code:
        raise SourceInvalid(
            f"{directory} holds no Terraform code", hint="terraform.directories must name root modules."
        )
    used = [directory]
    for place in used:  # grows as modules name further ones
        for text in _code(place).values():
            for found in _SOURCE.findall(text):
                other = (place / found.partition("?")[0]).resolve()
                if other.is_dir() and not any(other.is_relative_to(known) for known in used):
                    used.append(other)
    outer = tuple(place for place in used if not any(place != one and place.is_relative_to(one) for one in used))
    folder = Path(os.path.commonpath(outer))
    noted = directory / DATA / "terraform.tfstate"
    written = written_backend(code)
    backend = (noted_backend(noted.read_bytes()) if noted.is_file() else None) or written
    if backend.kind != written.kind:  # the code was changed since, and nobody has run init
        backend = written
    return Module(name, directory, folder, backend, outer)


def _code(directory: Path) -> dict[str, str]:
    try:
        return {
            path.name: path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(directory.iterdir())
            if path.name.endswith(CODE) and path.is_file()
        }
    except OSError as error:
        raise SourceError(
            f"{directory} cannot be read", str(error), "Correct terraform.directories, or the rights on it."
        ) from error


def _files(directory: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(directory):
        here = Path(place)
        folders[:] = sorted(name for name in folders if name not in _NOT_ENTERED)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *links]):
            if not any(fnmatch.fnmatch(name, pattern) for pattern in _NOT_OURS):
                yield here / name


def write_tar(module: Module, intake: Intake) -> tuple[tuple[IndexedFile, ...], tuple[str, ...]]:
    """The files as a tar stream; what is in it, and a warning for each that is not."""
    indexed, warnings = [], []
    with tarfile.open(fileobj=_Out(intake), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in module.files():
            name = path.relative_to(module.folder).as_posix()
            if path.is_symlink():
                target = path.readlink()
                if target.is_absolute() or not (path.parent / target).resolve().is_relative_to(module.folder):
                    warnings.append(f"{name} is a link out of the module and not in the backup")
                    continue
                tar.addfile(tar.gettarinfo(path, name))
            elif not path.is_file():
                warnings.append(f"{name} is no ordinary file and not in the backup")
            elif path.stat().st_size > LARGEST:
                warnings.append(f"{name} is larger than {LARGEST >> 20} MiB and not in the backup")
            else:
                data = _read(path)
                entry = tar.gettarinfo(path, name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
                indexed.append(IndexedFile(name, hashlib.sha256(data).hexdigest(), len(data)))
    return tuple(indexed), tuple(warnings)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read", str(error), "Let the account that makes backups read it."
        ) from error


class _Out(io.RawIOBase):
    """An object of a backup, as tarfile writes into it."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._intake.write(data)
        return len(data)

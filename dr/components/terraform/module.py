"""The files of a root module, and of the local modules beside it that it uses: what ``init`` needs to be run again.

Left out is what Terraform makes itself: its data directory, and where its backend has states, which are backed up as
states. Any other state file was put there by somebody and is a file as any other: all is encrypted.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dr.components.protocol import Intake
from dr.components.tarball import TarWriter, attributes
from dr.components.terraform.backend import Backend, noted_backend, written_backend
from dr.components.terraform.index import IndexedFile
from dr.components.terraform.local_states import STATE, WORKSPACES, state_paths
from dr.errors import SourceError, SourceInvalid

CODE = (".tf", ".tf.json", ".tofu", ".tofu.json")
DATA = ".terraform"
LOCK_FILE = ".terraform.lock.hcl"
LARGEST = 64 << 20
_NOT_OURS = ("*.tfstate.backup", "*.tfstate.*.backup", ".*.lock.info", "crash.log", "crash.*.log")
_NOT_ENTERED = (DATA, ".git", ".terragrunt-cache")
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

    def files(self, unreadable: Callable[[Path], None] = lambda directory: None) -> Iterator[Path]:
        """Every file and link of the module and of those that it uses, in order, without the states of its backend.

        ``unreadable`` is told of each directory that cannot be listed or entered: what is in it is not among them.
        """
        values = self.backend.values if self.backend.local else {}
        default, others = (
            Path(os.path.normpath(self.directory / place))
            for place in (values.get("path") or STATE, values.get("workspace_dir") or WORKSPACES)
        )
        for directory in self.used:
            for path in _files(directory, unreadable):
                if path != default and not (path.name == STATE and path.parent.parent == others):
                    yield path

    def unused_states(self) -> Iterator[Path]:
        """States of a local backend beside a module whose backend is elsewhere: ``init`` would offer to push them."""
        if not self.backend.local:
            yield from state_paths(self.directory, Backend()).values()


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


def _files(directory: Path, unreadable: Callable[[Path], None]) -> Iterator[Path]:
    for place, folders, names in os.walk(directory, onerror=lambda error: unreadable(Path(error.filename))):
        here = Path(place)
        if not os.access(here, os.X_OK):
            unreadable(here)
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in _NOT_ENTERED)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *links]):
            if not any(fnmatch.fnmatch(name, pattern) for pattern in _NOT_OURS):
                yield here / name


def write_tar(module: Module, intake: Intake) -> tuple[tuple[IndexedFile, ...], tuple[str, ...]]:
    """The files as a tar stream; what is in it, and a warning for each that is not."""
    indexed, warnings = [], []

    def left_out(path: Path, why: str) -> None:
        warnings.append(f"{os.path.relpath(path, module.folder)} {why}")

    for path in module.unused_states():
        left_out(
            path,
            f"is a state that its backend {module.backend.kind} does not use, and not in the backup: "
            "give it in terraform.state_files or remove it",
        )
    with TarWriter(intake) as tar:
        for path in module.files(lambda path: left_out(path, "cannot be read and is not in the backup")):
            name = path.relative_to(module.folder).as_posix()
            if path.is_symlink():
                target = path.readlink()
                if target.is_absolute() or not (path.parent / target).resolve().is_relative_to(module.folder):
                    left_out(path, "is a link out of the module and not in the backup")
                    continue
                tar.link(name, attributes(path.lstat()), str(target))
            elif not path.is_file():
                left_out(path, "is no ordinary file and not in the backup")
            elif path.stat().st_size > LARGEST:
                left_out(path, f"is larger than {LARGEST >> 20} MiB and not in the backup")
            else:
                data = _read(path)
                tar.file(name, attributes(path.stat()), data)
                indexed.append(IndexedFile(name, hashlib.sha256(data).hexdigest(), len(data)))
    return tuple(indexed), tuple(warnings)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read", str(error), "Let the account that makes backups read it."
        ) from error

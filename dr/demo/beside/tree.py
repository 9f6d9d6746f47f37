"""What lies below a directory, as an application would see it, and the base of every part that is made of files."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dr.demo.beside.part import Compared, some

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Seen:
    """One path. ``content`` is a digest or where a link leads; ``same_as`` the first path of the same file."""

    kind: int
    content: str = ""
    size: int = 0
    same_as: str = ""
    sparse: bool = False
    mode: int = 0
    owner: tuple[int, int] = (0, 0)
    modified_ns: int = 0


_WORDS = {
    "kind": "is something else",
    "content": "has other content",
    "size": "has another size",
    "same_as": "is linked otherwise",
    "sparse": "takes more or less room on disk",
    "mode": "has another mode",
    "owner": "has another owner",
    "modified_ns": "has another time",
}


def look(root: Path) -> dict[str, Seen]:
    """Everything at and below ``root``, by path relative to its parent; empty when it is not there."""
    if not os.path.lexists(root):
        return {}
    firsts: dict[tuple[int, int], str] = {}
    return {name: _seen(path, name, firsts) for name, path in sorted(_paths(root))}


def differences(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> list[str]:
    """A sentence for each path that is missing, surplus or not what it was; names are shown as Python shows them."""
    problems = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one is None:
            problems.append(f"{name!a} is there and was not before")
        elif other is None:
            problems.append(f"{name!a} is missing")
        else:
            odd = next((word for field, word in _WORDS.items() if getattr(one, field) != getattr(other, field)), "")
            problems += [f"{name!a} {odd}"] if odd else []
    return problems


def plain(seen: Seen) -> Seen:
    """Without what a kind of backup does not promise: mode, owner and time."""
    return replace(seen, mode=0, owner=(0, 0), modified_ns=0)


def untimed(seen: Seen) -> Seen:
    """Without its time."""
    return replace(seen, modified_ns=0)


class TreePart:
    """A part that is some directories. A subclass makes them in ``_make`` and puts them back."""

    pids: tuple[int | None, ...] = ()
    word = "files"

    def __init__(self, *roots: Path) -> None:
        self.roots = roots
        self._before: dict[str, Seen] = {}

    def fill(self) -> None:
        for root in self.roots:
            root.mkdir(mode=0o700, parents=True)
        self._make()
        self._before = self._now()

    def destroy(self) -> None:
        for root in self.roots:
            shutil.rmtree(root)

    def make_ready(self) -> None:
        """The places above are still there."""

    def compare(self) -> Compared:
        now = self._now()
        files = sum(stat.S_ISREG(seen.kind) for seen in now.values())
        return Compared(f"{files:,} {self.word}", some(differences(self._before, now)))

    def _make(self) -> None:
        raise NotImplementedError

    def _now(self) -> dict[str, Seen]:
        return {name: self._judged(seen) for root in self.roots for name, seen in look(root).items()}

    def _judged(self, seen: Seen) -> Seen:
        """What of a path has to come back."""
        return seen


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """A new file of a mode, with the directories above it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        os.fchmod(stream.fileno(), mode)


def _paths(root: Path) -> Iterator[tuple[str, Path]]:
    yield root.name, root
    for directory, below, files in os.walk(root):
        for name in (*below, *files):
            path = Path(directory, name)
            yield str(path.relative_to(root.parent)), path


def _seen(path: Path, name: str, firsts: dict[tuple[int, int], str]) -> Seen:
    status = path.lstat()
    seen = Seen(
        kind=stat.S_IFMT(status.st_mode),
        mode=stat.S_IMODE(status.st_mode),
        owner=(status.st_uid, status.st_gid),
        modified_ns=status.st_mtime_ns,
    )
    if path.is_symlink():
        return replace(seen, content=str(path.readlink()))
    if not path.is_file():
        return seen
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    first = firsts.setdefault((status.st_dev, status.st_ino), name)
    sparse = status.st_blocks * _BLOCK < status.st_size // 2
    return replace(seen, content=digest, size=status.st_size, same_as=first, sparse=sparse)

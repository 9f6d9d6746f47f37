"""What lies at and below the configured paths, without following a link or opening anything."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dr.components.config.inventory import Type
from dr.errors import SourceError


@dataclass(frozen=True, slots=True)
class Seen:
    """One path; ``reason`` says why nothing can be known of what is below it."""

    path: str
    type: Type
    stat: os.stat_result
    reason: str = ""


def roots_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """The configured paths and what those lead to that are links. Raises ``SourceError`` on one that is not there."""
    found: dict[str, None] = {}
    for path in paths:
        try:
            path.lstat()
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise SourceError(
                f"{path} is to be backed up, and it is not there",
                detail=str(error),
                hint="Correct config.paths or config.environment_files, or mount what is missing.",
            ) from error
        found[os.path.normpath(path)] = None
        if path.is_symlink():
            found[str(real)] = None
    return tuple(found)


def walk(roots: Sequence[str], exclude: Sequence[str]) -> Iterator[Seen]:
    """Every path once, a directory before what is in it."""
    met: set[str] = set()
    for root in roots:
        for seen in _below(root, exclude):
            if seen.path not in met:
                met.add(seen.path)
                yield seen


def _below(path: str, exclude: Sequence[str]) -> Iterator[Seen]:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return  # it went away between two looks, as editors' temporary files do
    kind = _type(found.st_mode)
    if kind is not Type.DIRECTORY:
        yield Seen(path, kind, found)
        return
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208 - names, which may be no UTF-8
    except FileNotFoundError:
        return
    except OSError as error:
        yield Seen(path, kind, found, error.strerror or str(error))
        return
    yield Seen(path, kind, found)
    for name in names:
        below = f"{path.rstrip('/')}/{name}"
        if not any(fnmatch.fnmatchcase(name, item) or fnmatch.fnmatchcase(below, item) for item in exclude):
            yield from _below(below, exclude)


def _type(mode: int) -> Type:
    if stat.S_ISREG(mode):
        return Type.FILE
    if stat.S_ISDIR(mode):
        return Type.DIRECTORY
    return Type.LINK if stat.S_ISLNK(mode) else Type.OTHER

"""What lies at and below the configured paths, without following a link or opening anything."""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Roots:
    """``paths`` are where the configured ones really lie, and what those lead to that are links.

    ``moved`` has each configured path that goes through a link, with where it lies: a backup that held both that link
    and a file by its way through the link could be laid out nowhere.
    """

    paths: tuple[str, ...]
    moved: Mapping[str, str]

    def excluding(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The patterns, and what those of absolute paths say of the place that a configured path lies at."""
        moved = [
            glob.escape(place) + item.removeprefix(path)
            for item in patterns
            for path, place in self.moved.items()
            if item.startswith(f"{path}/")
        ]
        return (*patterns, *moved)


def roots_of(paths: Sequence[Path]) -> Roots:
    """Raises ``SourceError`` on a path that is not there."""
    found: dict[str, None] = {}
    moved: dict[str, str] = {}
    for path in paths:
        try:
            path.lstat()
            real = path.resolve(strict=True)
            place = str(path.parent.resolve(strict=True) / path.name) if path.is_symlink() else str(real)
        except (OSError, RuntimeError) as error:
            raise SourceError(
                f"{path} is to be backed up, and it is not there",
                detail=str(error),
                hint="Correct config.paths or config.environment_files, or mount what is missing.",
            ) from error
        found |= {place: None, str(real): None}
        if place != (configured := os.path.normpath(path)):
            moved[configured] = place
    return Roots(tuple(found), moved)


def walk(roots: Sequence[str], exclude: Sequence[str]) -> Iterator[Seen]:
    """Every path once, a directory before what is in it."""
    met: set[str] = set()
    for root in roots:
        try:
            found = os.lstat(root)
        except FileNotFoundError:
            continue
        for seen in _below(root, found, exclude):
            if seen.path not in met:
                met.add(seen.path)
                yield seen


def _below(path: str, found: os.stat_result, exclude: Sequence[str]) -> Iterator[Seen]:
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
    inside, reason = [], ""
    for name in names:
        below = f"{path.rstrip('/')}/{name}"
        if any(fnmatch.fnmatchcase(name, item) or fnmatch.fnmatchcase(below, item) for item in exclude):
            continue
        try:
            inside.append((below, os.lstat(below)))
        except FileNotFoundError:
            continue  # it went away between two looks, as editors' temporary files do
        except OSError as error:  # the right to list a directory is not the right to look at what is in it
            reason = error.strerror or str(error)
    yield Seen(path, kind, found, reason)
    for below, seen in inside:
        yield from _below(below, seen, exclude)


def _type(mode: int) -> Type:
    if stat.S_ISREG(mode):
        return Type.FILE
    if stat.S_ISDIR(mode):
        return Type.DIRECTORY
    return Type.LINK if stat.S_ISLNK(mode) else Type.OTHER

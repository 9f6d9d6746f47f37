"""Which log files there are now, and what could not be looked at: ``glob`` would pass over a closed door in silence."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dr.configuration.components.logs import LogsSettings
from dr.policy.log_days import DayFrom, Filed, file_under

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file as it was seen. ``mark`` tells whether the same path is still the same file with the same content."""

    path: Path
    filed: Filed
    size: int
    mark: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """Files by path, and what could not be read, in words. Left out are empty files, and links below a directory."""

    files: tuple[LogFile, ...]
    problems: tuple[str, ...]


def mark_of(seen: os.stat_result) -> tuple[int, ...]:
    """Device, inode, size and both times: the change time cannot be set by who tampers with a file."""
    return (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def scan(patterns: Sequence[Path], settings: LogsSettings, now: datetime) -> Scan:
    """Every log file under these patterns, each once however many of them match it."""
    search = _Search(settings.ignore)
    found: dict[tuple[int, int], LogFile] = {}
    for pattern in patterns:
        for path, name in search.under(Path(os.path.normpath(pattern))):
            seen = search.stat(path)
            if seen is None or not stat.S_ISREG(seen.st_mode) or not seen.st_size:
                continue
            filed = file_under(
                name,
                datetime.fromtimestamp(seen.st_mtime, UTC),
                now,
                day_from=DayFrom(settings.day_from),
                settle=timedelta(minutes=settings.settle_minutes),
            )
            found.setdefault((seen.st_dev, seen.st_ino), LogFile(path, filed, seen.st_size, mark_of(seen)))
    files = sorted(found.values(), key=lambda item: os.fsencode(item.path))
    return Scan(tuple(files), tuple(dict.fromkeys(search.problems)))


@dataclass(slots=True)
class _Search:
    ignore: Sequence[str]
    problems: list[str] = field(default_factory=list)

    def under(self, pattern: Path) -> Iterator[tuple[Path, str]]:
        """Paths with the part of each in which a date is looked for: not what lies above the pattern."""
        parts = pattern.parts
        fixed = next((index for index, part in enumerate(parts) if _MAGIC & set(part)), len(parts))
        root = Path(*parts[:fixed])
        seen = self.stat(root, follow=True, must=True)
        if seen is None:
            return
        if not stat.S_ISDIR(seen.st_mode):
            # Whoever names a link means the file that it leads to now; that is not found by a link below a directory.
            file = root.resolve()
            yield file, file.name
            return
        for path in self._below(root, parts[fixed:] or ("**",)):
            yield path, str(path.relative_to(root))

    def _below(self, directory: Path, parts: Sequence[str]) -> Iterator[Path]:
        """Entries that match; one that is a directory stands for all below it. Links are not followed."""
        head, rest = parts[0], parts[1:]
        for entry in self._entries(directory):
            path, is_directory = Path(entry.path), entry.is_dir(follow_symlinks=False)
            if head == "**":
                if is_directory:
                    yield from self._below(path, parts)
                elif not rest:
                    yield path
            elif _matches(entry.name, head):
                if is_directory:
                    yield from self._below(path, rest or ("**",))
                elif not rest:
                    yield path
        if head == "**" and rest:
            yield from self._below(directory, rest)

    def _entries(self, directory: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as listing:
                entries = [
                    entry for entry in listing if not any(fnmatch.fnmatchcase(entry.name, item) for item in self.ignore)
                ]
        except FileNotFoundError:
            return []  # removed since its parent was listed
        except OSError as error:
            self.problems.append(f"{directory} cannot be listed: {error.strerror}")
            return []
        return sorted(entries, key=lambda entry: entry.name)

    def stat(self, path: Path, *, follow: bool = False, must: bool = False) -> os.stat_result | None:
        """None when it is not there or cannot be looked at; with ``must`` its absence is a problem too."""
        try:
            return path.stat(follow_symlinks=follow)
        except FileNotFoundError:
            if must:
                self.problems.append(f"{path} does not exist")
        except OSError as error:
            self.problems.append(f"{path} cannot be looked at: {error.strerror}")
        return None


def _matches(name: str, pattern: str) -> bool:
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatch.fnmatchcase(name, pattern)

"""Reading the files of a configuration into a tar, noting what each holds, and what a person should know of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from dr.components.config.exposure import exposed
from dr.components.config.inventory import Entry, Type, digest
from dr.components.config.walk import Seen
from dr.components.steady_read import NotRegular, TooLarge, read_steadily
from dr.components.tarball import TarWriter, attributes

_NAMED = 5
"""How many paths a warning names; all of them are in the inventory."""


class Collector:
    """Writes what it is shown into ``tar``. ``entries``, ``unread``, ``restless`` and ``open_secrets`` grow with it."""

    def __init__(self, tar: TarWriter, key: bytes, environment_files: Collection[str]) -> None:
        self._tar = tar
        self._key = key
        self._environment_files = environment_files
        self.entries: list[Entry] = []
        self.restless: list[str] = []
        self.open_secrets: list[str] = []

    def take(self, found: Iterable[Seen]) -> None:
        for seen in found:
            entry = self._take(seen)
            if entry is not None:
                self.entries.append(entry)

    def _take(self, seen: Seen) -> Entry | None:
        entry = Entry(seen.path, seen.type, attributes(seen.stat))
        if seen.type is Type.FILE:
            return self._file(entry)
        if seen.type is Type.LINK:
            return self._link(entry)
        if seen.type is Type.DIRECTORY:
            if not entry.member:
                return None  # the root of everything is on every host
            self._tar.directory(entry.member, entry.kept)
            return replace(entry, reason=seen.reason)
        return replace(entry, reason="a socket, a pipe or a device has no content to keep")

    def _file(self, entry: Entry) -> Entry | None:
        path = Path(entry.path)
        try:
            reading = read_steadily(path)
        except FileNotFoundError:
            return None
        except (NotRegular, TooLarge) as error:
            return replace(entry, type=Type.UNREAD, reason=str(error))
        except OSError as error:
            return replace(entry, type=Type.UNREAD, reason=error.strerror or str(error))
        if not reading.steady:
            self.restless.append(entry.path)
        entry = replace(
            entry, kept=attributes(reading.stat), size=len(reading.data), digest=digest(self._key, reading.data)
        )
        self._tar.file(entry.member, entry.kept, reading.data)
        if exposed(path, reading, env=entry.path in self._environment_files):
            self.open_secrets.append(entry.path)
        return entry

    def _link(self, entry: Entry) -> Entry | None:
        try:
            target = os.readlink(entry.path)  # noqa: PTH115 - a Path would tidy it up
        except OSError:
            return None
        self._tar.link(entry.member, entry.kept, target)
        return replace(entry, target=target)

    def warnings(self) -> tuple[str, ...]:
        """What is not in the backup, or not as it should be."""
        unread = [f"{_shown(entry.path)} ({entry.reason})" for entry in self.entries if entry.unread]
        said = []
        if unread:
            said.append(f"not in the backup, for it cannot be read: {_some(unread)}")
        if self.restless:
            said.append(f"somebody was writing it all the while, so it may be torn: {_some(self.restless)}")
        return tuple(said)

    def notes(self) -> tuple[str, ...]:
        """What is no fault of the backup."""
        if not self.open_secrets:
            return ()
        return (f"every user of this host can read what looks like a secret (chmod o-r): {_some(self.open_secrets)}",)


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(_shown(item) for item in items[:_NAMED]) + more


def _shown(path: str) -> str:
    """For a manifest, which is UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()

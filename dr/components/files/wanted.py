"""Which paths of a backup are meant: all, or some with all that is below them and the directories above."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dr.catalog.file_index import DIRECTORY, FileEntry, Header
from dr.errors import BackupNotFound


class Wanted:
    """Paths as ``uploads/2024/a.jpg`` (the root's name first) or as they were on the host, ``/srv/uploads/2024``."""

    def __init__(self, header: Header, paths: Sequence[str]) -> None:
        self._label = header.label
        self._paths = {text: _below_root(header, text) for text in paths}
        self._met: set[str] = set()

    def takes(self, entry: FileEntry) -> bool:
        """Whether this one is to be brought back."""
        if not self._paths:
            return True
        key = key_of(entry)
        taken = False
        for text, path in self._paths.items():
            if key == path or key.startswith(path + b"/"):
                self._met.add(text)
                taken = True
            elif entry.type == DIRECTORY and path.startswith(key + b"/"):
                taken = True
        return taken

    def require_met(self) -> None:
        """Raise ``BackupNotFound`` for what was asked for and is not there."""
        missing = [text for text in self._paths if text not in self._met]
        if missing:
            raise BackupNotFound(
                f"{self._label} has no {', '.join(missing)}",
                hint="Name a path as it was on the host, or by the directory's name: uploads/2024. "
                "An older or newer backup may have it.",
            )


def key_of(entry: FileEntry) -> bytes:
    """Where it lies below the directory that everything is restored into."""
    relative = entry.relative
    return entry.root.encode() + b"/" + relative if relative else entry.root.encode()


def _below_root(header: Header, text: str) -> bytes:
    for root in header.roots:
        if text.rstrip("/") == root.path or text.startswith(root.path.rstrip("/") + "/"):
            return os.fsencode(root.name + "/" + text[len(root.path.rstrip("/")) :].strip("/")).rstrip(b"/")
    return os.fsencode(text.strip("/"))

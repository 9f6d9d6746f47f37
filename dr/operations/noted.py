"""What this host has found and looks up for a while, instead of looking anew: a small file of its state directory."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from dr.operations.whole_file import write_whole

T = TypeVar("T")


def read_note(file: Path, kind: type[T]) -> T | None:
    """What was noted; None where nothing was, or nothing that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def write_note(file: Path, note: object) -> None:
    """Note it; a host that keeps nothing looks each time."""
    try:
        write_whole(file, msgspec.json.encode(note))
    except OSError:
        return

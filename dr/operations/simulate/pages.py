"""Pages of a table's file: put noise over them, and put back what was there."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path

_PAGES = 5


def chosen_pages(pages: int, seed: int) -> tuple[int, ...]:
    """A few pages of the middle half of a file that has so many; the same ``seed`` draws the same.

    >>> chosen_pages(1, seed=7)
    (0,)
    """
    dice = random.Random(seed)  # noqa: S311 - a drill that can be repeated
    middle = range(pages // 4, max(pages * 3 // 4, pages // 4 + 1))
    return tuple(sorted(dice.sample(middle, min(_PAGES, len(middle)))))


def read_pages(file: Path, page_bytes: int, pages: tuple[int, ...]) -> dict[int, bytes]:
    """What lies there now."""
    with file.open("rb") as stream:
        return {page: _read(stream.fileno(), page, page_bytes) for page in pages}


def write_pages(file: Path, page_bytes: int, pages: Mapping[int, bytes]) -> None:
    """Put these there, synced."""
    with file.open("r+b") as stream:
        for page, data in pages.items():
            stream.seek(page * page_bytes)
            stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def noise(page_bytes: int, pages: tuple[int, ...], seed: int) -> dict[int, bytes]:
    """What no page of PostgreSQL looks like."""
    dice = random.Random(seed)  # noqa: S311 - a drill that can be repeated
    return {page: dice.randbytes(page_bytes) for page in pages}


def _read(descriptor: int, page: int, page_bytes: int) -> bytes:
    return os.pread(descriptor, page_bytes, page * page_bytes)

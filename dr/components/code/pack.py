"""Is everything in a pack that its refs reach? What is packed is counted apart from how it is packed.

The objects are listed by git, then the parents of every commit are read out of the commit itself: a history is whole
when each of them is in the list too, whatever git holds beside the objects and whoever believed it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from dr.components.code.git import failure, streamed
from dr.errors import SourceInvalid

HEADER_BYTES = 12
"""A pack begins with its name, its version and the number of its objects."""


def packed_objects(begin: bytes) -> int:
    """How many objects a pack says that it holds; -1 for what is no pack."""
    if len(begin) < HEADER_BYTES or begin[:4] != b"PACK":
        return -1
    return int(struct.unpack(">I", begin[8:HEADER_BYTES])[0])


def reachable_objects(path: Path, tips: Iterable[str], deadline: float) -> int:
    """How many objects these reach. Raises SourceInvalid when the list lacks a parent of one of its commits."""
    given = "".join(f"{oid}\n" for oid in tips)
    commits = {line.strip() for line in _lines(path, "rev-list", "--stdin", lines=given, deadline=deadline)}
    lost = set(_parents(path, commits, deadline)) - commits
    if lost:
        raise SourceInvalid(
            f"git leaves out {len(lost)} commits of {path} and what came before them",
            detail=f"first {min(lost).decode()}",
            hint="Look for .git/info/grafts, .git/shallow and replaced objects there; nothing of it was stored.",
        )
    listing = ("rev-list", "--objects", "--no-object-names", "--stdin")
    return sum(1 for _ in _lines(path, *listing, lines=given, deadline=deadline))


def _parents(path: Path, commits: Iterable[bytes], deadline: float) -> Iterator[bytes]:
    """The parents of these commits, as each commit itself has them."""
    given = "".join(f"{oid.decode()}\n" for oid in commits)
    with streamed(path, "cat-file", "--batch", lines=given, deadline=deadline) as child:
        stream = child.stdout
        while head := stream.readline():
            size = head.split()[-1]
            if size == b"missing":
                raise SourceInvalid(f"{path} lost a commit while it was read", head.decode(), "Try again.")
            if not size.isdigit():
                break  # cut short: it was killed, and its exit says so
            text = stream.read(int(size) + 1)
            for line in text.partition(b"\n\n")[0].splitlines()[1:]:
                if not line.startswith(b"parent "):
                    break
                yield line[7:]
        ended = child.wait(deadline)
    if not ended.ok:
        raise failure(str(path), ended)


def _lines(path: Path, *arguments: str, lines: str, deadline: float) -> Iterator[bytes]:
    with streamed(path, *arguments, lines=lines, deadline=deadline) as child:
        stream: IO[bytes] = child.stdout
        yield from stream
        ended = child.wait(deadline)
    if not ended.ok:
        raise failure(str(path), ended)

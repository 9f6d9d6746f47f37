"""Names for what has none of its own: a repository or a directory is called by the end of its path.

Two that would be called the same get as much of their paths as tells them apart: objects of a backup and directories of
a restored copy are named so, and none may overwrite another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_OTHER = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 150


def unique_names(sources: Sequence[str]) -> tuple[str, ...]:
    """One name for each path or address, in the same order.

    >>> unique_names(["/srv/git/shop.git", "/srv/work/shop", "https://example.org/team/tools.git"])
    ('git-shop', 'work-shop', 'tools')
    """
    parts = [_parts(source) for source in sources]
    depths = [1] * len(parts)
    while True:
        names = [_name(path[-depth:]) for path, depth in zip(parts, depths, strict=True)]
        several = {name for name, count in Counter(names).items() if count > 1}
        longer = [
            depth + 1 if name in several and depth < len(path) else depth
            for name, path, depth in zip(names, parts, depths, strict=True)
        ]
        if longer == depths:
            return _numbered(names)
        depths = longer


def _parts(source: str) -> list[str]:
    """What stands between the slashes, without what every repository's name ends in."""
    found = [part for part in re.split(r"[/:]+", source) if part not in ("", ".", ".git")]
    return [*found[:-1], found[-1].removesuffix(".git")] if found else ["root"]


def _name(parts: Sequence[str]) -> str:
    return _OTHER.sub("-", "-".join(parts))[-_LONGEST:].strip("-.") or "unnamed"


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Where paths differ only by what a name cannot show, a number does."""
    seen: set[str] = set()
    made = []
    for name in names:
        number, candidate = 1, name
        while candidate in seen:
            number += 1
            candidate = f"{name}-{number}"
        seen.add(candidate)
        made.append(candidate)
    return tuple(made)

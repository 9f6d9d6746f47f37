"""What a repository points to: its refs and its HEAD, and the header that a bundle of them begins with."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.components.code.git import asked, git

_GROUPS = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/notes/": "note", "refs/remotes/": "fetched ref"}
_PLURALS = {"branch": "branches"}


@dataclass(frozen=True, slots=True)
class Refs:
    """Every ref with the object that it names. ``head`` is the default branch (``refs/heads/main``), or, when HEAD is
    detached, its object; ``head_object`` is empty while that branch has no commit."""

    by_name: Mapping[str, str]
    head: str
    head_object: str
    object_format: str = "sha1"

    @property
    def detached(self) -> bool:
        return not self.head.startswith("refs/")

    @property
    def digest(self) -> str:
        return refs_digest(self.by_name)

    def header(self) -> bytes:
        """What ``git bundle`` would write before the pack."""
        lines = [f"{oid} {name}" for name, oid in sorted(self.by_name.items())]
        if self.head_object:
            lines.append(f"{self.head_object} HEAD")
        begin = ["# v2 git bundle"]
        if self.object_format != "sha1":
            begin = ["# v3 git bundle", f"@object-format={self.object_format}"]
        return ("\n".join([*begin, *lines]) + "\n\n").encode()

    def described(self) -> str:
        """For people: ``default branch main; 2 branches, 1 tag``."""
        head = f"detached at {self.head[:12]}" if self.detached else f"default branch {self.head.split('/', 2)[-1]}"
        counts = Counter(_group(name) for name in self.by_name)
        kinds = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in counts.items())
        return f"{head}; {kinds or 'no refs'}"


def refs_digest(by_name: Mapping[str, str]) -> str:
    """SHA-256 over all refs and their objects, whatever their order."""
    lines = sorted(f"{oid} {name}" for name, oid in by_name.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_refs(path: Path, deadline: float) -> Refs:
    """The refs of a repository as they are now. Raises SourceError."""
    listed = asked(path, "for-each-ref", "--format=%(objectname) %(refname)", deadline=deadline)
    by_name = {name: oid for oid, name in (line.split(" ", 1) for line in listed.splitlines())}
    symbolic, target = git(path, "symbolic-ref", "--quiet", "HEAD", deadline=deadline)
    resolved, oid = git(path, "rev-parse", "--verify", "--quiet", "HEAD", deadline=deadline)
    head_object = oid.strip() if resolved.ok else ""
    head = target.strip() if symbolic.ok else head_object
    object_format = asked(path, "rev-parse", "--show-object-format", deadline=deadline).strip()
    return Refs(by_name, head, head_object, object_format)


def short(names: Iterable[str], limit: int = 5) -> str:
    """Some refs for a message, the way people write them."""
    found = [name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in sorted(names)]
    more = len(found) - limit
    return ", ".join(found[:limit]) + (f" and {more} more" if more > 0 else "")


def _group(name: str) -> str:
    return next((kind for prefix, kind in _GROUPS.items() if name.startswith(prefix)), "other ref")


def _plural(kind: str, count: int) -> str:
    return kind if count == 1 else _PLURALS.get(kind, f"{kind}s")

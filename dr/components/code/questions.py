"""Is a repository that was brought back whole, and does it point where the lost one did?"""

from __future__ import annotations

import shutil
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Item, Level, Manifest
from dr.components.code.refs import read_refs
from dr.components.code.whole import fsck
from dr.errors import SourceError
from dr.policy.drill_verdict import Answer, Probe


def questions(manifest: Manifest, directory: Path, deadline: float) -> tuple[Probe, ...]:
    """Three for each repository: its objects, its refs, its default branch."""
    contents = manifest.component or ComponentContents(manifest.begin)
    if shutil.which("git") is None:
        return (Probe("repositories", Answer.UNPROVEN, "git is not installed here", Level.QUERIED, essential=True),)
    return tuple(
        probe
        for item in contents.items
        for probe in _asked(item, contents.facts.get(f"head of {item.name}", ""), directory, deadline)
    )


def _asked(item: Item, head: str, directory: Path, deadline: float) -> tuple[Probe, ...]:
    path = directory / f"{item.name}.git"
    try:
        checked = fsck(path, deadline)
        refs = read_refs(path, deadline)
    except SourceError as error:
        detail = f"{error.message}: {error.detail}"
        return (Probe(f"fsck of {item.name}", Answer.FAILED, detail, Level.QUERIED),)
    same = refs.digest == item.digest
    told = item.detail if same else f"{len(refs.by_name)} refs, which are not the {item.count} that were backed up"
    return (
        _probe(f"fsck of {item.name}", not checked.fatal, checked.fatal or "every object is whole"),
        _probe(f"refs of {item.name}", same, told),
        _probe(f"head of {item.name}", refs.head == head, f"{refs.head}, backed up as {head}"),
    )


def _probe(name: str, passed: bool, detail: str) -> Probe:
    return Probe(name, Answer.PASSED if passed else Answer.FAILED, detail, Level.QUERIED)

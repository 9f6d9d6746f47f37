"""Bundles become bare repositories again, with their default branch, ready to be served or pushed from."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Item, Manifest, Role
from dr.components.code import index
from dr.components.code.git import git, redacted
from dr.components.code.index import IndexedRepository
from dr.components.protocol import Laid, Source
from dr.errors import BackupInvalid, BackupNotFound


def bring_back(source: Source, directory: Path, wanted: Sequence[str], deadline: float) -> Laid:
    """Without git the bundles themselves are laid down, and a note says what opens them."""
    items = chosen(source.manifest, wanted)
    record = source.manifest.object_of(Role.INDEX)
    if record is None:
        raise BackupInvalid(f"{source.manifest.label} has no {index.NAME}", hint="Use another backup.")
    known = index.from_json(source.read(record))
    here = shutil.which("git") is not None
    size = 0
    notes: list[str] = []
    for item in items:
        indexed = known.named(item.name)
        bundle = directory / f"{item.name}.bundle"
        if indexed.bundled:
            source.save(source.named(bundle.name), bundle)
            size += bundle.stat().st_size
        if here:
            _repository(item, indexed, bundle, directory / f"{item.name}.git", deadline)
            notes.extend(
                f"{item.name} had the remote {name}: git -C {item.name}.git push --mirror {url}"
                for name, url in indexed.remotes.items()
            )
        else:
            notes.append(f"git is not installed here: git clone --mirror {bundle.name} makes the repository")
    return Laid(len(items), size, tuple(notes))


def chosen(manifest: Manifest, wanted: Sequence[str]) -> tuple[Item, ...]:
    """The repositories of these names, or all. Raises ``BackupNotFound`` for a name that is not there."""
    items = (manifest.component or ComponentContents(manifest.begin)).items
    if missing := sorted(set(wanted) - {item.name for item in items}):
        raise BackupNotFound(
            f"{manifest.label} holds no repository {', '.join(missing)}",
            hint=f"It holds {', '.join(item.name for item in items)}.",
        )
    return tuple(item for item in items if not wanted or item.name in wanted)


def _repository(item: Item, indexed: IndexedRepository, bundle: Path, path: Path, deadline: float) -> None:
    """A bare repository at ``path``. The bundle is removed, for everything of it is in there."""
    if indexed.bundled:
        _run("clone", "--quiet", "--mirror", "--template=", "--", bundle, path, item=item, deadline=deadline)
        # A mirror would take over whatever its origin says at the next fetch, and the origin is a file that goes now.
        _run("-C", path, "config", "--remove-section", "remote.origin", item=item, deadline=deadline)
        bundle.unlink()
    else:
        made = ("init", "--quiet", "--bare", "--template=", f"--object-format={indexed.object_format}", "--")
        _run(*made, path, item=item, deadline=deadline)
    if indexed.head.startswith("refs/"):
        _run("-C", path, "symbolic-ref", "HEAD", indexed.head, item=item, deadline=deadline)
    else:
        _run("-C", path, "update-ref", "--no-deref", "HEAD", indexed.head, item=item, deadline=deadline)


def _run(*arguments: str | Path, item: Item, deadline: float) -> None:
    ended, _ = git(None, *arguments, deadline=deadline)
    if not ended.ok:
        raise BackupInvalid(
            f"{item.name}.bundle cannot be made a repository again", redacted(str(ended)), "Use another copy or backup."
        )

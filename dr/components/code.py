"""Code: a git bundle of each repository with all its refs; restored by clone, proven by fsck.

A bundle is git's own file format: ``git clone shop.bundle`` opens it anywhere, without this program.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Compression, Item, Level, Manifest
from dr.components.protocol import Laid, Sink, Source
from dr.configuration.model import System
from dr.errors import BackupInvalid, SourceError, SourceInvalid
from dr.pipeline.process import PIPE_BYTES, Child, run
from dr.policy.drill_verdict import Answer, Probe

_DEADLINE = 3600.0


class Component:
    """The git repositories of one system."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.code

    @property
    def configured(self) -> bool:
        return bool(self._settings.repositories)

    def check(self) -> tuple[str, ...]:
        for path in self._settings.repositories:
            _git("rev-parse", path, "rev-parse", "--git-dir")
        return ()

    def back_up(self, sink: Sink) -> ComponentContents:
        taken = datetime.now(UTC)
        return ComponentContents(taken, tuple(self._bundle(path, sink) for path in self._settings.repositories))

    def _bundle(self, path: Path, sink: Sink) -> Item:
        name = path.name.removesuffix(".git")
        refs = _refs(path)
        if not refs:
            raise SourceInvalid(
                f"{path} has no refs: there is nothing to back up", hint="Push something, or leave it out."
            )
        argv = ("git", "-C", path, "bundle", "create", "--quiet", "-", "--all")
        with (
            sink.object(f"{name}.bundle", compression=Compression.NONE) as intake,
            Child(f"git bundle {name}", argv, stdout=subprocess.PIPE) as child,
        ):
            while data := child.stdout.read(PIPE_BYTES):
                intake.write(data)
            intake.ended(child.wait(_DEADLINE))
        return Item(name, count=len(refs), digest=_digest(refs))

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        count = size = 0
        for item in (source.manifest.component or ComponentContents(source.manifest.begin)).items:
            if wanted and item.name not in wanted:
                continue
            bundle = directory / f"{item.name}.bundle"
            source.save(source.named(bundle.name), bundle)
            size += bundle.stat().st_size
            ended, _ = run("git clone", ("git", "clone", "--quiet", "--mirror", bundle, directory / f"{item.name}.git"))
            if not ended.ok:
                raise BackupInvalid(f"{item.name}.bundle cannot be cloned", str(ended))
            bundle.unlink()
            count += 1
        return Laid(count, size)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        probes = []
        for item in (manifest.component or ComponentContents(manifest.begin)).items:
            path = directory / f"{item.name}.git"
            ended, _ = run("git fsck", ("git", "-C", path, "fsck", "--full", "--strict"), deadline_seconds=_DEADLINE)
            probes.append(
                Probe(f"fsck of {item.name}", Answer.PASSED if ended.ok else Answer.FAILED, str(ended), Level.QUERIED)
            )
            same = _digest(_refs(path)) == item.digest
            detail = f"{item.count} refs" if same else "the refs are not those that were backed up"
            probes.append(
                Probe(f"refs of {item.name}", Answer.PASSED if same else Answer.FAILED, detail, Level.QUERIED)
            )
        return tuple(probes)


def _refs(path: Path) -> tuple[str, ...]:
    """Every ref with what it points to, sorted."""
    return tuple(sorted(_git("for-each-ref", path, "for-each-ref", "--format=%(objectname) %(refname)").splitlines()))


def _digest(refs: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(refs).encode()).hexdigest()


def _git(name: str, path: Path, *arguments: str) -> str:
    ended, output = run(f"git {name}", ("git", "-C", path, *arguments), deadline_seconds=_DEADLINE)
    if not ended.ok:
        raise SourceError(f"{path} is no git repository that can be read", str(ended), "Correct code.repositories.")
    return output

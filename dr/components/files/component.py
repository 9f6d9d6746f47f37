"""File uploads as a component: the settings, the checks before a backup, and the verbs, each in a file of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.files.back_up import back_up, roots_of
from dr.components.files.question import question
from dr.components.files.restore import restore
from dr.components.protocol import Laid, Sink, Source
from dr.configuration.model import System
from dr.errors import ConfigurationError, SourceInvalid
from dr.policy.drill_verdict import Probe


class Component:
    """The directories of one system that hold what users have uploaded."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.files
        self._state = system.state_directory / "files" / system.name
        # A backup of the backups would grow with itself.
        self._ours = (*(store.path for store in system.stores if store.path), system.state_directory)

    @property
    def configured(self) -> bool:
        return bool(self._settings.directories)

    def check(self) -> tuple[str, ...]:
        for directory in self._settings.directories:
            _require_directory(directory)
        roots = [Path(root.path) for root in roots_of(self._settings.directories)]
        for number, root in enumerate(roots):
            for other in (*roots[:number], *roots[number + 1 :]):
                if other.is_relative_to(root):
                    raise ConfigurationError(
                        f"{other} lies in {root}, which is backed up too", hint="Leave one out of files.directories."
                    )
            for ours in self._ours:
                if Path(os.path.realpath(ours)).is_relative_to(root):
                    raise ConfigurationError(
                        f"{ours}, where backups or their state are kept, lies in {root}",
                        hint="Put it elsewhere, or name the directories below it in files.directories.",
                    )
        return ()

    def back_up(self, sink: Sink) -> ComponentContents:
        return back_up(self._settings, self._state, sink)

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        return restore(source, directory, wanted)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        return question(manifest, directory)


def _require_directory(path: Path) -> None:
    if not path.is_dir():
        what = "is no directory" if path.exists() else "does not exist"
        raise SourceInvalid(
            f"{path} {what}: the uploads cannot be backed up", hint="Mount its disk, or correct files.directories."
        )
    try:
        with os.scandir(path):
            return
    except OSError as error:
        raise SourceInvalid(
            f"{path} cannot be read: {error.strerror}", hint="Let the user who runs backups read it."
        ) from error

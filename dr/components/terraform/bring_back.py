"""A backup of infrastructure becomes directories again: each module's folder, and its states beside it or in it.

The states of a local backend lie where Terraform looks for them. Those of any other lie apart, in ``<name>.states``:
beside a module whose backend is elsewhere, ``init`` would offer to push them there.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from dr.catalog.manifest import Role
from dr.components.protocol import Laid, Source
from dr.components.terraform import index
from dr.components.terraform.backend import LOCAL
from dr.components.terraform.index import Index, IndexedModule, IndexedState
from dr.components.terraform.local_states import DEFAULT, STATE
from dr.errors import BackupInvalid, BackupNotFound


def bring_back(source: Source, directory: Path, wanted: Sequence[str]) -> Laid:
    """``wanted`` names modules (``network``) or single states (``network/default``)."""
    record = source.manifest.object_of(Role.INDEX)
    if record is None:
        raise BackupInvalid(f"{source.manifest.label} has no {index.NAME}", hint="Use another backup.")
    known = index.from_json(source.read(record))
    require_known(known, wanted, source.manifest.label)
    source.save(record, directory / index.NAME)
    count = size = 0
    notes: list[str] = []
    for module in known.modules:
        if module.files and (not wanted or module.name in wanted):
            size += _unpack(source, module, directory)
            count += len(module.files)
        for state in chosen_states(module, wanted):
            path = state_path(directory, module, state)
            path.parent.mkdir(parents=True, exist_ok=True)
            source.save(source.named(state.object), path)
            size += path.stat().st_size
            count += 1
            if module.backend != LOCAL:
                place = path.relative_to(directory)
                notes.append(f"{module.name}/{state.workspace}: terraform state push {place} (dr puts it back as well)")
    return Laid(count, size, tuple(notes))


def chosen_states(module: IndexedModule, wanted: Sequence[str]) -> Iterator[IndexedState]:
    """The states of one module that are asked for."""
    for state in module.states:
        if not wanted or module.name in wanted or f"{module.name}/{state.workspace}" in wanted:
            yield state


def require_known(known: Index, wanted: Sequence[str], label: str) -> None:
    """Raises ``BackupNotFound`` for a name that the backup does not hold."""
    there = {module.name for module in known.modules}
    there |= {f"{module.name}/{state.workspace}" for module in known.modules for state in module.states}
    if missing := sorted(set(wanted) - there):
        raise BackupNotFound(f"{label} holds no {', '.join(missing)}", hint=f"It holds {', '.join(sorted(there))}.")


def state_path(directory: Path, module: IndexedModule, state: IndexedState) -> Path:
    """Where a restored copy in ``directory`` has a state."""
    relative = module.state_path
    if state.workspace != DEFAULT:
        relative = f"{module.workspace_directory}/{state.workspace}/{STATE}"
    parts = PurePosixPath(relative)
    if module.backend != LOCAL or parts.is_absolute() or ".." in parts.parts or ".." in state.workspace:
        return directory / state.path
    return directory / module.name / module.root / parts


def differing_files(module: IndexedModule, folder: Path) -> list[str]:
    """The files of a module that are not in ``folder`` as they were."""
    return [one.path for one in module.files if digest(folder / one.path) != one.sha256]


def digest(path: Path) -> str:
    """SHA-256 of a file; empty when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _unpack(source: Source, module: IndexedModule, directory: Path) -> int:
    """The module's folder; its plain bytes. Raises ``BackupInvalid`` for an archive that would write elsewhere, and for
    one that does not hold what the index says."""
    name = f"{module.name}.module.tar"
    archive, folder = directory / f".{name}", directory / module.name
    source.save(source.named(name), archive)
    folder.mkdir()
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise BackupInvalid(f"{name} cannot be unpacked", str(error), "Use another copy or backup.") from error
    archive.unlink()
    if wrong := differing_files(module, folder):
        raise BackupInvalid(
            f"{name} does not hold what was backed up",
            f"{len(wrong)} of {len(module.files)} files differ or are missing: {', '.join(wrong[:5])}",
            "Use another copy or backup.",
        )
    return sum(one.bytes for one in module.files)

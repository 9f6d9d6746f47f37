"""Machines and networks from their restored code: states to their backends, then plan and apply, module by module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.components.protocol import Laid
from dr.components.terraform import index
from dr.components.terraform.backend import LOCAL
from dr.configuration.model import System
from dr.errors import BackupInvalid, TargetRefused
from dr.operations.component.restore import RestoredComponent, find_component, put_back_component
from dr.operations.full_recovery.parts import RestoredPart, directory_of

_STATE_FILE = "file"


@dataclass(frozen=True, slots=True)
class Module:
    """A root module as it lies on this host. ``local``: its state lies in it, and has to be kept with it."""

    name: str
    directory: str
    local: bool


def modules(system: System, restored: RestoredPart) -> tuple[Module, ...]:
    """Those with code, in the order of the backup; the configured directory alone where there is one."""
    configured = system.procedures.infrastructure.directory
    if configured is not None:
        return (Module(configured.name, str(configured), local=False),)
    directory = directory_of(restored)
    try:
        known = index.from_json((directory / index.NAME).read_bytes())
    except OSError as error:
        raise BackupInvalid(f"{directory} holds no restored infrastructure", str(error)) from error
    return tuple(
        Module(module.name, str(directory / module.name / module.root), module.backend == LOCAL)
        for module in known.modules
        if module.files
    )


def push_states(system: System, restored: RestoredPart) -> tuple[str, ...]:
    """States of backends that are elsewhere, where they are missing; what became of each. Bears repetition.

    A backend that has a newer state than the backup has survived: it is left as it is.
    """
    manifest = find_component(system, restored.label).manifest
    known = index.from_json((directory_of(restored) / index.NAME).read_bytes())
    told: list[str] = []
    for module in known.modules:
        if module.backend in (LOCAL, _STATE_FILE):
            continue
        laid = RestoredComponent(manifest, restored.directory, restored.store, Laid(0, 0), (), ())
        try:
            told += put_back_component(system, laid, (module.name,)).notes
        except TargetRefused as error:
            told.append(f"{error.message}: it stays. {error.detail}".strip())
    return tuple(told)


def module_path(module: Module) -> Path:
    """Where it lies."""
    return Path(module.directory)

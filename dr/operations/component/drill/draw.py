"""Decide what a component's drill restores: which backup, from which stores, and where to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.errors import BackupNotFound, ConfigurationError
from dr.operations.component.restore import find_component
from dr.operations.drill.draw import limited_to
from dr.operations.drill.place import new_place
from dr.operations.find_backup import LATEST, Found
from dr.operations.repositories import open_repository
from dr.policy.component_draw import ComponentRequest, draw_label
from dr.policy.drill_age import shows


@dataclass(frozen=True, slots=True)
class DrawnComponent:
    """A component's drill, decided. ``copy`` is where it will lie, in a directory of its owner's alone."""

    request: ComponentRequest
    seed: int
    found: Found
    copy: Path

    @property
    def manifest(self) -> Manifest:
        return self.found.manifest

    @property
    def asked(self) -> str:
        """What is restored, in words."""
        which = "any copy" if self.request.any else "the newest" if self.request.newest else "the copy"
        return f"{which}, of {shows(self.manifest):%Y-%m-%d %H:%M:%S} UTC"


def draw_component(system: System, request: ComponentRequest) -> DrawnComponent:
    """Choose by the seed. Raises ``BackupNotFound`` when there is no backup, and ConfigurationError when nobody can
    expect one: the system has no such component, or the label is of something else.
    """
    seed = request.seed or secrets.randbelow(2**31 - 1) + 1
    limited = limited_to(system, request.stores)
    row = BY_KIND[request.kind]
    try:
        found = find_component(limited, _wanted(limited, request, seed), request.kind)
    except BackupNotFound as error:
        if row.open(system).configured or not (request.newest or request.any):
            raise
        raise ConfigurationError(
            f"{system.name} has no {row.title}, and no backup of any",
            detail=error.detail,
            hint=f"Give it some: settings {request.kind}.*",
        ) from error
    return DrawnComponent(request, seed, found, new_place(system))


def _wanted(system: System, request: ComponentRequest, seed: int) -> str:
    """The label, or ``latest``."""
    if request.newest:
        return _newest_of_a_part(system, request.kind, seed)
    if request.any:
        names = open_repository(system).names()
        label = draw_label(names.all([request.kind]), seed)
        names.raise_if_none_answered()
        return str(label or LATEST)
    try:
        label = Label.from_path(request.backup)
    except ValueError:
        raise ConfigurationError(f"{request.backup!r} is not a label", hint="dr list shows the labels.") from None
    if label.kind is not request.kind:
        raise ConfigurationError(
            f"{label} is no backup of {BY_KIND[request.kind].title}", hint="Name one of its own: dr list shows them."
        )
    return request.backup


def _newest_of_a_part(system: System, kind: Kind, seed: int) -> str:
    """The latest; where each run makes several backups, the newest of one of its classes, drawn among those there are.

    What is proven goes before what is newer, as in any recovery.
    """
    classes = BY_KIND[kind].classes(system)
    if len(classes) < 2:
        return LATEST
    found = [backup.manifest for backup in open_repository(system).list([kind]).backups]
    newest = [next(iter(_best_first(found, name)), None) for name in classes]
    return str(draw_label((one.parsed_label for one in newest if one is not None), seed) or LATEST)


def _best_first(found: list[Manifest], keep_as: str) -> list[Manifest]:
    """Of one class, newest first, the unproven behind all others."""
    kept = [one for one in found if one.retention_class == keep_as]
    return sorted(kept, key=lambda one: one.proven_level() is None)

"""Every kind of component, in the order in which a backup takes them: a further one is a file, a row here, a Block.

A component's module is imported when it is used: listing backups must not load a cloud's client library.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from typing import cast

from dr.catalog.labels import COMPONENT_KINDS, Kind
from dr.catalog.manifest import Manifest, ObjectRecord
from dr.components.protocol import Component, InParts, Scanner
from dr.configuration.model import System
from dr.policy.retention_periods import STANDARD


class Part(StrEnum):
    """Which procedure backs it up: what belongs to the application changes by the hour, the rest by the week."""

    APPLICATION = "application"
    INFRASTRUCTURE = "infrastructure"

    @property
    def procedure(self) -> str:
        """By its name, which is the command's as well."""
        return f"{self}-backup"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind. Its module has a class ``Component`` and may have ``scanner(manifest, item)``.

    ``every`` is how often a backup is made at the least.
    """

    kind: Kind
    title: str
    module: str
    part: Part
    every: timedelta = timedelta(days=1)

    def open(self, system: System) -> Component:
        """The component of a system; whether it has one, ``configured`` says."""
        return cast("Component", import_module(self.module).Component(system))

    def classes(self, system: System) -> tuple[str, ...]:
        """The classes of retention of which each run makes a backup."""
        component = self.open(system)
        return component.parts if isinstance(component, InParts) else (STANDARD,)

    def may_be_missing(self, system: System) -> bool:
        """Whether policy lets it come back empty: then a source that cannot be read is a note and no failure."""
        return bool(getattr(self.open(system), "optional", False))

    def scanner(self, manifest: Manifest, item: ObjectRecord) -> Scanner | None:
        """What looks at this object when it is read back; None where decrypting is all there is to see."""
        found = getattr(import_module(self.module), "scanner", None)
        return None if found is None else cast("Scanner | None", found(manifest, item))


_WEEK = timedelta(days=7)

ROWS: tuple[Row, ...] = (
    Row(Kind.REDIS, "Redis", "dr.components.redis", Part.APPLICATION),
    Row(Kind.FILES, "file uploads", "dr.components.files", Part.APPLICATION),
    Row(Kind.CONFIG, "environment configuration", "dr.components.config", Part.APPLICATION),
    Row(Kind.CODE, "code repositories", "dr.components.code", Part.APPLICATION),
    Row(Kind.SECRETS, "secrets", "dr.components.secrets", Part.APPLICATION),
    Row(Kind.CERTIFICATES, "SSL certificates", "dr.components.certificates", Part.APPLICATION),
    Row(Kind.LOGS, "application and audit logs", "dr.components.logs", Part.APPLICATION),
    Row(Kind.IMAGES, "server images", "dr.components.images", Part.INFRASTRUCTURE, _WEEK),
    Row(Kind.TERRAFORM, "infrastructure as code", "dr.components.terraform", Part.INFRASTRUCTURE, _WEEK),
)

BY_KIND = {row.kind: row for row in ROWS}
if tuple(sorted(BY_KIND)) != tuple(sorted(COMPONENT_KINDS)):
    raise TypeError("every kind of component has exactly one row")


def configured(system: System, part: Part | None = None) -> tuple[Row, ...]:
    """The kinds that a system has, of one part or of all."""
    return tuple(row for row in ROWS if part in (None, row.part) and row.open(system).configured)

"""The kinds of components as an enumeration of their own: a form and a command line offer these, and no others."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dr.catalog.labels import COMPONENT_KINDS, Kind

if TYPE_CHECKING:
    ComponentKind = Kind
else:
    ComponentKind = StrEnum("ComponentKind", [(kind.name, kind.value) for kind in COMPONENT_KINDS])
    ComponentKind.__doc__ = "What is backed up beside the database."

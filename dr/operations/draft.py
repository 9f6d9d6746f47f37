"""A backup that is stored but not yet proven: it has no manifest, so nobody sees it."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.manifest import Manifest
from dr.evidence.phases import Phase


@dataclass(frozen=True, slots=True)
class StoreFailure:
    """A store that dropped out, and why."""

    store: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """The manifest to be, the stores that dropped out while it was written, and how long it took."""

    manifest: Manifest
    failures: tuple[StoreFailure, ...]
    phases: tuple[Phase, ...]

"""A backup that is stored but not yet proven: it has no manifest, so nobody sees it."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.labels import Kind, Method
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
    """The manifest to be, the stores that dropped out while it was written, and how long it took.

    ``reason`` says why it was made the way it was: why a base backup is full, or on what it is incremental.
    """

    manifest: Manifest
    failures: tuple[StoreFailure, ...]
    phases: tuple[Phase, ...]
    reason: str = ""

    @property
    def method(self) -> str:
        """``full`` or ``incremental`` for a base backup; nothing for a dump, which is always whole."""
        if self.manifest.kind is Kind.DUMP:
            return ""
        return "incremental" if self.manifest.parsed_label.method is Method.INCREMENTAL else "full"

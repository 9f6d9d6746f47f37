"""The component ``redis``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.protocol import Laid, Sink, Source
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.policy.drill_verdict import Probe


class Component:
    """In the making."""

    def __init__(self, system: System) -> None:
        self._system = system

    @property
    def configured(self) -> bool:
        return False

    def check(self) -> tuple[str, ...]:
        raise ConfigurationError("not yet")

    def back_up(self, sink: Sink) -> ComponentContents:
        raise ConfigurationError("not yet")

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        raise ConfigurationError("not yet")

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        raise ConfigurationError("not yet")

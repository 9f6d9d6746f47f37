"""Application and audit logs, shipped by day: each day once, whole, and one tar of it that stock programs open.

Application and audit logs are kept for times of their own, so each class is a backup of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Manifest, ObjectRecord, Role
from dr.components.logs import bring_back
from dr.components.logs.day_tar import DayScanner
from dr.components.logs.scan import scan
from dr.components.logs.ship import ship
from dr.components.protocol import Laid, Scanner, Sink, Source
from dr.configuration.model import System
from dr.errors import ConfigurationError, SourceError
from dr.policy.drill_verdict import Probe
from dr.policy.log_days import OPEN
from dr.policy.retention_periods import APPLICATION_LOGS, AUDIT_LOGS


class Component:
    """The logs of one system; with ``only`` those of one class."""

    def __init__(self, system: System, only: str = "") -> None:
        self._system = system
        self._only = only
        settings = system.components.logs
        self._patterns = {APPLICATION_LOGS: settings.application, AUDIT_LOGS: settings.audit}

    @property
    def configured(self) -> bool:
        return bool(self.parts)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(name for name, patterns in self._patterns.items() if patterns and self._only in ("", name))

    def part(self, name: str) -> Component:
        return Component(self._system, name)

    def check(self) -> tuple[str, ...]:
        notes = []
        for name in self.parts:
            found = scan(self._patterns[name], self._system.components.logs, datetime.now(UTC))
            if found.problems and not found.files:
                raise SourceError(
                    f"no {name.replace('-', ' ')} can be read",
                    "; ".join(found.problems),
                    f"Correct logs.{name.removesuffix('-logs')}, or let this account read them.",
                )
            if not found.files:
                notes.append(f"{name}: no file there has anything in it")
        return tuple(notes)

    def back_up(self, sink: Sink) -> ComponentContents:
        if len(self.parts) != 1:
            raise ConfigurationError(
                f"a backup of logs holds one class, not {', '.join(self.parts) or 'none'}",
                hint="Each is kept for a time of its own: back them up part by part.",
            )
        (name,) = self.parts
        return ship(self._system, name, self._patterns[name], sink)

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        return bring_back.restore(source, directory, wanted)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        return bring_back.question(manifest, directory)


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """Compares every file of a day with the digest in the manifest."""
    if item.role is not Role.CONTENT or manifest.component is None:
        return None
    name = item.key.rsplit("/", 1)[-1].partition(".tar")[0]
    day, _, state = name.partition(".")
    matching = [
        found for found in manifest.component.items if found.name == day and (found.detail == OPEN) == (state == OPEN)
    ]
    return DayScanner(matching[0]) if len(matching) == 1 else None

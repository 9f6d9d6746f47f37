"""Application and audit logs of the last days: days that are over, and the one that is still being written."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.components import ComponentSettings
from dr.configuration.components.logs import LogsSettings
from dr.configuration.model import System
from dr.demo.beside.part import Room
from dr.demo.beside.tree import Seen, TreePart, untimed, write
from dr.operations.component.restore import RestoredComponent

_DAYS = 3
_LINES = 400


class Logs(TreePart):
    """A file per class and day."""

    kind = Kind.LOGS

    def __init__(self, room: Room) -> None:
        super().__init__(room.directory / "logs" / "application", room.directory / "logs" / "audit")

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        application, audit = self.roots
        return dataclasses.replace(components, logs=LogsSettings(application=(application,), audit=(audit,)))

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        """A backup holds one class: its days, each with the files under their paths of before."""
        for day in Path(restored.directory).glob("*/*/"):
            for file in [path for path in day.rglob("*") if path.is_file()]:
                place = Path("/", file.relative_to(day))
                place.parent.mkdir(mode=0o700, exist_ok=True)
                file.rename(place)

    def _make(self) -> None:
        now = datetime.now(UTC)
        for root in self.roots:
            for ago in range(_DAYS, -1, -1):
                end = now - timedelta(days=ago)
                name = f"{root.name}-{end:%Y-%m-%d}.log" if ago else f"{root.name}.log"
                lines = (f"{end:%Y-%m-%d} {root.name} line {number} of a day\n" for number in range(_LINES + ago))
                write(root / name, "".join(lines), 0o640)
                # Whole seconds are what a tar of logs keeps.
                os.utime(root / name, (int(end.timestamp()), int(end.timestamp())))

    def _judged(self, seen: Seen) -> Seen:
        """Directories are made anew."""
        return seen if seen.content else untimed(seen)

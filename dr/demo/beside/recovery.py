"""Bringing back what is beside the database: each part from the backup that the newest recovery point names."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.demo.beside.estate import WORKERS, Beside
from dr.demo.beside.part import Compared, Part
from dr.demo.beside.report import BesideReport, ComponentRow
from dr.errors import DrError
from dr.operations.component.restore import find_component, restore_component
from dr.operations.point.find import FoundPoint, find_point


@dataclass(frozen=True, slots=True)
class Returned:
    """One part that was brought back, from which backups and how fast; ``failure`` says why it was not."""

    part: Part
    labels: tuple[str, ...]
    seconds: float
    failure: str


@dataclass(frozen=True, slots=True)
class BesideRecovery:
    """Everything that was tried, and the recovery point that it came from."""

    point: FoundPoint
    returned: tuple[Returned, ...]


def bring_back_beside(system: System, beside: Beside, directory: Path) -> BesideRecovery:
    """Restore every part into a place of its own below ``directory``, and put it into service.

    What one part fails with is told with it, and the others are brought back all the same. Raises ``BackupNotFound``
    where there is no recovery point of which everything is still there.
    """
    point = find_point(system)
    for part in beside.parts:
        part.make_ready()
    directory.mkdir(mode=0o700)
    with ThreadPoolExecutor(WORKERS) as pool:
        returned = pool.map(partial(_bring_back, system, point, directory), beside.parts)
        return BesideRecovery(point, tuple(returned))


def _bring_back(system: System, point: FoundPoint, directory: Path, part: Part) -> Returned:
    begin = time.monotonic()
    labels = tuple(member.label for member in point.contents.members if member.kind is part.kind)
    failure = "" if labels else "the recovery point names no backup of it"
    try:
        for label in labels:
            found = find_component(system, label, part.kind)
            part.bring_back(system, restore_component(system, found, directory / label))
    except (DrError, OSError) as error:
        failure = _told(error)
    return Returned(part, labels, time.monotonic() - begin, failure)


def compare_beside(recovery: BesideRecovery, seconds: float) -> BesideReport:
    """Every part against what it was before; ``seconds`` is when the last of them was back."""
    point = recovery.point
    return BesideReport(
        point=point.manifest.label,
        statement=point.consistency.statement,
        point_problems=point.consistency.problems,
        rows=_rows(recovery.returned),
        everything_seconds=seconds,
    )


def _rows(returned: Sequence[Returned]) -> tuple[ComponentRow, ...]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return tuple(pool.map(_row, returned))


def _row(item: Returned) -> ComponentRow:
    kind = item.part.kind
    try:
        compared = Compared("", (f"not brought back: {item.failure}",)) if item.failure else item.part.compare()
    except DrError as error:
        compared = Compared("", (f"cannot be compared: {_told(error)}",))
    title = BY_KIND[kind].title
    return ComponentRow(str(kind), title, item.labels, compared.came_back, item.seconds, compared.problems)


def _told(error: Exception) -> str:
    if isinstance(error, DrError):
        return f"{error.message} ({error.detail})" if error.detail else error.message
    return str(error)

"""The values that describe one run: what is kept as evidence of it, and how it is named.

Times of steps are seconds by the monotonic clock since the run began, so that neither a clock that is set nor a pause
distorts them. Passwords are masked in everything that is kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from dr.configuration.masking import mask_url

Cell = str | int | float | bool | None
Parameter = str | int | float | bool | None | tuple[str, ...]


class Outcome(StrEnum):
    """How a run or an attempt ended. ``interrupted`` is Ctrl-C, SIGTERM or the interpreter's exit."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One attempt at one step. Offsets in seconds since the run began."""

    name: str
    attempt: int
    begin_seconds: float
    end_seconds: float | None = None
    outcome: Outcome = Outcome.RUNNING
    error_type: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """What the run published: a table's rows or a text. ``undelivered`` says why Prefect did not get it."""

    key: str
    kind: str
    description: str
    rows: tuple[dict[str, Cell], ...] = ()
    text: str = ""
    undelivered: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of one flow. ``begin`` and ``end`` are UTC, ``seconds`` is by the monotonic clock.

    ``parent`` is the run that it is part of, ``within`` that run's flow.
    """

    id: str
    name: str
    flow: str
    runner: str
    parameters: dict[str, Parameter]
    begin: datetime
    parent: str | None = None
    within: str = ""
    end: datetime | None = None
    seconds: float | None = None
    outcome: Outcome = Outcome.RUNNING
    error_type: str = ""
    error: str = ""
    steps: tuple[StepRecord, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    configuration: tuple[tuple[str, str, str], ...] = ()
    undelivered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """Who is running: ``id`` is Prefect's flow-run id under Prefect, ``runner`` is ``prefect`` or ``plain``."""

    id: str
    name: str
    runner: str


def sortable_id(now: datetime) -> str:
    """A new UUID (version 7) that sorts by time, as Prefect's own run ids do."""
    milliseconds = int(now.timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80 | random
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(UUID(int=value))


def run_name(template: str | None, flow: str, parameters: Mapping[str, object], now: datetime) -> str:
    """What people see: the template filled with the parameters, and when the run began (UTC).

    >>> from datetime import UTC
    >>> run_name("daily-backup-{system}", "daily backup", {"system": "main"}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    'daily-backup-main-20260102T030405Z'
    """
    stem = (template or flow.replace(" ", "-").replace("_", "-")).format(**parameters)
    return f"{stem}-{now:%Y%m%dT%H%M%SZ}"


def cells(row: Mapping[str, object]) -> dict[str, Cell]:
    """One table row as plain values; whatever is not plain becomes text."""
    return {str(key): _plain(value) for key, value in row.items()}


def _plain(value: object) -> Cell:
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_url(str(value))


def parameter(value: object) -> Parameter:
    """A parameter as a plain value; a list becomes a tuple of texts, anything else text."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(mask_url(str(item)) for item in value)
    return _plain(value)

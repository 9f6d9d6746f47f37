"""The alerts of a system on this host: one file, replaced whole, held by one process at a time.

It is written before anything is said and after every answer: a process that dies in the midst says something twice at
the worst, and never forgets that something is to be said.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations.whole_file import write_whole
from dr.policy.alert import Alert
from dr.policy.alert_routing import Delivery, Open
from dr.policy.rule_evaluation import Broken


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that is still to be said: which attempts failed, why the last one did, and when the next is due."""

    delivery: Delivery
    since: datetime
    attempts: int = 0
    due: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ChannelFailure:
    """A channel that does not work: since when, and what it answers."""

    channel: str
    since: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Book:
    """All of it. ``manual`` are alerts that somebody or a procedure raised, which no rule finds by itself.

    ``broken`` rules have not been so for long enough yet. ``delivered`` and ``refused`` count by channel; ``confirmed``
    are the channels that took the last test, of ``tested``.
    """

    open: tuple[Open, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    failing: tuple[ChannelFailure, ...] = ()
    manual: tuple[Alert, ...] = ()
    delivered: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    tested: datetime | None = None
    confirmed: tuple[str, ...] = ()


@contextmanager
def held(system: System) -> Iterator[Path]:
    """Hold the book of a system, waiting for whoever has it; its file."""
    file = book_file(system)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"alerts cannot be kept in {file.parent}", str(error), "Give state_directory a place that can be written."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(descriptor)


def read_book(system: System) -> Book:
    """What is known; empty where nothing ever was. One that cannot be read is put aside: alerts are found anew."""
    file = book_file(system)
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return Book()
    try:
        return msgspec.json.decode(data, type=Book)
    except (msgspec.DecodeError, msgspec.ValidationError):
        file.replace(file.with_suffix(".damaged"))
        return Book()


def write_book(file: Path, book: Book) -> None:
    """Replace the file whole, and only once the new one is safe."""
    write_whole(file, msgspec.json.encode(book))


def book_file(system: System) -> Path:
    return system.state_directory / "alerts" / f"{system.name}.json"

"""Whoever asks the receiver to hurry waits as long as it gets on, and no longer; what it stored of another timeline is
not what was asked for.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.lsn import Lsn
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.operations.wal.hurry import hurry, is_asked_to_hurry
from dr.operations.wal.status import ReceiverStatus, write_status
from dr.pipeline.process_table import process_start
from dr.secret import Secret

BEFORE = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAR = Lsn(800)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system whose state is in a directory of its own."""
    return System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), state_directory=tmp_path)


def told(stored: int, *, timeline: int = 1, start: str | None = None) -> ReceiverStatus:
    """By a receiver that has received up to ``FAR``."""
    return ReceiverStatus(
        os.getpid(), True, BEFORE, BEFORE, False, "async", FAR, Lsn(stored), None, 1, 2, 3.0, "", (),
        process_start=process_start(os.getpid()) if start is None else start, stored_timeline=timeline,
    )  # fmt: skip


@dataclass(slots=True)
class Asked:
    """How often somebody has asked it."""

    times: int = 0


@contextmanager
def storing(system: System, steps: Sequence[ReceiverStatus], pause_seconds: float) -> Iterator[Asked]:
    """What a receiver tells behind the first asking, one state after the other; it goes on telling the last one."""
    write_status(system, steps[0])
    asked, over = Asked(), threading.Event()

    def tell() -> None:
        left = list(steps[1:])
        status, due = steps[0], 0.0
        while not over.wait(0.01):
            asked.times += is_asked_to_hurry(system)
            if asked.times and left and time.monotonic() >= due:
                status, due = left.pop(0), time.monotonic() + pause_seconds
            write_status(system, replace(status, updated=datetime.now(UTC)))

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join()


def test_one_that_gets_on_is_waited_for_longer_than_one_step_takes(system: System) -> None:
    """A slow store is no reason to go on without what it was just being given."""
    steps = [told(number * 100) for number in range(9)]

    with storing(system, steps, 0.3):
        assert hurry(system, 1.5)


def test_one_that_stands_still_is_not(system: System) -> None:
    """Its store is away, say: whoever asked goes on, and nobody finds the question later."""
    with storing(system, [told(100), told(200)], 0.0):
        assert not hurry(system, 0.2)

    assert not is_asked_to_hurry(system)


def test_one_that_has_died_is_not_asked(system: System) -> None:
    """At once."""
    write_status(system, told(100, start="1"))

    assert not hurry(system, 60)
    assert not is_asked_to_hurry(system)


def test_what_is_stored_already_is_not_asked_for(system: System) -> None:
    """The place is known, and behind us."""
    write_status(system, told(300))

    assert hurry(system, 60, until=Lsn(300))
    assert not is_asked_to_hurry(system)


def test_what_came_in_behind_the_first_asking_is_asked_for_again(system: System) -> None:
    """The store got what there was before, and the open segment is due in a minute only."""
    with storing(system, [told(100)], 0.0) as asked:
        assert not hurry(system, 1.5)
        assert asked.times > 1


@pytest.mark.parametrize("timeline", [1, 3])
def test_a_place_on_another_timeline_is_another_place(system: System, timeline: int) -> None:
    """The old one may have gone further than the new one has, and one that was left behind is not followed by it."""
    with storing(system, [told(900, timeline=timeline)], 0.0):
        assert not hurry(system, 0.2, until=Lsn(300), timeline=2)
    with storing(system, [told(900, timeline=timeline), told(300, timeline=2)], 0.0):
        assert hurry(system, 5, until=Lsn(300), timeline=2)

"""A recovery of the application that was cut off is gone on with while it is the same outage, and no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.evidence.journal import FILE
from dr.evidence.journal_events import Event, encoded
from dr.secret import Secret
from tasks.application import PROCEDURE, another_outage
from tasks.course import place_of


@pytest.mark.parametrize(
    ("begun", "worked", "opened", "another"),
    [(100, 10, None, False), (100, 70, None, True), (100, 70, 5, True), (20, 20, None, False)],
    ids=["a long one, just cut off", "left alone for more than an hour", "opened again and left", "a short one"],
)
def test_the_hour_is_counted_from_the_last_work(
    tmp_path: Path, begun: int, worked: int, opened: int | None, another: bool
) -> None:
    """A restart that takes longer than an hour is gone on with; one of this morning is not."""
    shop = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), state_directory=tmp_path)
    directory = place_of(shop) / f"{PROCEDURE}_20260101_000000"
    directory.mkdir(parents=True)
    now = datetime.now(UTC)
    events = [
        Event(now - timedelta(minutes=begun), "open", procedure=PROCEDURE, system="shop"),
        Event(now - timedelta(minutes=worked), "end", "plan"),
    ]
    if opened is not None:
        events.append(Event(now - timedelta(minutes=opened), "open", procedure=PROCEDURE, system="shop"))
    (directory / FILE).write_bytes(b"".join(encoded(event) for event in events))

    assert another_outage(shop) is another


def test_without_one_that_was_cut_off_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    """A new host."""
    shop = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), state_directory=tmp_path)

    assert not another_outage(shop)

"""The receiver's state is read whole or not at all, and a dead receiver is not taken for a living one."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.lsn import Lsn
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import BackupInvalid
from dr.operations.wal.status import ReceiverStatus, read_status, status_file, write_status
from dr.pipeline.process_table import process_start
from dr.secret import Secret

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system whose state is in a directory of its own."""
    return System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), state_directory=tmp_path)


def status(pid: int, start: str) -> ReceiverStatus:
    """Of a process that began then."""
    return ReceiverStatus(
        pid, True, NOW, NOW, False, "async", Lsn(16), None, None, 1, 2, 3.0, "", ("a problem",), process_start=start
    )


def test_what_was_written_is_read(system: System) -> None:
    """Positions, times and problems come back as they were."""
    mine = status(os.getpid(), process_start(os.getpid()))
    write_status(system, mine)

    assert read_status(system) == mine
    assert [file.name for file in status_file(system).parent.iterdir()] == ["shop.status.json"]


def test_a_process_that_has_gone_is_not_alive_even_when_its_number_is_taken(system: System) -> None:
    """The number alone would make a stranger of it."""
    write_status(system, status(os.getpid(), "1"))
    found = read_status(system)

    assert found is not None
    assert not found.alive
    assert replace(found, alive=True) == status(os.getpid(), "1")


def test_without_a_receiver_there_is_no_state(system: System) -> None:
    """And one that is damaged is an error, not an absence."""
    assert read_status(system) is None
    status_file(system).parent.mkdir()
    status_file(system).write_bytes(b"{")
    with pytest.raises(BackupInvalid):
        read_status(system)

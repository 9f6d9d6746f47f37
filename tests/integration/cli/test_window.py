"""``dr window``: what a person reads at three in the morning, and the same for programs."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.storage.wal_catalogue import WalCatalogue
from tests.integration.cli.command import Dr
from tests.integration.conftest import ROOT
from tests.unit.catalog.wal_examples import blocks, closed_at, lsn, stored
from tests.unit.operations.places import LOOKS_ENCRYPTED, NAME, base, put_backup, repository
from tests.unit.operations.places import system as make_system


@pytest.fixture
def dr(tmp_path: Path) -> Dr:
    """A system with two stores: a backup in segment 1, WAL with a hole at 4 in both, at 2 in the second."""
    system = make_system(tmp_path, "local", "cloud")
    when = closed_at(1) - timedelta(seconds=50)
    put_backup(
        system,
        base(when),
        timeline=1,
        begin_lsn=lsn(1, 40),
        end_lsn=lsn(1, 4096),
        server_end=when + timedelta(seconds=20),
    )
    catalogue = WalCatalogue(NAME, repository(system).stores.values())
    for store, numbers in (("local", (1, 2, 3, 5)), ("cloud", (1, 3, 5))):
        for block in blocks(1, numbers):
            catalogue.write_block(store, block)
            for item in block.segments:
                repository(system).store(store).put_bytes(labels.wal_key(NAME, item.segment), LOOKS_ENCRYPTED)
    file = tmp_path / "dr.toml"
    stores = "\n".join(f'[system.{NAME}.stores.{name}]\npath = "{tmp_path / name}"' for name in ("local", "cloud"))
    file.write_text(f'[system.{NAME}]\nstate_directory = "{tmp_path / "state"}"\n{stores}\n', encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    environment = {"PYTHONPATH": str(ROOT), "DR_CONFIG": str(file), "COLUMNS": "250"}
    return Dr({**kept, **environment, "BACKUP_ENCRYPTION_KEY": secrets.token_hex(16)}, tmp_path)


def test_the_window_is_told_in_words(dr: Dr) -> None:
    """From when to when in UTC, how long ago that was, and the holes with their segments."""
    told = dr("window")

    assert told.code == 0, told.err
    assert f"{NAME} can be recovered to any moment" in told.out
    assert f"from  {closed_at(1) - timedelta(seconds=30):%Y-%m-%d %H:%M:%S} UTC (" in told.out
    assert f"to    {closed_at(3):%Y-%m-%d %H:%M:%S} UTC (" in told.out
    assert " ago)" in told.out
    assert "Missing WAL" in told.out
    assert "000000010000000000000004" in told.out
    assert "new base backup" in told.out


def test_the_window_is_told_to_programs(dr: Dr) -> None:
    """One document: together, each store, gaps, and what only one store has."""
    told = dr("window", "--json")

    document = told.document
    together, cloud = document["together"], document["stores"]["cloud"]
    assert told.code == 0, told.err
    assert [item["end_lsn"] for item in together["intervals"]] == ["0/4000000"]
    assert [gap["first"] for gap in together["gaps"]] == ["000000010000000000000004"]
    assert cloud["intervals"][0]["end_lsn"] == "0/2000000"
    assert (cloud["segments_lacking"], document["stores"]["local"]["segments_only_here"]) == (1, 1)
    assert (document["failures"], document["unreadable"]) == ({}, [])


def test_wal_that_somebody_removed_is_a_hole_and_is_named(dr: Dr, tmp_path: Path) -> None:
    """The index of both stores still has it."""
    lost = stored(1, 3)
    for store in ("local", "cloud"):
        (tmp_path / store / labels.wal_key(NAME, lost.segment)).unlink()

    told = dr("window", "--json")

    assert [gap["first"] for gap in told.document["together"]["gaps"]] == [lost.name]
    assert [f"store {name} has lost 1 WAL segments" in " ".join(told.document["unreadable"]) for name in
            ("local", "cloud")] == [True, True]  # fmt: skip


def test_another_timeline_has_no_window(dr: Dr) -> None:
    """It is said in words and with no interval, not as an error."""
    told = dr("window", "--timeline", "7")

    assert told.code == 0, told.err
    assert "can NOT be recovered" in told.out

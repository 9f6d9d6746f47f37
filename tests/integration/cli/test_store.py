"""``dr store probe`` tells what a store really does, and leaves nothing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.command import Dr

pytestmark = pytest.mark.slow


def test_a_store_is_tried_out_and_left_clean(dr: Dr, tmp_path: Path) -> None:
    """A directory creates exclusively; of the probe's own objects none stays."""
    told = dr("store", "probe", "--json")

    assert told.code == 0, told.err
    (row,) = told.document["stores"]
    assert row["reached"] == "yes"
    assert row["exclusive creation"] == "yes"
    assert not [path for path in (tmp_path / "backups").rglob("*") if path.is_file()]


def test_a_store_that_cannot_be_written_is_named(dr: Dr, tmp_path: Path) -> None:
    """Exit code 7, and the answer is shown all the same."""
    (tmp_path / "backups").write_text("a file where the directory should be")

    told = dr("store", "probe", "--json")

    assert told.code == 7
    assert told.document["stores"][0]["reached"] == "NO"

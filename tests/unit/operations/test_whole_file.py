"""A file of ours is replaced whole or not at all, for whoever may read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.operations.whole_file import write_whole
from tests.unit.evidence.test_journal import no_file_longer_than


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """And nothing beside it."""
    file = tmp_path / "new" / "state.json"
    write_whole(file, b"before")
    with no_file_longer_than(10), pytest.raises(OSError, match="too large"):
        write_whole(file, b"after" * 100)

    assert file.read_bytes() == b"before"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_who_may_read_it_is_said(tmp_path: Path, mode: int) -> None:
    """Its owner alone, unless somebody else has to."""
    file = tmp_path / "state.json"
    write_whole(file, b"x", mode)

    assert file.stat().st_mode & 0o777 == mode

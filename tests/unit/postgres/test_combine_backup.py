"""How much room a combined backup takes is known before anything is unpacked."""

from __future__ import annotations

from dr.postgres.backup_manifest import ListedFile
from dr.postgres.combine_backup import combined_bytes

FULL = (ListedFile("base/5/1259", 1000, ""), ListedFile("base/5/2608", 500, ""), ListedFile("PG_VERSION", 3, ""))
FIRST = (ListedFile("base/5/INCREMENTAL.1259", 80, ""), ListedFile("base/5/9000", 70, ""), FULL[1], FULL[2])
SECOND = (
    ListedFile("base/5/INCREMENTAL.1259", 20, ""),
    ListedFile("base/5/INCREMENTAL.9000", 10, ""),
    ListedFile("base/5/2608", 600, ""),
    FULL[2],
)


def test_a_file_that_comes_in_parts_counts_as_its_newest_whole_one_and_its_growth():
    """The full backup's 1000 bytes and 20 more, the first increment's 70 and 10 more; links cost nothing."""
    assert combined_bytes([FULL, FIRST, SECOND], linked=True) == 1020 + 80


def test_without_links_every_file_takes_its_size_again():
    """What did not change is copied whole from the newest that holds it."""
    assert combined_bytes([FULL, FIRST, SECOND], linked=False) == 1020 + 80 + 600 + 3
    assert combined_bytes([FULL], linked=False) == 1503

"""What a replica gained from the stores counts from where it was when its leader was fenced."""

from __future__ import annotations

from dr.catalog.lsn import Lsn
from dr.operations.region.archive import Replayed


def test_what_an_attempt_replayed_and_did_not_live_to_tell_counts() -> None:
    """The one after it finds nothing left to replay."""
    found = Replayed(Lsn(900), None, Lsn(900), note="the stores have nothing that the replica lacks").since(Lsn(300))

    assert found.gained_bytes == 600
    assert found.note == "by an earlier attempt"


def test_without_an_earlier_attempt_it_is_as_it_was_found() -> None:
    """The replica was there when the leader was fenced, or nobody knows where it was."""
    found = Replayed(Lsn(300), Lsn(900), Lsn(880), 2, "a store was slow")

    assert found.since(Lsn(300)) == found.since(Lsn(400)) == found.since(None) == found
    assert found.since(Lsn(100)).gained_bytes == 780
    assert found.since(Lsn(100)).note == found.note

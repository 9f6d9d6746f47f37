"""The WAL index: a record is read back as written, and a damaged one is refused rather than believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.wal_index import Break, WalBlock, block_from_json, history_from_json, to_json
from dr.errors import BackupInvalid
from tests.unit.catalog.wal_examples import DAWN, blocks, history, lsn, partial, stored


def _block(*numbers: int) -> WalBlock:
    made = blocks(1, numbers, partials=[partial(1, 9, 4096)], breaks=[Break(lsn(3), lsn(4), DAWN, "the slot was lost")])
    return made[0]


def test_a_record_is_read_back_as_written() -> None:
    """Segments, the open one, breaks, times and positions all survive."""
    block = _block(0, 1, 2, 5)

    assert block_from_json(to_json(block), "local:x") == block
    assert block.find(stored(1, 5).segment) == stored(1, 5)
    assert block.find(stored(1, 6).segment) is None


def test_a_history_is_read_back_as_written() -> None:
    """The file's own text, and what it says."""
    record = history(3, (1, lsn(2, 40)), (2, lsn(7)))

    assert history_from_json(to_json(record), "local:x") == record


@given(st.sets(st.integers(0, 255), max_size=20), st.sets(st.integers(0, 255), max_size=20))
def test_adding_segments_keeps_every_one_in_order(first: set[int], second: set[int]) -> None:
    """Whatever was there and whatever comes, in whatever order: each once, ascending."""
    block = replace(_block(), segments=()).with_segments(tuple(stored(1, number) for number in first))
    block = block.with_segments(tuple(stored(1, number) for number in second))

    assert [item.segment.part for item in block.segments] == sorted(first | second)
    assert (not block.partials) == (9 in first | second)


def test_a_closed_segment_replaces_what_was_known_of_it_open() -> None:
    """The open state of another segment stays."""
    block = _block(0)

    assert block.with_segments((stored(1, 8),)).partials == block.partials
    assert block.with_segments((stored(1, 9),)).partials == ()


def test_what_is_left_of_a_lost_segment_stays_when_the_next_one_is_opened() -> None:
    """The source lost the rest of segment 9 and went on with 11: its first bytes can still be replayed (I18)."""
    block = _block(0).with_partial(partial(1, 11, 2048)).with_partial(partial(1, 11, 4096))

    assert block.partials == (partial(1, 9, 4096), partial(1, 11, 4096))
    assert block.find_partial(partial(1, 9, 0).segment) == partial(1, 9, 4096)
    assert block.with_segments((stored(1, 11),)).partials == (partial(1, 9, 4096),)


@given(st.data())
def test_damage_is_never_believed(data: st.DataObject) -> None:
    """A record with any one byte changed or cut off is refused with its origin, or still says something that can be."""
    good = to_json(_block(0, 1))
    place = data.draw(st.integers(0, len(good) - 1))
    bad = data.draw(
        st.sampled_from(
            [good[:place], good[:place] + b"\xff" + good[place + 1 :], good[:place] + b"7" + good[place + 1 :]]
        )
    )

    try:
        block = block_from_json(bad, "local:where")
    except BackupInvalid as error:
        told = error.message
    else:
        told = "local:where" if all(item.segment.log == block.log for item in block.segments) else ""

    assert "local:where" in told


@pytest.mark.parametrize(
    "change",
    [
        {"segments": (stored(2, 0),)},
        {"segments": (stored(1, 256),)},
        {"segments": (stored(1, 0, name="0000000100000000000001FF"),)},
        {"segments": (stored(1, 0, name="00000001000000000000000a"),)},
        {"segments": (stored(1, 0), stored(1, 0))},
        {"segments": (stored(1, 0, stored_at=datetime(2024, 1, 1)),)},  # noqa: DTZ001 - that is the damage
        {"segments": (stored(1, 0, server_closed_at=datetime(2024, 1, 1)),)},  # noqa: DTZ001
        {"partials": (partial(3, 9, 100),)},
        {"partials": (partial(1, 1, 100),)},
        {"segment_bytes": 5},
        {"format_version": 2},
    ],
    ids=str,
)
def test_a_record_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    """Segments of another timeline or log, twice, with times without a zone, an impossible size, a newer format."""
    with pytest.raises(BackupInvalid):
        block_from_json(to_json(replace(_block(1), **change)), "local:x")  # type: ignore[arg-type]


def test_a_history_with_impossible_ancestors_is_refused() -> None:
    """A timeline comes from earlier ones, in order."""
    for lines in (((3, lsn(1)),), ((4, lsn(1)),)):
        with pytest.raises(BackupInvalid):
            history_from_json(to_json(history(3, *lines)), "local:x")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"format_version": 1}', b"\x00" * 10, b"[" * 100_000])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    """Nothing, half of something, something else, and what would exhaust a parser."""
    with pytest.raises(BackupInvalid):
        block_from_json(data, "local:x")
    with pytest.raises(BackupInvalid):
        history_from_json(data, "local:x")


def test_a_field_that_came_later_does_not_stop_an_older_reader() -> None:
    """Unknown fields of the same format version are passed over."""
    document = msgspec.json.decode(to_json(_block(0)))
    document["added_later"] = 1

    assert block_from_json(msgspec.json.encode(document), "local:x") == _block(0)

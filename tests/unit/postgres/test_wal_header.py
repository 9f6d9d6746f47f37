"""A WAL segment's headers are read as PostgreSQL writes them, and anything else is refused with its reason."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from dr.catalog.wal_names import Segment
from dr.errors import BackupInvalid
from dr.postgres.wal_header import HEADER_BYTES, check_header, check_pages, parse_header, valid_bytes

SIZE, PAGE, IDENTIFIER = 1 << 20, 8192, 7711499443231803732
SEGMENT = Segment(1, 0, 5)


def made(order: str = "<", *, magic: int = 0xD116, info: int = 7, timeline: int = 1, pages: int = 128) -> bytearray:
    """A segment whose first ``pages`` pages are written."""
    data = bytearray(SIZE)
    for number in range(pages):
        at = number * PAGE
        struct.pack_into(order + "HHIQ", data, at, magic, 5, timeline, 5 * SIZE + at)
        data[at + 24 : at + PAGE] = b"\x2a" * (PAGE - 24)
    struct.pack_into(order + "HHIQI4xQII", data, 0, magic, info, timeline, 5 * SIZE, 0, IDENTIFIER, SIZE, PAGE)
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "major"), [(0xD110, 15), (0xD113, 16), (0xD116, 17), (0xD118, 18)])
def test_the_header_of_every_supported_major_is_read_in_either_byte_order(order: str, magic: int, major: int) -> None:
    """The server may run on another kind of machine."""
    header = parse_header(bytes(made(order, magic=magic)), "x")

    assert (header.major, header.timeline, header.system_identifier) == (major, 1, str(IDENTIFIER))
    assert check_header(header, SEGMENT, str(IDENTIFIER), "x").segment_bytes == SIZE


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (bytes(HEADER_BYTES), "zeros"),
        (bytes(made(magic=0xD109)), "magic number is D109"),
        (bytes(made(info=5)), "no long header"),
        (bytes(made(timeline=0)), "timeline 0"),
    ],
)
def test_what_is_no_beginning_of_wal_is_refused(data: bytes, reason: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(BackupInvalid) as caught:
        parse_header(data, "the file")

    assert "the file" in caught.value.message
    assert reason in caught.value.detail


@pytest.mark.parametrize(
    ("segment", "identifier", "reason"),
    [
        (Segment(1, 0, 6), str(IDENTIFIER), "by its name"),
        (SEGMENT, "1", "cluster"),
        (Segment(1, 0, 5000), str(IDENTIFIER), "cannot be"),
    ],
)
def test_a_header_that_does_not_fit_the_name_or_the_cluster_is_refused(
    segment: Segment, identifier: str, reason: str
) -> None:
    """Another place in the WAL, another cluster, a name that cannot be."""
    with pytest.raises(BackupInvalid) as caught:
        check_header(parse_header(bytes(made()), "x"), segment, identifier, "x")

    assert reason in caught.value.detail


def test_the_first_segment_of_a_timeline_may_begin_with_pages_of_its_ancestor() -> None:
    """A promotion copies them; a later timeline's pages under an earlier one's name cannot be."""
    check_header(parse_header(bytes(made()), "x"), Segment(2, 0, 5), str(IDENTIFIER), "x")
    with pytest.raises(BackupInvalid):
        check_header(parse_header(bytes(made(timeline=3)), "x"), Segment(2, 0, 5), str(IDENTIFIER), "x")


@pytest.mark.parametrize("pages", [1, 2, 77, 128])
def test_a_closed_segment_may_end_in_zeros_but_have_no_hole(pages: int) -> None:
    """pg_switch_wal leaves zeros behind; a page that is missing between others is damage."""
    data = made(pages=pages)
    header = parse_header(bytes(data), "x")
    check_pages(memoryview(data), header, SEGMENT, "x")
    if pages > 2:
        data[PAGE : 2 * PAGE] = bytes(PAGE)
        with pytest.raises(BackupInvalid, match="behind pages of zeros"):
            check_pages(memoryview(data), header, SEGMENT, "x")


@pytest.mark.parametrize("pages", [1, 2, 3, 64, 127, 128])
@pytest.mark.parametrize("last", [40, 41, 4000, PAGE])
@pytest.mark.parametrize("recycled", [False, True])
def test_the_written_part_of_an_open_segment_is_found(tmp_path: Path, pages: int, last: int, recycled: bool) -> None:
    """Rounded up to the alignment of records; what an earlier life of the file left behind does not count."""
    data = made(pages=pages)
    at = (pages - 1) * PAGE
    data[at + last : at + PAGE] = bytes(PAGE - last)
    if recycled:
        for number in range(pages, 128):
            struct.pack_into("<HHIQ", data, number * PAGE, 0xD116, 5, 1, 3 * SIZE + number * PAGE)
    file = tmp_path / "segment"
    file.write_bytes(data)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        found = valid_bytes(descriptor, parse_header(bytes(data), "x"))
    finally:
        os.close(descriptor)

    assert found == at + -(-last // 8) * 8

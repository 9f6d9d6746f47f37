"""What a WAL segment says about itself: the long header of its first page, and the short ones of the others.

Source: PostgreSQL's ``access/xlog_internal.h``, ``XLogLongPageHeaderData``. It is written in the byte order of the
server's machine. The magic number changes with every major version, the layout has not since before 15.

Which pages were written can be told from their headers alone, for a file is filled from its beginning: a page that
was not written yet holds zeros, or (in a recycled file) the address of an earlier segment.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from dr.catalog.lsn import Lsn
from dr.catalog.wal_names import Segment, WalGeometry
from dr.errors import BackupInvalid

HEADER_BYTES = 40
MAGICS = {0xD110: 15, 0xD113: 16, 0xD116: 17, 0xD118: 18}
_LONG = 0x0002
_LAYOUT = "HHIQI4xQII"
_PAGE = "HHIQ"
_HINT = "Look at where the file comes from: another server, a broken disk, or a copy that was cut off."


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """The first 40 bytes of a segment. ``order`` is the byte order as ``struct`` names it."""

    magic: int
    info: int
    timeline: int
    page_address: Lsn
    system_identifier: str
    segment_bytes: int
    block_bytes: int
    order: str = "<"

    @property
    def major(self) -> int:
        """PostgreSQL's major version."""
        return MAGICS[self.magic]


def parse_header(data: bytes, origin: str) -> SegmentHeader:
    """Read the header; ``origin`` names the file in errors. Raises ``BackupInvalid`` on what is no beginning of WAL."""
    if len(data) < HEADER_BYTES:
        raise _wrong(origin, f"it has {len(data)} bytes, a segment's header alone has {HEADER_BYTES}")
    if not any(data[:HEADER_BYTES]):
        raise _wrong(origin, "it begins with zeros: nothing was written to it")
    for order in ("<", ">"):
        magic, info, timeline, address, _, identifier, size, block = struct.unpack_from(order + _LAYOUT, data)
        if magic in MAGICS:
            break
    else:
        magic = int.from_bytes(data[:2], "little")
        raise _wrong(origin, f"its magic number is {magic:04X}, which is none of PostgreSQL 15 to 18")
    if not info & _LONG:
        raise _wrong(origin, "its first page has no long header: this is not the beginning of a segment")
    if block not in (1 << power for power in range(10, 17)) or not timeline:
        raise _wrong(origin, f"its header says timeline {timeline} and pages of {block} bytes")
    return SegmentHeader(magic, info, timeline, Lsn(address), str(identifier), size, block, order)


def check_header(header: SegmentHeader, segment: Segment, system_identifier: str, origin: str) -> WalGeometry:
    """Raise ``BackupInvalid`` unless the header fits the file's name and the cluster; the geometry it speaks of.

    The first segment of a timeline is a copy of its ancestor's, whose timeline its first pages keep.
    """
    if header.system_identifier != system_identifier:
        raise _wrong(
            origin, f"it is of the cluster {header.system_identifier}, this system's is {system_identifier} (I19)"
        )
    try:
        geometry = WalGeometry(header.segment_bytes)
        begin = geometry.begin(segment)
    except ValueError as error:
        raise _wrong(origin, str(error)) from error
    if header.page_address != begin:
        raise _wrong(origin, f"it holds the WAL from {header.page_address} on, by its name it should from {begin} on")
    if header.timeline > segment.timeline:
        raise _wrong(origin, f"it is of timeline {header.timeline}, by its name of timeline {segment.timeline}")
    return geometry


def check_pages(data: memoryview, header: SegmentHeader, segment: Segment, origin: str) -> None:
    """Raise ``BackupInvalid`` unless every page of a closed segment is in its place; pages of zeros may end it.

    What is inside the pages has checksums of its own, which PostgreSQL compares at replay.
    """
    page = struct.Struct(header.order + _PAGE)
    begin, ended = header.page_address.position, False
    for at in range(0, len(data), header.block_bytes):
        magic, _, timeline, address = page.unpack_from(data, at)
        if not (magic or timeline or address):
            ended = True
        elif ended or (magic, address) != (header.magic, begin + at) or timeline > segment.timeline:
            raise _wrong(
                origin,
                f"its page at {at} has magic number {magic:04X}, timeline {timeline} and address {Lsn(address)}"
                + (" behind pages of zeros" if ended else ""),
            )


def valid_bytes(descriptor: int, header: SegmentHeader) -> int:
    """How many bytes of an open segment are written, by a search in the file: a multiple of 8.

    Records are aligned to 8 bytes, and zeros at the very end of the last one cannot be told from what was not written.
    """
    begin = header.page_address.position
    page = struct.Struct(header.order + _PAGE)

    def written(number: int) -> bool:
        data = os.pread(descriptor, page.size, number * header.block_bytes)
        if len(data) < page.size:
            return False
        magic, _, _, address = page.unpack(data)
        return bool(magic == header.magic and address == begin + number * header.block_bytes)

    low, high = 0, header.segment_bytes // header.block_bytes
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if written(middle) else (low, middle)
    last = os.pread(descriptor, header.block_bytes, low * header.block_bytes)
    return low * header.block_bytes + -(-len(last.rstrip(b"\0")) // 8) * 8


def _wrong(origin: str, reason: str) -> BackupInvalid:
    return BackupInvalid(f"{origin} is not the WAL segment that its name says", detail=reason, hint=_HINT)

"""Compression in stock formats: whole streams come back, cut or damaged ones are noticed."""

from __future__ import annotations

import gzip
import itertools
import os
import subprocess

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import Compression
from dr.errors import BackupInvalid
from dr.pipeline.compress import Decompressor, compressor

PACKING = [Compression.GZIP, Compression.ZSTD]
NOISE = os.urandom(300)
PIECES = st.lists(st.one_of(st.binary(max_size=2000), st.just(b"a row of a table\n" * 500)), max_size=8)


class Collected:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data


def _pack(kind: Compression, *pieces: bytes) -> bytes:
    sink = Collected()
    packer = compressor(kind, sink)
    for piece in pieces:
        packer.write(piece)
    packer.close()
    return bytes(sink.data)


def _unpack(kind: Compression, packed: bytes, chunk: int = 1 << 16) -> bytes:
    unpacker = Decompressor(kind)
    pieces = (unpacker.feed(packed[at : at + chunk]) for at in range(0, len(packed), chunk))
    plain = b"".join(itertools.chain.from_iterable(pieces))
    unpacker.finish()
    return plain


@pytest.mark.parametrize("kind", [*PACKING, Compression.NONE])
@given(pieces=PIECES, chunk=st.integers(1, 700))
def test_what_goes_in_comes_out_however_it_is_cut_into_pieces(kind, pieces, chunk):
    """Chunk borders of the writer and of the reader mean nothing."""
    assert _unpack(kind, _pack(kind, *pieces), chunk) == b"".join(pieces)


def test_the_stock_program_reads_our_gzip_and_we_read_its():
    """The guide's own format, both ways."""
    plain = os.urandom(50_000) + b"text\n" * 400_000

    theirs = subprocess.run(("gzip", "-c"), input=plain, capture_output=True, check=True).stdout
    ours = subprocess.run(
        ("gunzip", "-c"), input=_pack(Compression.GZIP, plain), capture_output=True, check=True
    ).stdout

    assert ours == plain
    assert _unpack(Compression.GZIP, theirs) == plain


def test_any_zstd_reads_our_frames_and_they_carry_a_checksum():
    """The frame itself tells damage, even where no manifest is at hand."""
    packed = _pack(Compression.ZSTD, b"x" * 100_000)

    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == b"x" * 100_000
    assert zstandard.get_frame_parameters(packed).has_checksum


@pytest.mark.parametrize(
    "kind, pack", [(Compression.GZIP, gzip.compress), (Compression.ZSTD, zstandard.ZstdCompressor().compress)]
)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_several_members_or_frames_in_a_row_are_one_stream(kind, pack, chunk):
    """As gunzip and zstd read them; the servers' zstd with several workers writes such."""
    parts = [b"first\n" * 100, b"", b"second\n" * 100]

    assert _unpack(kind, b"".join(map(pack, parts)), chunk) == b"".join(parts)


@pytest.mark.parametrize("kind", PACKING)
def test_no_piece_is_large_however_well_the_rows_were_packed(kind):
    """A few hundred bytes can hold megabytes: memory is bounded by the pieces, not by the compression's success."""
    unpacker = Decompressor(kind)
    packed = _pack(kind, *[b"a" * (1 << 20)] * 300)

    sizes = [len(piece) for piece in unpacker.feed(packed)]
    unpacker.finish()

    assert sum(sizes) == 300 << 20
    assert max(sizes) <= 64 << 20


@pytest.mark.incident("I12")
@pytest.mark.parametrize("kind", PACKING)
@given(data=st.data())
def test_a_stream_cut_anywhere_is_noticed(kind, data):
    """Also in its trailer, also right behind a member, and when nothing came at all."""
    packed = _pack(kind, b"row\n" * 300, NOISE)
    cut = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(BackupInvalid, match=r"cut off|damaged") as caught:
        _unpack(kind, packed[:cut])

    assert caught.value.hint


@pytest.mark.parametrize("kind", PACKING)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_or_changes_nothing(kind, place, bit):
    """Never other bytes than were packed."""
    plain = b"row\n" * 300 + bytes(range(256))
    packed = bytearray(_pack(kind, plain))
    packed[place % len(packed)] ^= 1 << bit

    try:
        unpacked = _unpack(kind, bytes(packed))
    except BackupInvalid:
        return
    assert unpacked == plain


@pytest.mark.parametrize("kind", PACKING)
def test_something_behind_the_end_is_damage(kind):
    """A stream that goes on as something else was not written by us."""
    with pytest.raises(BackupInvalid):
        _unpack(kind, _pack(kind, b"rows\n") + b"-- trailing text that is no member and no frame\n")


@pytest.mark.parametrize("kind", [*PACKING, Compression.NONE])
def test_a_sink_that_breaks_is_an_error_not_a_wait(kind):
    """Though compression runs in threads of its own."""

    class Broken:
        def write(self, data: bytes | bytearray | memoryview) -> None:
            if self.taken + len(memoryview(data)) > 100:
                raise BrokenPipeError("gone")
            self.taken += len(memoryview(data))

        taken = 0

    packer = compressor(kind, Broken())

    with pytest.raises(OSError, match="gone"):  # noqa: PT012 - which of the writes tells is the thread's affair
        for _ in range(4):
            packer.write(os.urandom(1 << 20))
        packer.close()

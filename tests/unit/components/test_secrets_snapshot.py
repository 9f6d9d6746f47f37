"""A raft snapshot that is not whole is told from one that is, whatever size its pieces come in."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.components.secrets.vault_snapshot import SnapshotScanner

STATE = bytes(range(256)) * 40


def archive(members: Mapping[str, bytes], *, format: int = tarfile.USTAR_FORMAT) -> bytes:  # noqa: A002 - tarfile's word
    """A tar of these files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=format) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if format == tarfile.PAX_FORMAT:
                info.pax_headers = {"size": str(len(data)), "comment": "x" * 700}
            tar.addfile(info, io.BytesIO(data))
    return plain.getvalue()


def members(**changes: bytes | None) -> dict[str, bytes]:
    """What Vault puts into a snapshot."""
    whole: dict[str, bytes | None] = {"meta.json": b'{"Index":7}', "state.bin": STATE}
    sums = "".join(f"{hashlib.sha256(data or b'').hexdigest()}  {name}\n" for name, data in whole.items())
    whole["SHA256SUMS"] = sums.encode()
    found = {**whole, **{name.replace("_", "."): data for name, data in changes.items()}}
    return {name: data for name, data in found.items() if data is not None}


def scanned(data: bytes, piece: int = 1000) -> str:
    """What is wrong, read in pieces of that size."""
    scanner = SnapshotScanner()
    for begin in range(0, len(data), piece):
        scanner.feed(data[begin : begin + piece])
    return scanner.finish()


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("piece", [1, 511, 4096, 1 << 20])
def test_a_whole_snapshot_is_whole(piece: int, format_: int) -> None:
    """In any pieces, with or without extended headers."""
    assert not scanned(gzip.compress(archive(members(), format=format_)), piece)


@given(st.data())
def test_every_shorter_one_is_not(data: st.DataObject) -> None:
    """Wherever the stream ends."""
    whole = gzip.compress(archive(members()))
    end = data.draw(st.integers(0, len(whole) - 1))

    assert "ends early" in scanned(whole[:end])


def test_an_archive_that_ends_early_within_a_whole_gzip_file_is_not() -> None:
    """The server compresses what it has, and closes properly: the sums come last and are missing."""
    assert "SHA256SUMS" in scanned(gzip.compress(archive(members())[:6000]))
    assert "SHA256SUMS" in scanned(gzip.compress(archive(members(SHA256SUMS=None))))


def test_bytes_that_differ_from_their_sum_are_noticed() -> None:
    """One bit of the state."""
    assert "state.bin" in scanned(gzip.compress(archive(members(state_bin=STATE[:-1] + b"!"))))


@pytest.mark.parametrize("data", [b"", b"<html>", b'{"errors":["x"]}', gzip.compress(b"no tar" * 200, mtime=0)])
def test_something_else_is_none(data: bytes) -> None:
    """An error page, or another file."""
    assert scanned(data)


def test_eight_gib_fit_into_an_extended_header() -> None:
    """The size that a plain header cannot hold is taken from the one before it."""
    plain = archive({"state.bin": STATE}, format=tarfile.PAX_FORMAT)
    # The plain header says 0, as if the size did not fit.
    begin = plain.rindex(b"ustar", 0, plain.index(STATE[:64])) - 257
    header = bytearray(plain[begin : begin + 512])
    header[124:136] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    scanner = SnapshotScanner()
    scanner.feed(gzip.compress(plain[:begin] + bytes(header) + plain[begin + 512 :]))

    assert scanner.hashes["state.bin"] == hashlib.sha256(STATE).hexdigest()

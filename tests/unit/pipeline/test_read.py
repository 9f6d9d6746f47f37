"""An object on its way back: whole, ours, exactly what the manifest says, or an error that tells which it is not."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from dr.catalog.manifest import Compression
from dr.errors import BackupInvalid, ObjectMissing, StoreUnavailable
from dr.pipeline.read import ObjectReader
from dr.storage.faults import BitFlipped, FaultyStore, ReadCut
from dr.storage.local import LocalStore
from dr.storage.protocol import StoredObject
from tests.unit.crypto.keyrings import encrypt
from tests.unit.pipeline.streams import KEY, read, stores, threads, write

MIB = 1 << 20
TEXT = b"COPY public.users (id, name) FROM stdin;\n" * 3_000
NOISE = os.urandom(2 * MIB)


@pytest.fixture
def stored(cipher, tmp_path):
    """One object in one store, and its record."""
    place = stores(tmp_path)["local"]
    return place, write(cipher, {"local": place}, NOISE).record


@pytest.mark.parametrize("at", [0, 1, 40, 1000, -1])
def test_a_stored_object_that_was_cut_is_told_by_its_size(cipher, stored, at):
    """Whatever gpg makes of it, the manifest knows how long it was."""
    place, record = stored
    place.arm(ReadCut(at % record.stored_bytes, silent=True))

    with pytest.raises(BackupInvalid, match=rf"bytes instead of {record.stored_bytes}") as caught:
        read(cipher, place, expected=record)

    assert caught.value.hint


@pytest.mark.parametrize("offset", [0, 5, 100, MIB, -1])
def test_a_flipped_bit_is_told_by_the_hash_of_what_is_stored(cipher, stored, offset):
    """In the head of the message, in its middle, in its last byte: damage, not a wrong key."""
    place, record = stored
    place.arm(BitFlipped(offset % record.stored_bytes))

    with pytest.raises(BackupInvalid, match="is damaged: its sha256 is not the one in the manifest"):
        read(cipher, place, expected=record)


def test_two_objects_that_changed_places_are_noticed(cipher, tmp_path):
    """Each is whole and ours, and is not the other."""
    one, other = stores(tmp_path / "a")["local"], stores(tmp_path / "b")["local"]
    record, wrong = (write(cipher, {"local": place}, os.urandom(MIB)).record for place in (one, other))
    first, second = (tmp_path / name / "local" / KEY for name in ("a", "b"))
    first.write_bytes(second.read_bytes())

    with pytest.raises(BackupInvalid):
        read(cipher, one, expected=record)
    assert read(cipher, one, expected=wrong)


def test_what_decrypts_to_something_else_is_noticed(cipher, stored):
    """The hash of the packed bytes guards what the hash of the stored ones cannot."""
    place, record = stored
    other = dataclasses.replace(record, packed_sha256="0" * 64)

    with pytest.raises(BackupInvalid, match="decrypts to something else than was backed up"):
        read(cipher, place, expected=other)


def test_a_broken_connection_is_the_stores_error(cipher, stored):
    """It may be tried again; the backup is not called damaged."""
    place, record = stored
    place.arm(ReadCut(MIB))

    with pytest.raises(StoreUnavailable) as caught:
        read(cipher, place, expected=record)

    assert caught.value.retryable


def test_an_object_that_is_not_there_is_told_as_missing(cipher, tmp_path):
    """Not as something that gpg could not read."""
    with pytest.raises(ObjectMissing):
        read(cipher, stores(tmp_path)["local"])


@pytest.mark.parametrize(
    "data", [b"", b"SELECT 1;\n" * 50, gzip.compress(TEXT)], ids=["nothing", "plain SQL", "plain gzip"]
)
def test_what_is_no_openpgp_message_is_told_as_no_backup(cipher, tmp_path, data):
    """A wrong file given by path."""
    place = stores(tmp_path)["local"]
    place.put_bytes(KEY, data)

    with pytest.raises(BackupInvalid, match="is not an encrypted backup") as caught:
        read(cipher, place)

    assert caught.value.hint


@pytest.mark.parametrize("fault", [ReadCut(MIB, silent=True), BitFlipped(MIB), ReadCut(150, silent=True)], ids=repr)
def test_damage_is_noticed_without_a_manifest_too(cipher, stored, fault):
    """OpenPGP protects its own integrity: a lone file that was cut or changed does not pass."""
    place, _ = stored
    place.arm(fault)

    with pytest.raises(BackupInvalid) as caught:
        read(cipher, place)

    assert KEY in caught.value.message


@pytest.mark.parametrize(
    "compression, pack", [(Compression.GZIP, gzip.compress), (Compression.ZSTD, zstandard.compress)]
)
def test_what_was_cut_before_it_was_encrypted_is_noticed(cipher, tmp_path, compression, pack):
    """A whole message around half a stream; the error says of which object."""
    place = stores(tmp_path)["local"]
    place.put_bytes(KEY, encrypt(cipher, pack(TEXT)[:-9]))

    with pytest.raises(BackupInvalid, match="cut off") as caught:
        read(cipher, place, compression)

    assert KEY in caught.value.message


def test_what_is_packed_otherwise_is_noticed(cipher, tmp_path):
    """zstd where gzip was expected."""
    place = stores(tmp_path)["local"]
    place.put_bytes(KEY, encrypt(cipher, zstandard.compress(TEXT)))

    with pytest.raises(BackupInvalid, match="the gzip stream is damaged") as caught:
        read(cipher, place)

    assert KEY in caught.value.message


@pytest.mark.parametrize(
    "compression, pack", [(Compression.GZIP, gzip.compress), (Compression.ZSTD, zstandard.compress)]
)
def test_several_members_or_frames_are_read_to_the_last(cipher, tmp_path, compression, pack):
    """As the stock programs do."""
    place = stores(tmp_path)["local"]
    place.put_bytes(KEY, encrypt(cipher, pack(TEXT) + pack(b"") + pack(b"the end")))

    assert read(cipher, place, compression) == TEXT + b"the end"


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_what_unpacks_to_much_comes_in_pieces_of_bounded_size(cipher, tmp_path, compression):
    """Empty pages pack a thousandfold and more: memory must not grow with what is unpacked."""
    places = stores(tmp_path)
    record = write(cipher, places, bytes(160 * MIB), compression).record
    largest = total = 0

    with (
        cipher.decryptor(KEY) as decryptor,
        ObjectReader(places["local"], KEY, compression, decryptor, record) as reader,
    ):
        for chunk in reader:
            largest, total = max(largest, len(chunk)), total + len(chunk)
        reader.finish()

    assert total == 160 * MIB
    assert largest <= 64 * MIB


def test_each_stage_is_timed_and_counted(cipher, stored):
    """What the table of phases is made of."""
    place, record = stored
    with cipher.decryptor(KEY) as decryptor, ObjectReader(place, KEY, Compression.GZIP, decryptor, record) as reader:
        assert b"".join(reader) == NOISE
        reader.finish()

    assert reader.plain_bytes == len(NOISE)
    assert reader.seconds.fetch > 0
    assert reader.seconds.decompress > 0
    assert reader.exit is not None
    assert reader.exit.ok


class Slow(LocalStore):
    """A store whose object goes on for ten seconds, as a large one over a slow network goes on for hours."""

    def read(self, key: str, chunk_size: int = MIB) -> Iterator[bytes]:
        yield from itertools.chain(super().read(key, chunk_size), self._more())

    def _more(self) -> Iterator[bytes]:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.005)
            yield NOISE

    def head(self, key: str) -> StoredObject:
        return StoredObject(key, 1 << 60, datetime.now(UTC))


def test_whoever_stops_reading_stops_fetching(cipher, stored, tmp_path):
    """A target that is full is told at once, and the rest of a large object is not downloaded for nothing."""
    before = threads()
    store = Slow("local", tmp_path / "local")
    begin = time.monotonic()

    with (
        cipher.decryptor(KEY) as decryptor,
        ObjectReader(store, KEY, Compression.GZIP, decryptor) as reader,
    ):
        next(iter(reader))

    assert time.monotonic() - begin < 8
    assert threads() - before == set()


def test_reading_leaves_no_process_behind(cipher, stored, tmp_path):
    """Whether it ended well or not."""
    place, record = stored
    place.arm(BitFlipped(300))

    with cipher.decryptor(KEY) as decryptor, ObjectReader(place, KEY, Compression.GZIP, decryptor, record) as reader:
        list(reader)

    assert not Path(f"/proc/{decryptor.process.pid}").exists()
    assert isinstance(place, FaultyStore)

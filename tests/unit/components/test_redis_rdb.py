"""RDB files of real servers, walked through in pieces, cut and damaged.

The files were written by Redis 7.0 and 8.2, which CI does not have: every type, field expiries, a function library.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import ComponentContents, Item
from dr.components.redis import inventory
from dr.components.redis.checksum import checksum
from dr.components.redis.inventory import Inspection, RdbScanner
from dr.components.redis.rdb import Key, Walk
from dr.components.redis.rdb_cursor import NotRdb, unpacked
from dr.components.redis.server import State, state_of
from dr.components.redis.taking import missing, notes_on, warnings_of

GOLDEN = Path(__file__).parents[2] / "golden" / "redis"
FILES = {name: (GOLDEN / f"redis-{name}.rdb").read_bytes() for name in ("7.0", "8.2")}
KINDS = {
    "7.0": "2 hash, 2 list, 3 set, 1 stream, 6 string, 2 zset; 1 with an expiry",
    "8.2": "4 hash, 2 list, 3 set, 1 stream, 6 string, 2 zset; 1 with an expiry",
}


def inspected(*pieces: bytes) -> Inspection:
    """What is said of these bytes."""
    inspection = Inspection()
    for piece in pieces:
        inspection.feed(piece)
    inspection.finish()
    return inspection


def keys_of(name: str) -> dict[bytes, Key]:
    """Every key of one file."""
    found: list[Key] = []
    with (GOLDEN / f"redis-{name}.rdb").open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        Walk(found.append).over(data)
    return {key.name: key for key in found}


def recorded(name: str) -> ComponentContents:
    """What a manifest holds of this file."""
    inspection = inspected(FILES[name])
    return ComponentContents(
        datetime(2024, 1, 1, tzinfo=UTC), inventory.items(inspection.walk), facts=inventory.facts(inspection)
    )


def with_checksum(data: bytes) -> bytes:
    """The same with its end made right."""
    return data[:-8] + checksum(data[:-8]).to_bytes(8, "little")


@pytest.mark.parametrize("name", FILES)
def test_every_key_of_every_type_is_counted(name: str) -> None:
    """Sixteen or eighteen keys and one in the fourth database, and nothing unknown."""
    inspection = inspected(FILES[name])

    assert inspection.walk.unknown == ""
    assert inspection.has_checksum
    assert inventory.items(inspection.walk)[0].detail == KINDS[name]
    assert inventory.items(inspection.walk)[1] == Item("db3", 1, detail="1 string; 0 with an expiry")
    assert inventory.facts(inspection)["function libraries"] == "1"


@given(st.sampled_from(sorted(FILES)), st.lists(st.integers(1, 25_000), max_size=12))
def test_it_makes_no_difference_in_which_pieces_the_bytes_come(name: str, cuts: list[int]) -> None:
    """Wherever the stream is cut into chunks, also inside a header."""
    data = FILES[name]
    places = [0, *sorted(place for place in cuts if place < len(data)), len(data)]
    pieces = [data[begin:end] for begin, end in itertools.pairwise(places)]

    assert inventory.items(inspected(*pieces).walk) == inventory.items(inspected(data).walk)


def test_one_byte_at_a_time_is_enough() -> None:
    """The smallest pieces there are."""
    data = FILES["8.2"]
    pieces = [data[place : place + 1] for place in range(len(data))]

    assert inventory.items(inspected(*pieces).walk) == inventory.items(inspected(data).walk)


@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_file_cut_off_anywhere_is_no_rdb(name: str, data: st.DataObject) -> None:
    """From nothing at all to one byte short."""
    whole = FILES[name]

    with pytest.raises(NotRdb):
        inspected(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_flipped_bit_is_noticed(name: str, data: st.DataObject) -> None:
    """By what it breaks or by the checksum; the checksum's own bytes are no exception."""
    damaged = bytearray(FILES[name])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(NotRdb):
        inspected(bytes(damaged))


def test_bytes_after_the_end_are_noticed() -> None:
    """The mark of a diskless stream, left in the file by a client that does not know it."""
    with pytest.raises(NotRdb, match="follow its end"):
        inspected(FILES["7.0"] + b"0123456789" * 4)
    with pytest.raises(NotRdb, match="follow its end"):
        inspected(FILES["7.0"], b"0123456789" * 4)


def test_a_type_of_the_future_ends_the_count_and_not_the_check() -> None:
    """Type 120: nothing is counted and it says so; a wrong checksum behind it is still found."""
    data = FILES["8.2"]
    place = data.index(b"\x00\x05plain")
    future = with_checksum(data[:place] + b"\x78" + data[place + 1 :])
    inspection = inspected(future)

    assert "type 120" in inspection.walk.unknown
    assert inventory.items(inspection.walk) == ()
    assert "type 120" in inventory.facts(inspection)["not counted"]
    with pytest.raises(NotRdb, match="checksum"):
        inspected(future[:-9] + b"\xff" + bytes(7) + b"\x01")


def test_a_file_without_checksum_is_taken_and_told_apart() -> None:
    """``rdbchecksum no`` leaves zeros."""
    assert not inspected(FILES["7.0"][:-8] + bytes(8)).has_checksum


def test_names_sizes_and_expiries_are_those_of_the_server() -> None:
    """Numbers as names, packed names, bytes that are no text, milliseconds."""
    keys = keys_of("8.2")

    assert keys[b"soon"].expires == 4102444800123
    assert keys[b"plain"].size == 5
    assert keys[b"abc" * 50].size == 3000
    assert keys[b"\x00\xffbin"].size == 64
    assert keys[b"large set"].size == 170
    assert keys[b"large hash"].size == 600
    assert keys[b"many fields expire"].size == 600
    assert {b"42", b"third"} <= keys.keys()


def test_the_scanner_passes_what_was_recorded_and_nothing_else() -> None:
    """The same file is fine; a whole one of another server, a cut one and a damaged one are not."""

    def said(contents: ComponentContents, data: bytes) -> str:
        scanner = RdbScanner(contents)
        scanner.feed(data[:1000])
        scanner.feed(data[1000:])
        return scanner.finish()

    less = ComponentContents(recorded("7.0").taken, recorded("7.0").items[:1], facts=recorded("7.0").facts)
    rotten = FILES["7.0"][:-1] + bytes([FILES["7.0"][-1] ^ 1])

    assert said(recorded("7.0"), FILES["7.0"]) == ""
    assert said(recorded("7.0"), FILES["8.2"]) == "RDB version 12; backed up was 10"
    assert said(less, FILES["7.0"]).startswith("db3 holds 1 keys")
    assert "no whole RDB file" in said(recorded("7.0"), FILES["7.0"][:-1])
    assert "checksum" in said(recorded("7.0"), rotten)


def of_a_server(**said: object) -> State:
    """What a server says of itself, with 17 keys unless told otherwise."""
    return state_of({"redis_version": "7.0.15", "db0": {"keys": 16}, "db3": {"keys": 1}, **said})


def test_far_fewer_keys_than_the_server_had_are_a_warning() -> None:
    """Seventeen in the copy: fine for a server that had about as many before or after, not for one of forty."""
    inspection = inspected(FILES["7.0"])
    forty = of_a_server(db0={"keys": 39})

    assert [*missing(inspection, of_a_server(), of_a_server())] == []
    assert [*missing(inspection, forty, of_a_server())] == []
    assert [*missing(inspection, of_a_server(), None)] == []
    assert [*missing(inspection, forty, forty)] == ["it holds 17 keys, and the server had 40 and then 40"]


def test_a_node_of_a_cluster_and_a_stale_replica_are_warned_of() -> None:
    """A copy of either is whole and not what one may think; a module is only noted."""
    assert [*warnings_of(of_a_server())] == []
    assert "every master" in next(warnings_of(of_a_server(cluster_enabled=1)))
    assert "older moment" in next(warnings_of(of_a_server(role="slave", master_link_status="down")))
    assert [*warnings_of(of_a_server(role="slave", master_link_status="up"))] == []
    assert "search" in notes_on(of_a_server(modules=[{"name": "search"}]))[0]


@pytest.mark.parametrize(
    ("packed", "size", "plain"),
    [(b"\x02abc", 3, b"abc"), (b"\x00a\xe0\x01\x00", 11, b"a" * 11), (b"\x02abc\x20\x02", 6, b"abcabc")],
)
def test_packed_names_unpack(packed: bytes, size: int, plain: bytes) -> None:
    """Literal runs, and references that overlap what they make."""
    assert unpacked(packed, size) == plain


@pytest.mark.parametrize("packed", [b"\x20\x00", b"\x02ab", b"\xe0", b"\x02abc"])
def test_packed_names_that_are_broken_are_refused(packed: bytes) -> None:
    """A reference before the beginning, too few bytes, another length."""
    with pytest.raises(NotRdb):
        unpacked(packed, 9)

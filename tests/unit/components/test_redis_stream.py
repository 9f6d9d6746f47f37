"""The replication stream's two forms, as a peer sends them in whatever pieces; and what settings and INFO say."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.components.redis.programs import version_of
from dr.components.redis.replication import Incoming, begun
from dr.components.redis.server import Server, state_of
from dr.configuration.components.redis import RedisSettings, check_redis_url
from dr.errors import PrivilegeMissing, ServerUnreachable, SourceBusy, SourceError
from dr.secret import Secret

MARK = b"0123456789abcdef0123456789abcdef01234567"
SERVER = Server(RedisSettings(url=Secret("redis://user:made-up@example.org:6380/2")))


def received(*pieces: bytes) -> bytes:
    """What comes out when a peer sends these pieces, each of which arrives by itself, and closes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            for piece in filter(None, pieces):
                theirs.sendall(piece)
        return b"".join(Incoming(SERVER, ours).payload())


def split(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Cut at these places."""
    bounds = [0, *sorted(place for place in places if place < len(data)), len(data)]
    yield from (data[begin:end] for begin, end in itertools.pairwise(bounds))


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=5))
def test_both_forms_give_the_snapshot_and_nothing_else(data: bytes, places: list[int]) -> None:
    """Announced by length or ended by the mark, after empty lines that keep the connection alive."""
    by_length = b"\n\n$%d\r\n" % len(data) + data
    by_mark = b"\n$EOF:" + MARK + b"\r\n" + data + MARK

    assert received(*split(by_length, places)) == data
    assert received(*split(by_mark, places)) == data


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_cut_is_noticed_in_both_forms(data: bytes, choice: st.DataObject) -> None:
    """Wherever in the snapshot or its mark the connection ends."""
    by_length = b"$%d\r\n" % len(data) + data
    by_mark = b"$EOF:" + MARK + b"\r\n" + data + MARK

    for whole in (by_length, by_mark):
        with pytest.raises(ServerUnreachable, match="broke off"):
            received(whole[: choice.draw(st.integers(0, len(whole) - 1))])


def test_changes_that_follow_a_snapshot_of_known_length_are_not_part_of_it() -> None:
    """The master goes on as to any replica."""
    assert received(b"$5\r\nhello*1\r\n$4\r\nPING\r\n") == b"hello"


def test_a_master_that_cannot_save_is_quoted() -> None:
    """An error in place of the snapshot."""
    with pytest.raises(SourceError, match="BGSAVE failed"):
        received(b"-BGSAVE failed, replication can't continue\r\n")


def test_what_answers_a_request_for_a_copy_is_told_apart() -> None:
    """The moment, or why there is none."""
    assert begun(SERVER, b"+FULLRESYNC " + b"a" * 40 + b" 1234") == ("a" * 40, 1234)
    with pytest.raises(PrivilegeMissing):
        begun(SERVER, b"-NOPERM this user has no permissions to run the 'psync' command")
    with pytest.raises(PrivilegeMissing):
        begun(SERVER, b"-ERR unknown command `PSYNC`")
    with pytest.raises(SourceBusy):
        begun(SERVER, b"-NOMASTERLINK Can't SYNC while not connected with my master")
    with pytest.raises(SourceError):
        begun(SERVER, b"+CONTINUE")


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://u:p@h:6379/3", "rediss://:p%40@h", "unix:///run/redis.sock?db=1", "redis://[::1]:6379"],
)
def test_addresses_of_redis_are_taken(url: str) -> None:
    """With and without user, port and database."""
    check_redis_url(url)


@pytest.mark.parametrize(
    "url",
    ["h:6379", "http://h", "postgres://u:made-up@h", "redis://u:made-up@h:port", "redis://u:made-up@h/name", "unix:"],
)
def test_what_is_no_address_is_refused_and_not_quoted(url: str) -> None:
    """The sentence shows the forms, never the value."""
    with pytest.raises(ValueError, match="must be redis://") as error:
        check_redis_url(url)

    assert "made-up" not in str(error.value)


def test_a_server_is_named_without_its_user_and_password() -> None:
    """In every message, and in what an error's cause prints."""
    assert str(SERVER) == "Redis at example.org:6380"
    assert str(Server(RedisSettings(url=Secret("unix:///run/r.sock?password=made-up")))) == "Redis at /run/r.sock"


def test_a_managed_server_that_says_little_of_itself_is_understood() -> None:
    """INFO with most of its lines left out."""
    state = state_of({"redis_version": "7.1.0", "db0": {"keys": 3, "expires": 1}, "db12": {"keys": 4}})

    assert (state.total, dict(state.keys), state.role) == (7, {0: 3, 12: 4}, "master")
    assert state.linked
    assert not state.cluster


def test_versions_are_compared_as_numbers() -> None:
    """7.10 is newer than 7.9, and nothing at all is older than everything."""
    assert version_of("7.10.1") > version_of("7.9.12")
    assert version_of("") == (0, 0, 0)
    assert version_of("255.255.255-dev") == (255, 255, 255)


def test_settings_are_read_from_a_directory(tmp_path: Path) -> None:
    """Only an address makes a Redis: the other settings alone configure none."""
    assert RedisSettings(local_dump=tmp_path).url is None
    assert not RedisSettings().cache_only

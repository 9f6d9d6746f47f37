"""Endpoints that lose, cut, delay and deny: what S3Store makes of them, over real HTTP to an endpoint that lies."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import pytest

from dr.errors import StoreDenied, StoreError, StoreUnavailable
from dr.storage.lease import CLAIM_AND_WAIT, Holder, acquire
from dr.storage.protocol import ConditionalWritesMissing
from dr.storage.s3 import S3Store
from dr.storage.s3_writer import abort_upload
from tests.endpoints.lying import LyingEndpoint

MIB = 1 << 20
KEY = "system/base/base.tar.zst.gpg"
SMALL = os.urandom(MIB)
LARGE = os.urandom(17 * MIB)
SIZES = pytest.mark.parametrize("data", [SMALL, LARGE], ids=["one-part", "three-parts"])


def _store(lying: LyingEndpoint, attempts: int = 2, **changes: object) -> S3Store:
    return S3Store(lying.settings(**changes), attempts=attempts)


def _write(store: S3Store, data: bytes) -> bool:
    with store.writer(KEY) as writer:
        writer.write(data)
        return writer.commit().checksum_compared


@SIZES
def test_a_checksum_given_back_and_equal_is_reported(lying_endpoint: LyingEndpoint, data: bytes) -> None:
    """``checksum_compared`` is True only when every part's checksum came back."""
    assert _write(_store(lying_endpoint), data) is False
    lying_endpoint.lies.checksum = "right"
    assert _write(_store(lying_endpoint), data) is True
    assert _write(_store(lying_endpoint, checksum="none"), data) is False


@SIZES
def test_a_checksum_given_back_and_different_fails_the_write(lying_endpoint: LyingEndpoint, data: bytes) -> None:
    """An endpoint that received other bytes is found out at once, and its upload is aborted."""
    lying_endpoint.lies.checksum = "wrong"

    with pytest.raises(StoreError, match="other bytes than it was sent"):
        _write(_store(lying_endpoint), data)
    assert lying_endpoint.uploads == {}
    with pytest.raises(StoreError, match="other bytes than it was sent"):
        _store(lying_endpoint).put_bytes("system/system.json", b"{}")


def test_a_checksum_of_the_whole_that_differs_fails_the_write(lying_endpoint: LyingEndpoint) -> None:
    """The endpoint put the parts together otherwise than they were sent."""
    lying_endpoint.lies.composite = "right"
    _write(_store(lying_endpoint), LARGE)
    lying_endpoint.lies.composite = "wrong"
    with pytest.raises(StoreError, match="other bytes than it was sent"):
        _write(_store(lying_endpoint), LARGE)


@SIZES
def test_an_object_of_another_size_fails_the_write(lying_endpoint: LyingEndpoint, data: bytes) -> None:
    """An endpoint that lost the end of the object is found out before the write is called done."""
    lying_endpoint.lies.lost_bytes = 1

    with pytest.raises(StoreError, match="another size") as failure:
        _write(_store(lying_endpoint), data)
    assert f"{len(data)} bytes sent, {len(data) - 1} stored" in failure.value.detail


@pytest.mark.parametrize("chunk_size", [MIB, 1000])
def test_a_read_goes_on_where_the_connection_was_cut(lying_endpoint: LyingEndpoint, chunk_size: int) -> None:
    """A cut in the middle of a GET costs one more request, not the restore."""
    lying_endpoint.objects[KEY] = SMALL
    lying_endpoint.lies.cut_gets, lying_endpoint.lies.cut_after = 2, 300_000

    assert b"".join(_store(lying_endpoint).read(KEY, chunk_size)) == SMALL
    assert lying_endpoint.count("GET") == 3


def test_a_read_that_is_cut_again_and_again_gives_up(lying_endpoint: LyingEndpoint) -> None:
    """Without progress there are a few attempts and then an error that may be retried later."""
    lying_endpoint.objects[KEY] = SMALL
    lying_endpoint.lies.cut_gets, lying_endpoint.lies.cut_after = 1000, 10

    with pytest.raises(StoreUnavailable, match="breaks again and again"):
        list(_store(lying_endpoint).read(KEY))
    assert lying_endpoint.count("GET") == 3


@pytest.mark.parametrize("conditions", ["honoured", "ignored"])
def test_an_object_that_is_replaced_while_it_is_read_is_not_joined_with_the_old_one(
    lying_endpoint: LyingEndpoint, conditions: str
) -> None:
    """Halves of different objects are never joined, also where If-Match is ignored, as some endpoints do."""
    lying_endpoint.lies.conditions = conditions
    lying_endpoint.objects[KEY] = SMALL
    lying_endpoint.lies.cut_gets, lying_endpoint.lies.cut_after = 1, 600_000
    reading = _store(lying_endpoint).read(KEY, 100_000)
    next(reading)
    lying_endpoint.objects[KEY] = SMALL[::-1]

    with pytest.raises(StoreError, match="was replaced"):
        list(reading)


def test_a_read_is_not_resumed_where_ranges_are_ignored(lying_endpoint: LyingEndpoint) -> None:
    """An endpoint that begins again from 0 would double the beginning."""
    lying_endpoint.objects[KEY] = SMALL
    lying_endpoint.lies.cut_gets, lying_endpoint.lies.cut_after = 1, 600_000
    lying_endpoint.lies.ranges = False

    with pytest.raises(StoreUnavailable, match="cannot go on"):
        list(_store(lying_endpoint).read(KEY, 100_000))


def test_an_endpoint_that_is_busy_is_asked_again(lying_endpoint: LyingEndpoint) -> None:
    """503 SlowDown is waited out by the client, within one call."""
    lying_endpoint.lies.slow_down = 1

    _store(lying_endpoint).put_bytes(KEY, b"x")

    assert lying_endpoint.objects[KEY] == b"x"
    assert lying_endpoint.count("PUT") == 2


@SIZES
def test_an_endpoint_that_fails_for_ever_is_unavailable(lying_endpoint: LyingEndpoint, data: bytes) -> None:
    """After its attempts a request ends in an error that says that later may be better."""
    lying_endpoint.lies.always = (500, "InternalError")

    with pytest.raises(StoreUnavailable) as failure:
        _write(_store(lying_endpoint), data)
    assert failure.value.retryable
    assert "overloaded or failing" in failure.value.message
    assert lying_endpoint.count("PUT", "POST") == 2


def test_an_upload_that_breaks_in_the_middle_is_aborted(lying_endpoint: LyingEndpoint) -> None:
    """When a part cannot be sent the writer learns of it while writing, and nothing stays behind."""
    store = _store(lying_endpoint, attempts=1)
    writer = store.writer(KEY)
    writer.write(LARGE)
    lying_endpoint.lies.slow_down = 10

    def go_on() -> None:
        for _ in range(20):
            writer.write(SMALL * 4)

    with pytest.raises(StoreUnavailable):
        go_on()
    lying_endpoint.lies.slow_down = 0
    writer.abort()
    assert lying_endpoint.uploads == {}
    assert lying_endpoint.objects == {}


def test_an_upload_that_cannot_be_aborted_is_told(lying_endpoint: LyingEndpoint) -> None:
    """What stays behind and costs money is in the error, beside what went wrong first."""
    lying_endpoint.lies.refuse_aborts = True
    lying_endpoint.lies.checksum = "wrong"

    with pytest.raises(StoreError, match="other bytes") as failure:
        _write(_store(lying_endpoint), LARGE)
    assert f"unfinished upload of {KEY} is left" in failure.value.detail
    assert next(iter(lying_endpoint.uploads)) in failure.value.detail

    def interrupted() -> None:
        with _store(lying_endpoint, checksum="none").writer(KEY) as writer:
            writer.write(LARGE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interruption:
        interrupted()
    assert "unfinished upload" in "".join(interruption.value.__notes__)

    writer = _store(lying_endpoint, checksum="none").writer(KEY)
    writer.write(LARGE)
    with pytest.raises(StoreError, match="unfinished upload"):
        writer.abort()


def test_a_part_that_may_arrive_after_the_abort_is_told(
    lying_endpoint: LyingEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hung endpoint does not hold up an abort for ever, and what it may keep is said."""
    monkeypatch.setattr("dr.storage.s3_writer._ABORT_SECONDS", 0.1)
    answer = lying_endpoint.lies.parts_wait_for = threading.Event()
    writer = _store(lying_endpoint).writer(KEY)
    writer.write(LARGE)

    try:
        with pytest.raises(StoreError, match="still travelling"):
            writer.abort()
    finally:
        answer.set()


@SIZES
def test_a_lost_answer_does_not_fail_a_write_that_was_done(lying_endpoint: LyingEndpoint, data: bytes) -> None:
    """The endpoint stores the object and the answer is lost: asked again it has no such upload, and yet all is well."""
    lying_endpoint.lies.lost_answers = 1

    _write(_store(lying_endpoint), data)

    assert lying_endpoint.objects[KEY] == data


def test_a_lost_answer_does_not_hide_who_created_an_object(lying_endpoint: LyingEndpoint) -> None:
    """Asked again, the endpoint says that the object exists: it is ours, and create says so."""
    lying_endpoint.lies.lost_answers = 1

    assert _store(lying_endpoint).create("system/system.json", b"ours") is True
    assert _store(lying_endpoint).create("system/system.json", b"ours") is False


@pytest.mark.parametrize("conditions", ["ignored", "unknown"])
def test_conditional_writes_are_tried_before_they_are_relied_on(lying_endpoint: LyingEndpoint, conditions: str) -> None:
    """An endpoint that ignores If-None-Match would overwrite silently; it is found out on an object of no value."""
    lying_endpoint.lies.conditions = conditions
    lying_endpoint.objects["system/system.json"] = b"of another cluster"

    with pytest.raises(ConditionalWritesMissing, match="conditional writes"):
        _store(lying_endpoint).create("system/system.json", b"ours")
    assert lying_endpoint.objects == {"system/system.json": b"of another cluster"}

    holder = Holder.here("run", "backup")
    with acquire(_store(lying_endpoint), "system/leases/backup/", holder, settle=timedelta(seconds=0.3)) as lease:
        assert lease.method == CLAIM_AND_WAIT


def test_a_refusal_for_another_reason_is_not_taken_for_missing_conditions(lying_endpoint: LyingEndpoint) -> None:
    """An expired token is answered with 400, as an unknown condition may be: it must not lead to the slow way."""
    lying_endpoint.lies.always = (400, "ExpiredToken")
    with pytest.raises(StoreDenied):
        _store(lying_endpoint).create("system/system.json", b"ours")


def test_an_endpoint_that_is_away_is_not_taken_for_one_without_conditions(lying_endpoint: LyingEndpoint) -> None:
    """What it can do is found out when it answers again."""
    store = _store(lying_endpoint)
    lying_endpoint.lies.slow_down = 2
    with pytest.raises(StoreUnavailable):
        store.create("system/system.json", b"ours")
    assert store.create("system/system.json", b"ours") is True


def test_writers_that_collide_again_and_again_are_told_to_come_later(lying_endpoint: LyingEndpoint) -> None:
    """409 says that others are writing at this moment; after a few attempts that is an error worth retrying."""
    lying_endpoint.lies.conditions = "conflict"

    with pytest.raises(StoreUnavailable, match="again and again"):
        _store(lying_endpoint).create("system/system.json", b"ours")


@pytest.mark.incident("I15")
@pytest.mark.parametrize("listing", ["unordered", "cut"])
def test_a_listing_that_cannot_be_trusted_is_an_error(lying_endpoint: LyingEndpoint, listing: str) -> None:
    """Half a list or one out of order would expire the wrong backups: better none."""
    lying_endpoint.objects.update({"a": b"", "b": b""})
    lying_endpoint.lies.listing = listing

    with pytest.raises(StoreError, match="cannot be trusted"):
        list(_store(lying_endpoint).list(""))


@pytest.mark.incident("I30")
@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
@pytest.mark.parametrize("restore", ["", 'ongoing-request="true"'])
def test_an_archived_object_is_never_asked_for(lying_endpoint: LyingEndpoint, storage_class: str, restore: str) -> None:
    """A read of an archived object says that it must be brought back, and sends no GetObject."""
    lying_endpoint.objects[KEY] = SMALL
    lying_endpoint.lies.storage_class, lying_endpoint.lies.restore = storage_class, restore

    for read in (lambda store: list(store.read(KEY)), lambda store: store.read_bytes(KEY)):
        with pytest.raises(StoreError, match="brought back first") as refusal:
            read(_store(lying_endpoint))
        assert not refusal.value.retryable
    assert _store(lying_endpoint).head(KEY).storage_class == storage_class
    assert lying_endpoint.count("GET") == 0

    lying_endpoint.lies.restore = 'ongoing-request="false", expiry-date="Fri, 23 Dec 2033 00:00:00 GMT"'
    assert _store(lying_endpoint).read_bytes(KEY) == SMALL


def test_all_unfinished_uploads_are_swept(lying_endpoint: LyingEndpoint) -> None:
    """Page after page; a list that goes in a circle is an error."""
    store = _store(lying_endpoint, prefix="copies")
    for key in ("a", "b", "b", "c"):
        store.writer(key).write(LARGE)
    lying_endpoint.lies.listing = "cut"
    with pytest.raises(StoreError, match="cannot be trusted"):
        store.sweep_partials(timedelta(0))
    lying_endpoint.lies.listing = "honest"

    assert store.sweep_partials(timedelta(days=36_500)) == 0
    assert store.sweep_partials(timedelta(0)) == 4
    assert lying_endpoint.uploads == {}


def test_refused_deletes_are_told(lying_endpoint: LyingEndpoint) -> None:
    """A sweep that may not abort an upload says so."""
    lying_endpoint.lies.refuse_aborts = True
    with pytest.raises(StoreDenied):
        abort_upload(_store(lying_endpoint).bucket, KEY, "upload")

"""What every store promises (``dr.storage.protocol``), held against each of them over real files and real HTTP.

moto compares no checksums and no signatures, rclone keeps no condition: what needs an endpoint that does, or one that
lies, is in ``test_s3_lies.py``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from dr.errors import ObjectMissing, StoreError
from dr.storage.protocol import ConditionalWritesMissing, ObjectWriter, Store
from tests.contracts.children import child, said, tell
from tests.contracts.conftest import Subject

MIB = 1 << 20
KEY = "coreflow360/database/backup_20240101_020000.sql.gz.gpg"


def _write(store: Store, key: str, data: bytes, piece: int = 700_001) -> int:
    with store.writer(key) as writer:
        for offset in range(0, len(data), piece):
            writer.write(memoryview(data)[offset : offset + piece])
        return writer.commit().size


def _keys(store: Store, prefix: str) -> list[str]:
    return [entry.key for entry in store.list(prefix)]


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 8 * MIB, 8 * MIB + 1, 40 * MIB])
def test_what_was_streamed_in_is_streamed_out(subject: Subject, random_bytes: bytes, size: int) -> None:
    """Every byte comes back, whatever the size is next to the size of a part."""
    data = random_bytes[:size]

    assert _write(subject.store, KEY, data) == size

    digest = hashlib.sha256()
    for chunk in subject.store.read(KEY, chunk_size=MIB):
        assert 0 < len(chunk) <= MIB
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(data).digest()
    assert subject.store.head(KEY).size == size


def test_the_store_protocol_is_met(subject: Subject) -> None:
    """The store and its writers have every method of the protocol, and say who and where they are."""
    assert isinstance(subject.store, Store)
    writer = subject.store.writer(KEY)
    assert isinstance(writer, ObjectWriter)
    writer.abort()
    assert subject.store.name == subject.settings.name
    assert subject.store.is_local == (subject.settings.kind == "local")
    assert str(subject.settings.path or f"s3://{subject.settings.bucket}/nightly/copies") == subject.store.location


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
def test_an_object_is_invisible_until_it_is_committed(subject: Subject, random_bytes: bytes, size: int) -> None:
    """Nobody sees half an object, neither in a listing nor by name."""
    writer = subject.store.writer(KEY)
    writer.write(random_bytes[:size])

    assert _keys(subject.store, "") == []
    with pytest.raises(ObjectMissing):
        subject.again().head(KEY)

    committed = writer.commit()
    assert (committed.key, committed.size) == (KEY, size)
    assert _keys(subject.again(), "") == [KEY]


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
def test_an_abort_leaves_nothing(subject: Subject, random_bytes: bytes, size: int) -> None:
    """After an abort there is no object, no temporary file and no multipart upload."""
    writer = subject.store.writer(KEY)
    writer.write(random_bytes[:size])
    writer.abort()

    assert _keys(subject.store, "") == []
    assert subject.leftovers() == []


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
@pytest.mark.parametrize("interruption", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_in_the_with_block_aborts(
    subject: Subject, random_bytes: bytes, size: int, interruption: type[BaseException]
) -> None:
    """A failing or interrupted producer leaves nothing, and its own exception is what is seen."""

    def produce() -> None:
        with subject.store.writer(KEY) as writer:
            writer.write(random_bytes[:size])
            raise interruption

    with pytest.raises(interruption):
        produce()

    assert _keys(subject.store, "") == []
    assert subject.leftovers() == []


def test_a_writer_that_has_ended_takes_nothing_more(subject: Subject) -> None:
    """A second commit or a late write is a mistake of the program; a second abort is none."""
    writer = subject.store.writer(KEY)
    writer.write(b"once")
    writer.commit()

    writer.abort()
    with pytest.raises(RuntimeError):
        writer.write(b"late")
    with pytest.raises(RuntimeError):
        writer.commit()
    assert subject.store.read_bytes(KEY) == b"once"


def test_replacing_is_atomic(subject: Subject, random_bytes: bytes) -> None:
    """Readers see the old object whole until the new one is, while it is replaced again and again."""
    versions = [random_bytes[i * 300_000 : (i + 1) * 300_000] for i in range(8)]
    subject.store.put_bytes(KEY, versions[0])
    stop = threading.Event()

    def replace() -> None:
        for data in versions * 3:
            _write(subject.store, KEY, data)
        stop.set()

    reader = subject.again()
    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace)
        while not stop.is_set() and not replacing.done():
            try:
                assert reader.read_bytes(KEY) in versions
            except StoreError as error:
                assert "was replaced" in error.message  # noqa: PT017 - S3 may say so instead
        replacing.result()
    assert reader.read_bytes(KEY) == versions[-1]


def test_exactly_one_of_eight_threads_creates_an_object(subject: Subject) -> None:
    """Of eight that create one object at once exactly one is told True, and the object is that one's.

    moto and the local file system promise that; rclone does not, and there everybody must be refused.
    """
    stores = [subject.again() for _ in range(8)]
    barrier = threading.Barrier(8)

    def create(number: int) -> bool:
        list(stores[number].list(""))
        barrier.wait()
        return stores[number].create(KEY, f"{number}".encode())

    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(create, number) for number in range(8)]
    if not subject.exclusive:
        assert all(isinstance(result.exception(), ConditionalWritesMissing) for result in results)
        assert _keys(subject.store, "") == []
        return
    winners = [number for number, result in enumerate(results) if result.result()]
    assert len(winners) == 1
    assert subject.store.read_bytes(KEY) == f"{winners[0]}".encode()
    assert subject.leftovers() == []
    assert _keys(subject.store, "") == [KEY]


def test_exactly_one_of_four_processes_creates_a_file(subject: Subject) -> None:
    """Processes exclude one another as threads do (rclone: see the test above)."""
    if not subject.exclusive:
        with pytest.raises(ConditionalWritesMissing):
            subject.store.create(KEY, b"")
        return
    with (
        child(subject.settings, "create", KEY) as one,
        child(subject.settings, "create", KEY) as two,
        child(subject.settings, "create", KEY) as three,
        child(subject.settings, "create", KEY) as four,
    ):
        racers = (one, two, three, four)
        assert [said(racer) for racer in racers] == ["ready"] * 4
        for racer in racers:
            tell(racer)
        assert sorted(said(racer) for racer in racers) == ["False", "False", "False", "True"]


def test_create_changes_nothing_that_is_there(subject: Subject) -> None:
    """An object that exists is kept, even when the new one would be the same."""
    subject.store.put_bytes(KEY, b"first")
    if not subject.exclusive:
        with pytest.raises(ConditionalWritesMissing) as refusal:
            subject.store.create(KEY, b"second")
        assert not refusal.value.retryable
        assert "conditional writes" in refusal.value.message
    else:
        assert subject.store.create(KEY, b"second") is False
        assert subject.store.create(KEY, b"first") is False
    assert subject.store.read_bytes(KEY) == b"first"


@pytest.mark.slow
@pytest.mark.incident("I15")
def test_2500_objects_are_listed_in_key_order_and_none_is_missed(subject: Subject) -> None:
    """A listing goes on past S3's page of 1,000, in one order in every store, and keeps to its prefix."""
    wanted = [f"system/base/label-{i // 10:03d}/file-{i % 10}.gpg" for i in range(2_500)]
    tricky = ["system/base-x", "system/base.x", "system/base0", "system/Base/a b", "system/base/é+&%20/x", "other/y"]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: subject.store.put_bytes(key, b"x"), wanted + tricky))

    assert _keys(subject.store, "system/base/label-") == sorted(wanted)
    assert _keys(subject.store, "") == sorted(wanted + tricky)
    assert _keys(subject.store, "system/base/label-00") == sorted(wanted)[:100]
    assert _keys(subject.store, "system/base/label-007/") == wanted[70:80]
    assert _keys(subject.store, "system/nothing") == []


def test_listings_tell_size_and_time(subject: Subject) -> None:
    """Sizes are bytes and times aware, the same in a listing as by name."""
    subject.store.put_bytes(KEY, b"12345")

    (listed,) = subject.store.list("")
    head = subject.store.head(KEY)
    assert (listed.size, head.size) == (5, 5)
    assert listed.modified.tzinfo is UTC
    assert head.modified.tzinfo is UTC
    assert abs(listed.modified - head.modified) < timedelta(seconds=1)
    assert abs(listed.modified - datetime.now(UTC)) < timedelta(seconds=60)


def test_a_missing_object_is_said_to_be_missing(subject: Subject) -> None:
    """Reading or looking at what is not there raises ObjectMissing, also where only a directory of that name is."""
    subject.store.put_bytes("a/b", b"x")

    for key in ("nothing", "a", "a/c", "a/b/c"):
        with pytest.raises(ObjectMissing):
            subject.store.head(key)
        with pytest.raises(ObjectMissing):
            next(subject.store.read(key))
        with pytest.raises(ObjectMissing):
            subject.store.read_bytes(key)


def test_deleting_twice_is_no_error(subject: Subject) -> None:
    """What is gone is gone; its neighbours stay."""
    subject.store.put_bytes("a/b", b"x")
    subject.store.put_bytes("a/c", b"y")

    subject.store.delete("a/b")
    subject.store.delete("a/b")
    subject.store.delete("never/was")

    assert _keys(subject.store, "") == ["a/c"]


BAD_KEYS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a//b",
    "a/",
    "./a",
    "a\0b",
    "a\nb",
    "a\\b",
    "a/.partial-x",
    "x" * 300,
]


def test_a_key_that_could_leave_the_store_is_refused(subject: Subject) -> None:
    """Keys come out of manifests, too: every method refuses what is no relative path, and nothing is written."""
    store = subject.store
    for key in BAD_KEYS:
        calls: tuple[Callable[[str], object], ...] = (
            store.writer,
            lambda key: store.put_bytes(key, b"x"),
            lambda key: store.create(key, b"x"),
            store.head,
            store.read_bytes,
            store.delete,
        )
        for call in calls:
            with pytest.raises(StoreError, match=r"not an object key|conditional writes"):
                call(key)
    assert _keys(store, "") == []


def test_a_prefix_that_could_leave_the_store_is_refused(subject: Subject) -> None:
    """Listings are kept to the store as well."""
    for prefix in ("/", "../", "a/../b", "a//"):
        with pytest.raises(StoreError, match="not an object key"):
            list(subject.store.list(prefix))


def test_what_a_killed_writer_leaves_is_never_listed_and_can_be_swept(subject: Subject) -> None:
    """After kill -9 there is no object; what is left is found by the sweep, and only when it is old enough."""
    with child(subject.settings, "pause", KEY) as process:
        assert said(process) == "begun"
        process.kill()
        process.wait()

    assert _keys(subject.store, "") == []
    assert len(subject.leftovers()) == 1
    # moto says of every upload that it was begun in 2010.
    if subject.kind != "moto":
        assert subject.store.sweep_partials(timedelta(hours=24)) == 0
    assert subject.store.sweep_partials(timedelta(0)) == 1
    assert subject.leftovers() == []


def test_space_is_told_where_there_is_a_limit(subject: Subject) -> None:
    """A directory knows how much still fits, also before its first object; a bucket has no such limit."""
    free = subject.store.free_bytes()
    assert (free is None) == (subject.settings.kind == "s3")
    assert free is None or free > 0


def test_what_was_put_is_read_back_as_it_is_stored(subject: Subject) -> None:
    """Whoever compares what a store gives back with what it was given gets the stored bytes, not a memory of them."""
    store = subject.store
    data = bytes(range(256)) * 30_000
    store.put_bytes("wal/x", data)
    assert b"".join(store.read_back("wal/x")) == data
    store.delete("wal/x")

    with pytest.raises(ObjectMissing):
        list(store.read_back("wal/x"))

"""Cutting a stream into parts: within S3's limits, and with bounded memory."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.errors import StoreError
from dr.storage.s3_parts import MAX_PARTS, MIB, PartBuffer, PartPlan, PartPool

TIB = 1 << 40


def test_ten_thousand_parts_hold_five_tebibytes() -> None:
    """S3's largest object fits, and no part is smaller than 8 MiB or larger than S3's 5 GiB."""
    sizes = [PartPlan().size(number) for number in range(1, MAX_PARTS + 1)]
    assert sum(sizes) >= 5 * TIB
    assert min(sizes) == 8 * MIB
    assert max(sizes) <= 5 << 30
    assert sizes == sorted(sizes)
    with pytest.raises(StoreError, match="too large for S3"):
        PartPlan().size(MAX_PARTS + 1)


@given(st.lists(st.binary(max_size=50), max_size=20), st.booleans())
def test_parts_joined_are_the_stream(pieces: list[bytes], in_file: bool) -> None:
    """Whatever the pieces written, in memory or in a file, the parts hold every byte once and in order."""
    plan = PartPlan(first=16, double_every=2, in_memory=0 if in_file else 1 << 20)
    part = PartBuffer("cloud", 1, plan)
    parts = [part]
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            if part.is_full:
                part = PartBuffer("cloud", part.number + 1, plan)
                parts.append(part)
            rest = part.take(rest)
    bodies = [bytes(item.payload().read() if in_file else item.payload()) for item in parts]
    for item in parts:
        item.close()
    assert b"".join(bodies) == b"".join(pieces)
    assert [len(body) for body in bodies[:-1]] == [plan.size(number) for number in range(1, len(bodies))]


def _full_part(number: int, plan: PartPlan) -> PartBuffer:
    part = PartBuffer("cloud", number, plan)
    part.take(memoryview(bytes(plan.size(number))))
    return part


def test_the_producer_waits_while_too_much_is_under_way() -> None:
    """Never more than the plan's bytes and threads at once, and every part is sent."""
    plan = PartPlan(first=10, pending=40, threads=3)
    lock = threading.Lock()
    now, most, submitted, most_ahead = 0, 0, 0, 0

    def send(part: PartBuffer) -> int:
        nonlocal now, most, most_ahead
        with lock:
            now += 1
            most = max(most, now)
            most_ahead = max(most_ahead, submitted - part.number)
        time.sleep(0.005)
        with lock:
            now -= 1
        return part.number

    pool = PartPool(send, plan)
    for number in range(1, 41):
        pool.submit(_full_part(number, plan))
        submitted = number
    assert pool.finish() == {number: number for number in range(1, 41)}
    assert most == 3
    assert most_ahead <= 4


def test_the_first_error_reaches_the_producer() -> None:
    """The producer learns of a failed part at its next one, and the rest is not sent."""
    plan = PartPlan(first=10, pending=20, threads=1)
    sent: list[int] = []

    def send(part: PartBuffer) -> None:
        sent.append(part.number)
        raise StoreError(f"part {part.number} failed")

    pool = PartPool(send, plan)

    def produce() -> None:
        for number in range(1, 100):
            pool.submit(_full_part(number, plan))

    with pytest.raises(StoreError, match="part 1 failed"):
        produce()
    with pytest.raises(StoreError, match="part 1 failed"):
        pool.finish()
    assert len(sent) < 5


def test_cancel_does_not_wait_for_ever() -> None:
    """A hung endpoint must not hold up a program that was told to stop."""
    plan = PartPlan(first=10)
    sending, release = threading.Event(), threading.Event()

    def hang(_part: PartBuffer) -> bool:
        sending.set()
        return release.wait(10)

    pool = PartPool(hang, plan)
    pool.submit(_full_part(1, plan))
    sending.wait(10)
    begun = time.monotonic()
    assert pool.cancel(0.05) is False
    assert time.monotonic() - begun < 2
    release.set()
    assert pool.cancel(5) is True

"""Put every question at once, wait for the answers no longer than one may, and leave behind what does not answer."""

from __future__ import annotations

import os
import pickle
import selectors
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from dr.configuration.model import System
from dr.operations.assess.lane import Order, failed
from dr.operations.assess.prober import Lane, Prober
from dr.operations.assess.wire import Line, Question, decoded
from dr.policy.observation import Condition

USUAL_SECONDS = 9.0
_MOST_PATIENT = 2.0
"""Who has more time than usual gives every question more of it, up to twice as much."""
_FAIR_SECONDS = 1.0
"""Who was given less time to answer is not told to be silent."""


@dataclass(frozen=True, slots=True)
class Late:
    """A question that had no answer after so many seconds. ``asked``: it really had been put, and for long enough.

    Otherwise it is this host that was too slow, and nothing is said of what was to be asked.
    """

    question: Question
    seconds: float
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Gathered:
    """Every answer that came, and every question that is still open."""

    lines: tuple[Line, ...]
    late: tuple[Late, ...]


@dataclass(slots=True)
class _Asking:
    """One lane: what it has still to answer, and the piece of a line that has come so far."""

    open: dict[Question, None]
    begun: float
    ready: float | None = None
    rest: bytearray = field(default_factory=bytearray)

    def due(self, scale: float) -> float:
        """When the next question is late; its time runs from when the process was ready to ask."""
        if self.ready is None or not self.open:
            return float("inf")
        return self.ready + scale * min(question.seconds for question in self.open)


def gather(prober: Prober, system: System, asked: Mapping[Lane, tuple[Question, ...]], seconds: float) -> Gathered:
    """Returns within ``seconds``, whatever hangs. A prober can be used once."""
    begin = time.monotonic()
    scale = min(seconds / USUAL_SECONDS, _MOST_PATIENT)
    lines: list[Line] = []
    late: list[Late] = []
    lanes = {lane: _Asking(dict.fromkeys(questions), begin) for lane, questions in asked.items()}
    for lane, end in prober.ends.items():
        with suppress(OSError):  # it tells by its end what is wrong with it
            if lane in lanes:
                end.sendall(pickle.dumps(Order(system, asked[lane], seconds + 1, lane is Lane.COPIES)))
            end.shutdown(socket.SHUT_WR)
    with selectors.DefaultSelector() as selector:
        for lane in lanes:
            selector.register(prober.ends[lane], selectors.EVENT_READ, lane)
        while any(one.open for one in lanes.values()) and time.monotonic() < begin + seconds:
            until = min(begin + seconds, *(one.due(scale) for one in lanes.values()))
            for key, _ in selector.select(max(until - time.monotonic(), 0)):
                if not _take(key.fd, lanes[key.data], lines, prober):
                    selector.unregister(key.fileobj)
            _expire(lanes.values(), scale, late)
    now = time.monotonic()
    for one in lanes.values():
        waited = now - (one.ready or now)
        late += [Late(item, waited or now - one.begun, waited >= _FAIR_SECONDS) for item in one.open]
    return Gathered(tuple(lines), tuple(late))


def _take(descriptor: int, one: _Asking, lines: list[Line], prober: Prober) -> bool:
    """What has come from one lane. False when it has ended: what it has not answered it never will."""
    try:
        data = os.read(descriptor, 1 << 16)
    except ConnectionResetError:
        data = b""
    one.rest += data
    *whole, rest = bytes(one.rest).split(b"\n")
    one.rest = bytearray(rest)
    for text in whole:
        with suppress(msgspec.DecodeError, msgspec.ValidationError):  # then it has no answer, and is told as late
            line = decoded(text)
            if line.answers is None:
                one.ready = time.monotonic()
            elif line.answers in one.open:  # what comes after its time has been told as late
                del one.open[line.answers]
                lines.append(line)
    if not data:
        why = f"the process that asks has ended: {prober.last_words()}".rstrip(": ")
        lines += [failed(question, why, Condition.IMPAIRED) for question in one.open]
        one.open.clear()
    return bool(data)


def _expire(lanes: Iterable[_Asking], scale: float, late: list[Late]) -> None:
    now = time.monotonic()
    for one in lanes:
        if one.ready is None:
            continue
        for question in [item for item in one.open if now >= (one.ready or 0) + scale * item.seconds]:
            del one.open[question]
            late.append(Late(question, now - one.ready))

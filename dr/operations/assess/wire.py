"""What a probing process tells the one that waits for it: a line of JSON as soon as something is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from dr.catalog.lsn import decode_lsn, encode_lsn
from dr.policy.copies_in_sight import Held, Latest
from dr.policy.drills_in_sight import Drills
from dr.policy.next_step import Measured
from dr.policy.observation import Observation, Subject
from dr.policy.wal_in_sight import Receiver, Recoverable, Written

_LONGEST = 1000
_MORE = " ..."


class Topic(StrEnum):
    """What is asked of a subject besides how it is."""

    ITSELF = ""
    LOG = "log"
    RECEIVER = "receiver"
    WAL = "wal"
    FORECAST = "forecast"
    DRILLS = "drills"
    COMPONENTS = "components"


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is being asked, and how long it may take. ``name`` is that of the store, the service, the path."""

    subject: Subject
    seconds: float
    name: str = ""
    topic: Topic = Topic.ITSELF


@dataclass(frozen=True, slots=True)
class Line:
    """Questions as they are put, or the answer to one of them (``answers``), of whatever kind it is."""

    asked: tuple[Question, ...] = ()
    answers: Question | None = None
    observed: tuple[Observation, ...] = ()
    held: Held | None = None
    components: tuple[Latest, ...] = ()
    receiver: Receiver | None = None
    recoverable: Recoverable | None = None
    written: Written | None = None
    measured: tuple[Measured, ...] = ()
    drills: Drills | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


_decoder = msgspec.json.Decoder(Line, dec_hook=decode_lsn)


def encoded(line: Line) -> bytes:
    """One line, its end included."""
    return msgspec.json.encode(line, enc_hook=encode_lsn) + b"\n"


def decoded(data: bytes) -> Line:
    """Raises msgspec's errors on anything else."""
    return _decoder.decode(data)


def short(text: str) -> str:
    """A program's message on one line, cut where nobody reads any further."""
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - len(_MORE)] + _MORE

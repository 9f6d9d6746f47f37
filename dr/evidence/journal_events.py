"""The lines of a procedure's journal: what is in one, and how it is read and written."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from dr.catalog.lsn import Lsn
from dr.errors import BackupInvalid, ConfigurationError

FORMAT = 1
_decoding = threading.Lock()


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. ``what`` is ``open``, ``begin``, ``end``, ``fail``, ``note`` or ``close``; ``result`` is JSON."""

    at: datetime
    what: str
    step: str = ""
    seconds: float | None = None
    text: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")
    format: int = FORMAT
    procedure: str = ""
    system: str = ""
    run: str = ""
    parameters: dict[str, str] = {}


class _Formatted(msgspec.Struct, frozen=True):
    format: int = FORMAT


def encoded(event: Event) -> bytes:
    """One line."""
    return msgspec.json.encode(event) + b"\n"


def encoded_result(result: object) -> msgspec.Raw:
    """What a step gave, of plain values and dataclasses."""
    return msgspec.Raw(msgspec.json.encode(result, enc_hook=_as_json))


def decoded_result(event: Event, kind: Any) -> Any:
    """The same again, as a ``kind``. Safe from any thread."""
    # Of two threads that meet a type for the first time one sees it half built, and the process dies of it (SIGSEGV).
    with _decoding:
        return msgspec.json.decode(bytes(event.result), type=kind, dec_hook=_from_json)


def decoded(data: bytes, source: str) -> tuple[list[Event], int]:
    """The whole lines, and where the last of them ends. What follows it was torn by a crash: it has no line's end.

    Raises ``ConfigurationError`` for a newer program's journal, ``BackupInvalid`` for a whole line that is damaged.
    """
    events: list[Event] = []
    place = 0
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        events.append(_event(line, number, source))
        place += len(line)
    return events, place


def _event(line: bytes, number: int, source: str) -> Event:
    try:
        # First the format alone: what a newer program has written need not fit into an event of ours.
        newer = msgspec.json.decode(line, type=_Formatted).format > FORMAT
        if not newer:
            return msgspec.json.decode(line, type=Event)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BackupInvalid(
            f"line {number} of {source} is damaged", str(error), "Begin anew (--anew); the file is left as it is."
        ) from error
    raise ConfigurationError(f"{source} was written by a newer program", hint="Use that one, or --anew.")


def _as_json(value: Any) -> object:
    if isinstance(value, Path | Lsn):
        return str(value)
    raise NotImplementedError(f"a journal cannot keep a {type(value).__name__}")


def _from_json(kind: type, value: Any) -> Any:
    if kind is Path or kind is Lsn:
        return Lsn.parse(value) if kind is Lsn else kind(value)
    raise NotImplementedError(f"a journal cannot give back a {kind.__name__}")

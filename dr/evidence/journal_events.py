"""The lines of a procedure's journal: what is in one, and how it is read and written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from dr.catalog.lsn import Lsn
from dr.errors import BackupInvalid, ConfigurationError

FORMAT = 1


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


def encoded(event: Event) -> bytes:
    """One line."""
    return msgspec.json.encode(event) + b"\n"


def encoded_result(result: object) -> msgspec.Raw:
    """What a step gave, of plain values and dataclasses."""
    return msgspec.Raw(msgspec.json.encode(result, enc_hook=_as_json))


def decoded_result(event: Event, kind: Any) -> Any:
    """The same again, as a ``kind``."""
    return msgspec.json.decode(bytes(event.result), type=kind, dec_hook=_from_json)


def decoded(data: bytes, source: str) -> tuple[list[Event], int]:
    """The whole lines, and where the last of them ends. What follows it was torn by a crash."""
    lines = data.splitlines(keepends=True)
    events: list[Event] = []
    place = 0
    for number, line in enumerate(lines, start=1):
        try:
            event = msgspec.json.decode(line, type=Event) if line.endswith(b"\n") else None
        except (msgspec.DecodeError, msgspec.ValidationError):
            event = None
        if event is None:
            if number == len(lines):
                break
            raise BackupInvalid(
                f"line {number} of {source} is damaged", hint="Begin anew (--anew); the file is left as it is."
            )
        if event.format > FORMAT:
            raise ConfigurationError(f"{source} was written by a newer program", hint="Use that one, or --anew.")
        events.append(event)
        place += len(line)
    return events, place


def _as_json(value: Any) -> object:
    if isinstance(value, Path | Lsn):
        return str(value)
    raise NotImplementedError(f"a journal cannot keep a {type(value).__name__}")


def _from_json(kind: type, value: Any) -> Any:
    if kind is Path or kind is Lsn:
        return Lsn.parse(value) if kind is Lsn else kind(value)
    raise NotImplementedError(f"a journal cannot give back a {kind.__name__}")

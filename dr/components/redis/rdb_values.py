"""Stepping over one value of an RDB file, whatever its type and size."""

from __future__ import annotations

from dr.components.redis.rdb_cursor import Cursor, Steps
from dr.components.redis.rdb_types import Shape

_INFINITE_DOUBLES = 253
_MODULE_STRING, _MODULE_END = 5, 0
_MODULE_FIXED = {3: 4, 4: 8}


def string(cursor: Cursor) -> Steps:
    """Over a string, however long. Where it lies here already, ``cursor.passed_string`` is much cheaper."""
    if cursor.short():
        yield from cursor.more()
    yield from cursor.skip(cursor.step())


def shaped(cursor: Cursor, shape: Shape) -> Steps:
    """Over a value of this shape."""
    for part in shape:
        if isinstance(part, str):
            yield from _plain(cursor, part)
            continue
        if cursor.short():
            yield from cursor.more()
        plain = "".join(part) if all(isinstance(inner, str) for inner in part) else None  # type: ignore[arg-type]
        for _ in range(cursor.length()):
            yield from shaped(cursor, part) if plain is None else _plain(cursor, plain)


def _plain(cursor: Cursor, letters: str) -> Steps:
    for letter in letters:
        if letter == "s":
            if not cursor.passed_string():
                yield from string(cursor)
            continue
        if cursor.short():
            yield from cursor.more()
        if letter == "l":
            cursor.length()
        elif letter == "8":
            cursor.take(8)
        else:
            count = cursor.take(1)[0]  # a double as text; three counts stand for infinite and not a number
            yield from cursor.skip(count if count < _INFINITE_DOUBLES else 0)


def of_module(cursor: Cursor) -> Steps:
    """Over a module's data, which names the form of each of its parts until the end."""
    while True:
        if cursor.short():
            yield from cursor.more()
        form = cursor.length()
        if form == _MODULE_END:
            return
        if form == _MODULE_STRING:
            yield from string(cursor)
        elif form in _MODULE_FIXED:
            cursor.take(_MODULE_FIXED[form])
        else:
            cursor.length()

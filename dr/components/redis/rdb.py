"""A walk through an RDB file as it streams by: is it whole, and how many keys of which kind does each database hold?

Values are stepped over, never unpacked, so memory stays at one chunk. A kind of value that is newer than this module
ends the count, not the check: end and checksum are proven for every version (``checksum``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap

from dr.components.redis import rdb_types as types
from dr.components.redis import rdb_values as values
from dr.components.redis.rdb_cursor import Cursor, NotRdb, Steps

_MAGIC = (b"REDIS", b"VALKEY")
_MAGIC_BYTES = 9
_FOOTER_BYTES = 8
_ONE_STRING = ("s",)


class _UnknownType(Exception):
    """Something newer than this module, or of a module that is older than the format."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key, its value at ``begin`` to ``end`` of the file; ``expires`` in milliseconds since 1970, None for never.

    ``size`` is what STRLEN, LLEN, SCARD, ... say, where the file says it without unpacking.
    """

    database: int
    name: bytes
    code: int
    kind: str
    expires: int | None
    size: int | None
    begin: int
    end: int


class Walk:
    """Feed it the bytes, then ``finish``; or ``over`` a file, and ``on_key`` is told every key.

    What it counted: ``keys[database][kind]`` and ``expiring[database]``. ``unknown`` says what stopped the count.
    """

    def __init__(self, on_key: Callable[[Key], None] | None = None) -> None:
        self.version = 0
        self.auxiliary: dict[str, str] = {}
        self.functions: list[tuple[int, int]] = []
        self.modules = False
        self.unknown = ""
        self.keys: dict[int, dict[str, int]] = {}
        self.expiring: dict[int, int] = defaultdict(int)
        self._on_key = on_key
        self._cursor = Cursor()
        self._steps = self._walk()
        self._begun = self._complete = False

    def over(self, data: mmap) -> Walk:
        """Walk over a whole file. Raises ``NotRdb``."""
        self._cursor.buffer = data
        self.finish()
        return self

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises ``NotRdb`` as soon as they cannot be an RDB file."""
        if not self.unknown and data:
            self._advance(data)

    def finish(self) -> None:
        """No more bytes come. Raises ``NotRdb`` when more were due."""
        self._cursor.whole = True
        if not self._complete and not self.unknown:
            self._advance(b"")

    def _advance(self, data: bytes) -> None:
        cursor = self._cursor
        try:
            if not self._begun:
                self._begun = True
                cursor.buffer = data or cursor.buffer
                next(self._steps)
            else:
                self._steps.send(data)
        except StopIteration:
            self._complete = True
            if cursor.at != len(cursor.buffer):
                raise NotRdb(f"{len(cursor.buffer) - cursor.at} bytes follow its end") from None
        except IndexError:
            raise NotRdb(f"it stops in the midst of something, at byte {cursor.position}") from None
        except _UnknownType as error:
            self.unknown = str(error)

    def _walk(self) -> Steps:
        cursor = self._cursor
        yield from cursor.more()
        self._header()
        database, expires = 0, None
        while True:
            if cursor.short():
                yield from cursor.more()
            code = cursor.take(1)[0]
            if code == types.END:
                yield from cursor.skip(_FOOTER_BYTES)
                return
            if code == types.SELECT:
                database = cursor.length()
            elif code == types.EXPIRES_MS:
                expires = cursor.number(8)
            elif code == types.EXPIRES_SECONDS:
                expires = cursor.number(4) * 1000
            elif code < types.SLOT_INFO:
                yield from self._key(database, code, expires)
                expires = None
            else:
                yield from self._aside(code)

    def _header(self) -> None:
        head = self._cursor.take(_MAGIC_BYTES)
        magic = next((item for item in _MAGIC if head.startswith(item)), None)
        if magic is None or not head[len(magic) :].isdigit():
            raise NotRdb("it does not begin as an RDB file does")
        self.version = int(head[len(magic) :])

    def _aside(self, code: int) -> Steps:
        """What stands between keys: hints for loading, remarks, functions."""
        cursor = self._cursor
        if code == types.AUXILIARY:
            yield from self._remark()
        elif code == types.RESIZE:
            yield from values.shaped(cursor, ("ll",))
        elif code == types.SLOT_INFO:
            yield from values.shaped(cursor, ("lll",))
        elif code == types.IDLE:
            cursor.length()
        elif code == types.FREQUENCY:
            cursor.take(1)
        elif code == types.FUNCTION:
            begin = cursor.position
            yield from values.shaped(cursor, ("s",))
            self.functions.append((begin, cursor.position))
        elif code == types.MODULE_AUX:
            self.modules = True
            cursor.length()  # which module
            yield from values.of_module(cursor)
        else:
            raise _UnknownType(f"opcode {code} at byte {cursor.position - 1}")

    def _remark(self) -> Steps:
        cursor = self._cursor
        words = []
        for _ in range(2):
            yield from cursor.more()
            header = cursor.string()
            yield from cursor.more(header.stored)
            words.append(cursor.text(header).decode(errors="replace"))
        self.auxiliary[words[0]] = words[1]

    def _key(self, database: int, code: int, expires: int | None) -> Steps:
        cursor = self._cursor
        found = types.VALUE_TYPES.get(code)
        if found is None:
            raise _UnknownType(f"a value of type {code} at byte {cursor.position - 1}")
        name = b""
        if self._on_key is None:
            if not cursor.passed_string():
                yield from values.string(cursor)
        else:
            header = cursor.string()
            yield from cursor.more(header.stored)
            name = cursor.text(header)
            yield from cursor.more()
        begin = cursor.position
        size = self._size(code) if self._on_key is not None else None
        if code == types.MODULE:
            self.modules = True
            if cursor.short():
                yield from cursor.more()
            cursor.length()
            yield from values.of_module(cursor)
        elif found.shape != _ONE_STRING or not cursor.passed_string():
            yield from values.shaped(cursor, found.shape)
        kinds = self.keys.setdefault(database, {})
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
        if expires is not None:
            self.expiring[database] += 1
        if self._on_key is not None:
            self._on_key(Key(database, name, code, found.kind, expires, size, begin, cursor.position))

    def _size(self, code: int) -> int | None:
        """How long the value is, as far as its beginning tells; the cursor stays."""
        cursor, here = self._cursor, self._cursor.at
        try:
            if code == types.STRING:
                return cursor.string().size
            if types.VALUE_TYPES[code].counted:
                cursor.at += types.VALUE_TYPES[code].ahead
                return cursor.length()
            return None
        finally:
            cursor.at = here

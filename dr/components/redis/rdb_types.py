"""How each kind of value lies in an RDB file, as far as finding its end needs it.

A shape is read from left to right: ``s`` a string, ``l`` a length, ``8`` eight bytes, ``d`` a double as text; a tuple
is a length and then that many times what the tuple holds. From rdb.h and rdb.c of Redis 2.6 to 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple["str | Shape", ...]

_PENDING: Shape = ("888l",)
_GROUP_V1: Shape = ("sll", _PENDING, ("s8", ("88",)))
_GROUP_V2: Shape = ("slll", _PENDING, ("s8", ("88",)))
_GROUP_V3: Shape = ("slll", _PENDING, ("s88", ("88",)))


@dataclass(frozen=True, slots=True)
class ValueType:
    """``kind`` is what Redis's TYPE says; ``counted``: a length ``ahead`` bytes on is the number of its elements."""

    kind: str
    shape: Shape
    counted: bool = False
    ahead: int = 0


STRING = 0
MODULE = 7
VALUE_TYPES = {
    STRING: ValueType("string", ("s",)),
    1: ValueType("list", (("s",),), counted=True),
    2: ValueType("set", (("s",),), counted=True),
    3: ValueType("zset", (("sd",),), counted=True),
    4: ValueType("hash", (("ss",),), counted=True),
    5: ValueType("zset", (("s8",),), counted=True),
    MODULE: ValueType("module", ()),
    9: ValueType("hash", ("s",)),
    10: ValueType("list", ("s",)),
    11: ValueType("set", ("s",)),
    12: ValueType("zset", ("s",)),
    13: ValueType("hash", ("s",)),
    14: ValueType("list", (("s",),)),
    15: ValueType("stream", (("ss",), "lll", _GROUP_V1)),
    16: ValueType("hash", ("s",)),
    17: ValueType("zset", ("s",)),
    18: ValueType("list", (("ls",),)),
    19: ValueType("stream", (("ss",), "llllllll", _GROUP_V2)),
    20: ValueType("set", ("s",)),
    21: ValueType("stream", (("ss",), "llllllll", _GROUP_V3)),
    24: ValueType("hash", ("8", ("lss",)), counted=True, ahead=8),
    25: ValueType("hash", ("8s",)),
}

# Before a key or between databases.
SLOT_INFO, FUNCTION, MODULE_AUX, IDLE, FREQUENCY, AUXILIARY = 0xF4, 0xF5, 0xF7, 0xF8, 0xF9, 0xFA
RESIZE, EXPIRES_MS, EXPIRES_SECONDS, SELECT, END = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF

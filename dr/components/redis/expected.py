"""What a server that was given an RDB file has to hold, and whether it does.

The file itself is the measure: it is walked once, and every key's expiry is known to the millisecond. A key whose time
came meanwhile is no loss; one that is missing before its time is.
"""

from __future__ import annotations

import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from redis import Redis

from dr.components.redis.rdb import Key

SAMPLE = 2000
_BATCH = 500
_LEEWAY_MS = 1000
_LENGTHS = {"string": "STRLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN"}
_FIELDS_EXPIRE = (24, 25)
"""Types of hashes whose fields have expiries of their own: they shrink, and may vanish, without any loss."""


def now_ms() -> int:
    """Milliseconds since 1970, as Redis counts them."""
    return time.time_ns() // 1_000_000


class Expected:
    """Collects what a walk tells; ``total`` is about how many keys there will be, so that a sample is spread."""

    def __init__(self, total: int, databases: Sequence[int] | None = None) -> None:
        self._stride = max(1, total // SAMPLE)
        self._databases = databases
        self._begin = now_ms()
        self._seen = 0
        self._kinds: set[tuple[int, int]] = set()
        self.totals: dict[int, int] = defaultdict(int)
        self._expiries: dict[int, array[int]] = defaultdict(lambda: array("q"))
        self._fleeting: dict[int, int] = defaultdict(int)
        self.sample: dict[int, list[Key]] = defaultdict(list)

    def on_key(self, key: Key) -> None:
        if self._databases is not None and key.database not in self._databases:
            return
        self.totals[key.database] += 1
        if key.expires is not None:
            self._expiries[key.database].append(key.expires)
        if key.code in _FIELDS_EXPIRE:
            self._fleeting[key.database] += 1
        first = (key.database, key.code) not in self._kinds
        if first or self._seen % self._stride == 0:
            self._kinds.add((key.database, key.code))
            self.sample[key.database].append(key)
        self._seen += 1

    @property
    def sampled(self) -> int:
        return sum(len(keys) for keys in self.sample.values())

    def bounds(self, database: int) -> tuple[int, int]:
        """The least and most keys that a database may have now."""
        total, expiries, now = self.totals[database], self._expiries[database], now_ms()
        gone = sum(1 for moment in expiries if moment <= self._begin)
        may_be_gone = sum(1 for moment in expiries if moment <= now + _LEEWAY_MS)
        return total - may_be_gone - self._fleeting[database], total - gone

    def wrong_counts(self, counts: dict[int, int]) -> Iterator[str]:
        """Databases with fewer or more keys than they have to have."""
        for database in sorted({*counts, *self.totals}):
            least, most = self.bounds(database)
            if not least <= counts.get(database, 0) <= most:
                due = f"{most}" if least == most else f"{least} to {most}"
                yield f"db{database} has {counts.get(database, 0)} keys, not {due}"

    def wrong_keys(self, client_of: Callable[[int], Redis]) -> Iterator[str]:
        """Keys of the sample that are not as in the file. Their names are nobody's business and left out."""
        for database, keys in sorted(self.sample.items()):
            client = client_of(database)
            for begin in range(0, len(keys), _BATCH):
                yield from _compared(client, keys[begin : begin + _BATCH])


def _compared(client: Redis, keys: Sequence[Key]) -> Iterator[str]:
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.type(key.name)
        pipeline.pttl(key.name)
        pipeline.execute_command(_LENGTHS.get(key.kind, "EXISTS"), key.name)
    asked = now_ms()
    answers = pipeline.execute(raise_on_error=False)
    answered = now_ms()
    for key, kind, ttl, size in zip(keys, answers[0::3], answers[1::3], answers[2::3], strict=True):
        if key.expires is not None and key.expires <= answered + _LEEWAY_MS:
            continue
        wrong = _kind_differs(key, kind) or _ttl_differs(key, ttl, asked, answered) or _size_differs(key, size)
        if wrong:
            yield f"a {key.kind} of db{key.database}: {wrong}"


def _kind_differs(key: Key, kind: bytes) -> str:
    found = kind.decode(errors="replace")
    if found == key.kind or (key.kind == "module" and found != "none"):
        return ""
    if found == "none":
        return "" if key.code in _FIELDS_EXPIRE else "is missing"
    return f"is a {found}"


def _ttl_differs(key: Key, ttl: int, asked: int, answered: int) -> str:
    if key.expires is None:
        return "has an expiry" if ttl >= 0 else ""
    if ttl < 0:
        return "has no expiry" if ttl == -1 else ""
    least, most = asked + ttl - _LEEWAY_MS, answered + ttl + _LEEWAY_MS
    return (
        "" if least <= key.expires <= most else f"expires {abs(answered + ttl - key.expires) / 1000:.0f} s off its time"
    )


def _size_differs(key: Key, size: int) -> str:
    if key.code in _FIELDS_EXPIRE or key.kind in ("module", "stream") or key.size == size:
        return ""
    if key.size is None:
        return "" if size > 0 else "is empty"
    return f"has the size {size}, not {key.size}"

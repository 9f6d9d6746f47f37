"""What an RDB file holds, counted from its own bytes: when it is taken, when it is read back, and in a drill."""

from __future__ import annotations

from collections.abc import Callable

from dr.catalog.manifest import ComponentContents, Item
from dr.components.redis.checksum import Checksum
from dr.components.redis.rdb import Walk
from dr.components.redis.rdb_cursor import NotRdb

FILE = "dump.rdb"
_NOT_COUNTED = "not counted"


class Inspection:
    """Checksum and walk over the same bytes."""

    def __init__(self) -> None:
        self.walk = Walk()
        self.sum = Checksum()
        self.has_checksum = False

    def feed(self, data: bytes) -> None:
        """Raises ``NotRdb``."""
        self.sum.feed(data)
        self.walk.feed(data)

    def finish(self) -> None:
        """Raises ``NotRdb`` unless the file was whole."""
        self.walk.finish()
        self.has_checksum = self.sum.finish()


def items(walk: Walk) -> tuple[Item, ...]:
    """A line for each database that holds something; none when it could not be counted."""
    if walk.unknown:
        return ()
    return tuple(
        Item(f"db{database}", sum(kinds.values()), detail=_kinds(kinds, walk.expiring[database]))
        for database, kinds in sorted(walk.keys.items())
    )


def _kinds(kinds: dict[str, int], expiring: int) -> str:
    parts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"{parts}; {expiring} with an expiry"


def facts(inspection: Inspection) -> dict[str, str]:
    """What the file says of itself."""
    walk = inspection.walk
    found = {"rdb version": str(walk.version), "checksum": "yes" if inspection.has_checksum else "no"}
    if walk.unknown:
        return {**found, _NOT_COUNTED: walk.unknown}
    found["keys"] = str(sum(item.count for item in items(walk)))
    if walk.functions:
        found["function libraries"] = str(len(walk.functions))
    return found


def differences(contents: ComponentContents, walk: Walk) -> str:
    """What is not as it was counted when the backup was taken; empty when all is."""
    if str(walk.version) != contents.facts.get("rdb version"):
        return f"RDB version {walk.version}; backed up was {contents.facts.get('rdb version')}"
    if walk.unknown or _NOT_COUNTED in contents.facts:
        return ""
    then = {item.name: item for item in contents.items}
    now = {item.name: item for item in items(walk)}
    wrong = [
        f"{name} holds {_line(now.get(name))}; backed up were {_line(then.get(name))}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return "; ".join(wrong)


def _line(item: Item | None) -> str:
    return "no keys" if item is None else f"{item.count} keys ({item.detail})"


class RdbScanner:
    """The stored copy, as it is read back: a whole RDB file with the keys that were counted."""

    def __init__(self, contents: ComponentContents) -> None:
        self._contents = contents
        self._inspection = Inspection()
        self._wrong = ""

    def feed(self, data: bytes) -> None:
        if not self._wrong:
            self._guarded(lambda: self._inspection.feed(data))

    def finish(self) -> str:
        if not self._wrong:
            self._guarded(self._inspection.finish)
        return self._wrong or differences(self._contents, self._inspection.walk)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except NotRdb as error:
            self._wrong = f"it is no whole RDB file: {error}"

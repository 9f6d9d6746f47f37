"""What changed between two configurations, with every value hidden that could be a secret. Pure.

Conservative: a value is shown only when its key does not sound like a secret and it is a switch, a small number, a
duration, a size or a log level. Of everything else, host names included, a fingerprint is shown: equal values of one
comparison have equal ones. Its key is random and gone with the comparison, so no value can be found by trying.
"""

from __future__ import annotations

import difflib
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dr.components import looks_secret
from dr.components.config.snapshot import Kept, Snapshot
from dr.components.config.values import text_of, values_of

ENVIRONMENT = "environment"
_KEY_BYTES = 32
_FINGERPRINT_BYTES = 4


class How(StrEnum):
    """What became of it."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``place`` is a path, or ``environment``.

    ``what`` is the key in it, ``line 7`` (of the later text, of the earlier one when removed), ``mode``, ``owner``,
    ``link``, or ``content`` where no more can be said; empty when it is the whole place. ``before`` and ``after`` are
    fit to be shown.
    """

    place: str
    what: str
    how: How
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """The differences from ``before`` to ``after``, which are labels or directories, and how many places are equal."""

    before: str
    after: str
    changes: tuple[Change, ...]
    same: int


class Mask:
    """Shows what may be shown. One per comparison."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_BYTES)

    def value(self, name: str, value: str) -> str:
        if looks_secret.harmless(value) and not looks_secret.secret_name(name):
            return value.strip() or "(empty)"
        return self._fingerprint(value)

    def name(self, name: str) -> str:
        """A key, unless a secret was made one."""
        return self._fingerprint(name) if looks_secret.secret_value(name) else name

    def _fingerprint(self, value: str) -> str:
        data = value.encode("utf-8", "surrogateescape")
        return f"#{hashlib.blake2b(data, key=self._key, digest_size=_FINGERPRINT_BYTES).hexdigest()}"


def compare(before: Snapshot, after: Snapshot, names: tuple[str, str]) -> ConfigDiff:
    """``names`` are those of the two. Changes come sorted by place, the environment first."""
    mask, same = Mask(), 0
    changes = list(_values(ENVIRONMENT, before.variables, after.variables, mask))
    same += sum(1 for name, value in before.variables.items() if after.variables.get(name) == value)
    env = before.environment_files | after.environment_files
    for path in sorted(before.paths.keys() | after.paths.keys()):
        found = list(_path(path, before.paths.get(path), after.paths.get(path), mask, env=path in env))
        changes += found
        same += not found
    return ConfigDiff(*names, tuple(changes), same)


def _path(path: str, old: Kept | None, new: Kept | None, mask: Mask, *, env: bool) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(path, "", How.ADDED if old is None else How.REMOVED)
        return
    if old.type is not new.type:
        yield Change(path, "", How.CHANGED, str(old.type), str(new.type))
        return
    if old.target != new.target:
        yield Change(path, "link", How.CHANGED, mask.name(old.target), mask.name(new.target))
    if old.kept.mode != new.kept.mode:
        yield Change(path, "mode", How.CHANGED, f"{old.kept.mode:04o}", f"{new.kept.mode:04o}")
    if (old.kept.uid, old.kept.gid) != (new.kept.uid, new.kept.gid):
        yield Change(path, "owner", How.CHANGED, _owner(old), _owner(new))
    if old.digest != new.digest:
        yield from _contents(path, old, new, mask, env=env)


def _owner(kept: Kept) -> str:
    return f"{kept.kept.user or kept.kept.uid}:{kept.kept.group or kept.kept.gid}"


def _contents(path: str, old: Kept, new: Kept, mask: Mask, *, env: bool) -> Iterator[Change]:
    whole = Change(path, "content", How.CHANGED)
    texts = [None if kept.data is None else text_of(kept.data) for kept in (old, new)]
    if texts[0] is None or texts[1] is None:
        yield whole
        return
    values = [values_of(path, text or "", env=env) for text in texts]
    if values[0] is None or values[1] is None:
        yield from _lines(path, texts[0].splitlines(), texts[1].splitlines(), mask)
        return
    found = list(_values(path, values[0], values[1], mask))
    yield from found or [Change(path, "content", How.CHANGED, "", "comments, order or quoting only")]


def _values(place: str, old: Mapping[str, str], new: Mapping[str, str], mask: Mask) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        shown = mask.name(name)
        if name not in old:
            yield Change(place, shown, How.ADDED, "", mask.value(name, new[name]))
        elif name not in new:
            yield Change(place, shown, How.REMOVED, mask.value(name, old[name]), "")
        elif old[name] != new[name]:
            yield Change(place, shown, How.CHANGED, mask.value(name, old[name]), mask.value(name, new[name]))


def _lines(place: str, old: list[str], new: list[str], mask: Mask) -> Iterator[Change]:
    """Nothing is known of a line's parts: it is shown by its number and fingerprint."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_begin, old_end, new_begin, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        both = min(old_end - old_begin, new_end - new_begin)
        for offset in range(both):
            number, before, after = new_begin + offset, old[old_begin + offset], new[new_begin + offset]
            yield Change(place, f"line {number + 1}", How.CHANGED, mask.value("key", before), mask.value("key", after))
        for number in range(old_begin + both, old_end):
            yield Change(place, f"line {number + 1}", How.REMOVED, mask.value("key", old[number]))
        for number in range(new_begin + both, new_end):
            yield Change(place, f"line {number + 1}", How.ADDED, "", mask.value("key", new[number]))

"""Is what was restored what was backed up: every file, link, mode and time, and every variable's value (I21)?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dr.catalog.manifest import Level
from dr.components.config import environment
from dr.components.config.inventory import Entry, Inventory, Type, variables_of
from dr.components.config.layout import ENVIRONMENT, FILES
from dr.components.tarball import group_here, owner_here
from dr.errors import BackupInvalid
from dr.policy.drill_verdict import Answer, Probe

_NAMED = 3


def files_probe(inventory: Inventory, directory: Path) -> Probe:
    """The tree against the inventory, both ways."""
    kept = inventory.of(Type.FILE, Type.DIRECTORY, Type.LINK)
    wrong = [f"{entry.path}: {reason}" for entry in kept if (reason := _differs(inventory, entry, directory / FILES))]
    known = {entry.member for entry in inventory.entries}
    above = {above for name in known for above in _above(name)}
    wrong += [f"{name}: not in the inventory" for name in _lying(directory / FILES) if name not in known | above]
    told = f"{len(inventory.of(Type.FILE))} files, {len(kept)} paths"
    return _probe("files", wrong, f"{told} as they were backed up")


def _above(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rsplit("/", 1)[0]
        yield name


def _lying(root: Path) -> Iterator[str]:
    for place, directories, names in os.walk(root):
        for name in (*directories, *names):
            yield os.path.relpath(f"{place}/{name}", root)


def _differs(inventory: Inventory, entry: Entry, root: Path) -> str:
    path = root / entry.member
    try:
        found = path.lstat()
    except OSError as error:
        return error.strerror or str(error)
    types = {Type.FILE: stat.S_ISREG, Type.DIRECTORY: stat.S_ISDIR, Type.LINK: stat.S_ISLNK}
    if not types[entry.type](found.st_mode):
        return f"no {entry.type}"
    if entry.type is Type.LINK:
        same = os.readlink(path) == entry.target  # noqa: PTH115 - a Path would tidy it up
        return "" if same else "leads elsewhere"
    if found.st_mode & 0o7777 != entry.kept.mode:
        return f"mode {found.st_mode & 0o7777:04o} instead of {entry.kept.mode:04o}"
    if os.geteuid() == 0 and (found.st_uid, found.st_gid) != _owners(entry):
        return "another owner"
    if found.st_mtime_ns != entry.kept.mtime_ns:
        return "another time"
    if entry.type is Type.FILE and inventory.digest(path.read_bytes()) != entry.digest:
        return "other content"
    return ""


def _owners(entry: Entry) -> tuple[int, int]:
    return owner_here(entry.kept.user, entry.kept.uid), group_here(entry.kept.group, entry.kept.gid)


def environment_probe(inventory: Inventory, directory: Path) -> Probe:
    """Every variable's value by its keyed hash: one that was masked on its way in or out has another."""
    path = directory / ENVIRONMENT
    try:
        found = environment.decode(path.read_bytes(), ENVIRONMENT)
    except (OSError, BackupInvalid) as error:
        return Probe("environment", Answer.FAILED, f"cannot be read: {error}", Level.QUERIED)
    there = {item.name: item.digest for item in variables_of(bytes.fromhex(inventory.key), found)}
    expected = {item.name: item.digest for item in inventory.variables}
    wrong = [f"{name}: absent" for name in expected.keys() - there.keys()]
    wrong += [f"{name}: nobody backed it up" for name in there.keys() - expected.keys()]
    wrong += [f"{name}: another value" for name in expected.keys() & there.keys() if expected[name] != there[name]]
    if path.stat().st_mode & 0o077:
        wrong.append(f"{ENVIRONMENT} can be read by others")
    return _probe("environment", sorted(wrong), f"{len(expected)} variables with the values that were backed up")


def unread_probe(inventory: Inventory) -> Probe | None:
    """What was never in it: nothing can be said of that, and it is not the copy's fault."""
    unread = inventory.unread
    if not unread:
        return None
    told = _told([f"{entry.path} ({entry.reason})" for entry in unread])
    return Probe("complete", Answer.UNPROVEN, f"could not be read when the backup was made: {told}", Level.QUERIED)


def _probe(name: str, wrong: list[str], good: str) -> Probe:
    if wrong:
        return Probe(name, Answer.FAILED, _told(wrong), Level.QUERIED)
    return Probe(name, Answer.PASSED, good, Level.QUERIED)


def _told(items: list[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return "; ".join(items[:_NAMED]).encode("utf-8", "backslashreplace").decode() + more

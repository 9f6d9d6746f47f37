"""Is the restored file what was backed up, and does a Redis serve it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Level, Manifest
from dr.components.redis.checksum import Checksum
from dr.components.redis.expected import Expected
from dr.components.redis.inventory import FILE, differences
from dr.components.redis.programs import Program, server_for, version_of
from dr.components.redis.rdb import Walk
from dr.components.redis.rdb_cursor import NotRdb
from dr.components.redis.scratch import LOAD_SECONDS, NotStarted, Sandbox, sandbox
from dr.components.redis.server import state_of
from dr.errors import ToolError
from dr.policy.drill_verdict import Answer, Probe

_DEFAULT_DATABASES = 16
_SHOWN = 3
_STEP_BYTES = 1 << 20
_KILLED = -9


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that was read through: what it holds, and what was expected of it."""

    walk: Walk
    expected: Expected


def question(manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
    """The file's own sums and counts first, then a server of our own on it."""
    contents = manifest.component or ComponentContents(manifest.begin)
    try:
        looked = look(contents, directory / FILE)
        wrong = differences(contents, looked.walk)
    except (NotRdb, OSError) as error:
        return (Probe(f"content of {FILE}", Answer.FAILED, str(error), Level.LISTED),)
    probe = Probe(f"content of {FILE}", *_passed(wrong, "whole, and the keys that were backed up"), Level.LISTED)
    return (probe, *_served(contents, looked, directory, scratch))


def look(contents: ComponentContents, path: Path, databases: tuple[int, ...] | None = None) -> Looked:
    """Read through a restored file. Raises ``NotRdb`` when it is not whole, OSError when it cannot be read."""
    expected = Expected(sum(item.count for item in contents.items), databases)
    with opened(path) as data:
        check = Checksum()
        for begin in range(0, len(data), _STEP_BYTES):
            check.feed(data[begin : begin + _STEP_BYTES])
        check.finish()
        return Looked(Walk(expected.on_key).over(data), expected)


def opened(path: Path) -> mmap:
    """The file's bytes. Raises ``NotRdb`` when there are none."""
    with path.open("rb") as stream:
        if path.stat().st_size == 0:
            raise NotRdb("it is empty")
        return mmap(stream.fileno(), 0, access=ACCESS_READ)


def _served(contents: ComponentContents, looked: Looked, directory: Path, scratch: Path) -> Iterator[Probe]:
    writer = contents.facts.get("server version", "")
    try:
        program = server_for(writer)
    except ToolError as error:
        yield Probe("boots", Answer.UNPROVEN, f"{error.message}: {error.hint}", Level.BOOTED, essential=True)
        return
    databases = max(_DEFAULT_DATABASES, *(database + 1 for database in (0, *looked.walk.keys)))
    try:
        with sandbox(program, directory, databases, scratch) as server:
            yield Probe("boots", Answer.PASSED, f"{program} loaded it in {server.seconds:.1f} s", Level.BOOTED)
            yield from _answers(server, looked)
    except NotStarted as error:
        yield _not_started(error, program, looked.walk, writer)
    except ToolError as error:
        yield Probe("boots", Answer.UNPROVEN, str(error), Level.BOOTED, essential=True)


def _answers(server: Sandbox, looked: Looked) -> Iterator[Probe]:
    client = server.client()
    counts = dict(state_of(client.info()).keys)
    if looked.walk.unknown:
        detail = f"the file has {looked.walk.unknown}, the server {sum(counts.values())} keys"
        yield Probe("number of keys", Answer.UNPROVEN, detail, Level.QUERIED)
        return
    expected = looked.expected
    total = sum(counts.values())
    wrong = "; ".join(expected.wrong_counts(counts))
    yield Probe("number of keys", *_passed(wrong, f"{total} keys in {len(counts)} databases"), Level.QUERIED)
    shown = "; ".join(islice(expected.wrong_keys(server.client), _SHOWN))
    good = f"{expected.sampled} of {total} keys looked at"
    yield Probe("types, sizes and expiry times", *_passed(shown, good), Level.QUERIED)
    if looked.walk.functions:
        found = len(client.execute_command("FUNCTION", "LIST"))
        wrong = "" if found == len(looked.walk.functions) else f"{found} libraries, not {len(looked.walk.functions)}"
        yield Probe("function libraries", *_passed(wrong, f"{found} libraries"), Level.QUERIED)


def _passed(wrong: str, good: str) -> tuple[Answer, str]:
    return (Answer.FAILED, wrong) if wrong else (Answer.PASSED, good)


def _not_started(error: NotStarted, program: Program, walk: Walk, writer: str) -> Probe:
    """Whose fault it is: an older server, a missing module or too little memory say nothing of the backup (I1, I27)."""
    lines = [line.partition(" # ")[2] or line for line in error.log.splitlines()]
    said = "; ".join([line for line in lines if line.strip() and "WARNING" not in line][-_SHOWN:])
    reason = _lacking(error, program, walk, writer)
    if reason:
        return Probe("boots", Answer.UNPROVEN, f"{reason}: {said}", Level.BOOTED, essential=True)
    return Probe("boots", Answer.FAILED, f"{program} does not load it: {said}", Level.BOOTED)


def _lacking(error: NotStarted, program: Program, walk: Walk, writer: str) -> str:
    if error.ended is None:
        return f"{program} had not loaded it after {LOAD_SECONDS:.0f} s"
    if "Wrong signature" in error.log:
        # Valkey's numbers say nothing of Redis's, and its files begin otherwise.
        return f"{program} is another make than the server that wrote it: install that one"
    if program.version[:2] < version_of(writer)[:2] or "handle RDB format version" in error.log:
        return (
            f"{program} is older than the Redis {writer} that wrote RDB version {walk.version}: install that or newer"
        )
    if walk.modules:
        return f"{program} lacks a module that the data needs"
    if error.ended.status == _KILLED or "Out Of Memory" in error.log:
        return "this host has too little memory for it"
    return ""

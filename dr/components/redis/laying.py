"""Bringing the file back, and what a person has to do so that a Redis takes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dr.catalog.manifest import ComponentContents
from dr.components.protocol import Laid, Source
from dr.components.redis.inventory import FILE
from dr.errors import ConfigurationError

_STEPS = (
    "stop the server without letting it save over the file: redis-cli SHUTDOWN NOSAVE",
    f"copy {FILE} into the directory of `dir`, under the name of `dbfilename`, owned by the account of Redis",
    (
        "with `appendonly yes` Redis ignores the file and begins empty: set `appendonly no` in its configuration "
        "first, and move appendonlydir/ (before Redis 7: appendonly.aof) aside"
    ),
    "start it and compare redis-cli INFO keyspace with the counts above; keys whose expiry has passed are gone",
    (
        "then redis-cli CONFIG SET appendonly yes, wait until INFO persistence says aof_rewrite_in_progress:0, "
        "and only now set `appendonly yes` in its configuration again"
    ),
)


def lay(source: Source, directory: Path, wanted: Sequence[str]) -> Laid:
    """The one file. ``wanted`` may name databases: they are chosen when it is put back, the file holds them all."""
    contents = source.manifest.component or ComponentContents(source.manifest.begin)
    check_wanted(contents, wanted)
    path = directory / FILE
    source.save(source.named(FILE), path)
    counts = ", ".join(f"{item.name} {item.count} keys" for item in contents.items) or "no keys"
    version = contents.facts.get("server version", "unknown")
    notes = (f"{FILE} of Redis {version}: {counts}; a server older than that may not read it", *_steps(contents))
    return Laid(sum(item.count for item in contents.items), path.stat().st_size, notes)


def _steps(contents: ComponentContents) -> tuple[str, ...]:
    steps = _STEPS if contents.facts.get("appendonly") == "yes" else _STEPS[:-1]
    return tuple(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def check_wanted(contents: ComponentContents, wanted: Sequence[str]) -> None:
    """Raises ``ConfigurationError`` unless all of ``wanted`` are databases of this backup, or the file itself."""
    names = [item.name for item in contents.items]
    strange = [name for name in wanted if name not in (*names, FILE)]
    if strange:
        raise ConfigurationError(
            f"this backup of Redis holds no {', '.join(strange)}", hint=f"It holds {', '.join(names) or 'no keys'}."
        )

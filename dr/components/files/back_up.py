"""A backup of uploads: what is used of earlier ones, the taking itself, and what the run may not be silent about."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog import file_index as index
from dr.catalog.file_index import Root, entry_of, header_of, pack_of
from dr.catalog.manifest import ComponentContents, Item, ObjectRecord
from dr.components.files.cache import Cache
from dr.components.files.index_lines import lines_of
from dr.components.files.index_writer import NAME
from dr.components.files.scan import Rules
from dr.components.files.take import Counts, Taker, is_empty
from dr.components.files.tidy import PackUse, worth_rewriting
from dr.components.protocol import Sink, Source
from dr.configuration.components.files import FilesSettings
from dr.errors import BackupInvalid, KeyUnusable, SourceInvalid, StoreError


def roots_of(directories: Sequence[Path]) -> tuple[Root, ...]:
    """Each directory, links in its own path followed, under a name that no other has: its last part, and a number."""
    names: dict[str, int] = {}
    roots = []
    for directory in directories:
        name = directory.name or "root"
        names[name] = names.get(name, 0) + 1
        roots.append(Root(name if names[name] == 1 else f"{name}-{names[name]}", os.path.realpath(directory)))
    return tuple(roots)


def back_up(settings: FilesSettings, state: Path, sink: Sink) -> ComponentContents:
    """Write packs and index into ``sink``. Raises ``SourceInvalid`` rather than keep a copy of an unmounted disk."""
    roots = roots_of(settings.directories)
    previous = sink.previous()
    before = _items_of(previous)
    for root in roots:
        _require_filled(root, before.get(root.name), settings)
    warnings: list[str] = []
    target = settings.pack_mib << 20
    cache = Cache(state, settings.reread_days)
    try:
        packs = {pack_of(key): record for key, record in sink.shared().items()}
        notes = _prepare(cache, packs, previous, target)
        taker = Taker(sink, cache, Rules(settings.exclude, settings.cross_file_systems), target)
        taken = taker.take(roots, lambda item: _judge(item, before.get(item.name), settings, warnings))
        referred = [packs[name] for name in sorted(cache.used) if name in packs]
        for record in referred:
            sink.refer(record)
        failures = [*cache.commit(datetime.now(UTC).toordinal()), *taker.paths.keep(state, str(sink.label))]
    finally:
        cache.close()
    notes += [failure for failure in failures if not any(failure in note for note in notes)]
    warnings += _warnings(taken.counts)
    warnings += [f"{name} was in the last backup and is not configured any more" for name in _dropped(roots, before)]
    facts = {**_facts(taken.counts), **taken.facts, "packs_referred": str(len(referred))}
    return ComponentContents(taken.at, taken.items, tuple(warnings), tuple(notes), facts)


def _items_of(previous: Source | None) -> Mapping[str, Item]:
    contents = previous.manifest.component if previous is not None else None
    return {item.name: item for item in contents.items} if contents is not None else {}


def _require_filled(root: Root, before: Item | None, settings: FilesSettings) -> None:
    """An unmounted disk is an empty directory: found before anything is written (I7)."""
    if before is not None and before.count and is_empty(os.fsencode(root.path)):
        _refuse_empty(root.path, before, settings)


def _refuse_empty(path: str, before: Item, settings: FilesSettings) -> None:
    if not settings.allow_empty:
        raise SourceInvalid(
            f"{path} is empty, and had {before.count} files in the last backup",
            hint="Look whether its disk is mounted. If it is meant to be empty: files.allow_empty = true.",
        )


def _judge(item: Item, before: Item | None, settings: FilesSettings, warnings: list[str]) -> None:
    """Compare a root with the last backup of it."""
    if before is None or not before.count:
        if not item.count:
            warnings.append(f"{item.name} holds no files")
        return
    if not item.count:
        _refuse_empty(item.detail, before, settings)
    if 2 * item.count < before.count:
        warnings.append(f"{item.name} has {item.count} files; the last backup had {before.count}")


def _prepare(cache: Cache, packs: Mapping[str, ObjectRecord], previous: Source | None, target: int) -> list[str]:
    """Tell the cache what it may rely on; where it has been lost, fill it from the last index if that opens here."""
    used = cache.packs_used()
    wasteful = worth_rewriting(
        {name: PackUse(item.plain_bytes or 0, used[name]) for name, item in packs.items() if name in used}, target
    )
    cache.use(set(packs) - wasteful)
    unknown = set(packs) - set(used)
    if not unknown or previous is None:
        return [cache.trouble] if cache.trouble else []
    try:
        _fill(cache, previous, unknown)
    except (KeyUnusable, BackupInvalid, StoreError) as error:
        why = cache.trouble or "this host does not know what is in the packs of earlier backups"
        return [f"{why}: every file is read, and what lies in {len(unknown)} packs is stored again ({error.message})"]
    return [cache.trouble] if cache.trouble else []


def _fill(cache: Cache, previous: Source, unknown: set[str]) -> None:
    origin = f"the index of {previous.manifest.label}"
    with lines_of(previous, previous.named(NAME)) as lines:
        header_of(next(lines, b""), origin)
        for line in lines:
            for piece in entry_of(line, origin).pieces:
                if piece.pack in unknown:
                    cache.place(piece.sha256, piece.pack)


def _dropped(roots: Sequence[Root], before: Mapping[str, Item]) -> list[str]:
    return sorted(set(before) - {root.name for root in roots})


def _warnings(counts: Counts) -> list[str]:
    """What is not in the copy. Counts only: which files they are, the index says."""
    told = []
    if counts.tally.unknown:
        told.append(f"{counts.tally.unknown} paths are not in it: the file system does not even tell what they are")
    if counts.unread:
        told.append(f"{counts.unread} paths could not be read; dr files LABEL --unread names them")
    if counts.changed:
        told.append(f"{counts.changed} files changed each time they were read; their last state is kept, maybe torn")
    if counts.tally.mounts:
        told.append(
            f"{counts.tally.mounts} mounted file systems were not entered; files.cross_file_systems enters them"
        )
    return told


def _facts(counts: Counts) -> dict[str, str]:
    found = {f"{name}_paths": str(count) for name, count in sorted(counts.by_type.items())}
    found |= {"read": str(counts.read), "vanished": str(counts.tally.vanished), "excluded": str(counts.tally.excluded)}
    found |= {"unread": str(counts.unread), "changed": str(counts.changed), "unknown": str(counts.tally.unknown)}
    return {name: count for name, count in found.items() if count != "0" or name == f"{index.FILE}_paths"}

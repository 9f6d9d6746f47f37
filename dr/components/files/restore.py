"""Bringing uploads back: the index first, then each pack that is needed once, several at a time.

A pack that is damaged in one store is taken from the next; what was already brought from it was proven by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dr.catalog.file_index import Header, Piece, pack_of
from dr.catalog.manifest import ObjectRecord, Role
from dr.components.files.index_lines import KEPT_AS, read_kept
from dr.components.files.index_writer import NAME
from dr.components.files.plan import Job, Plan
from dr.components.files.tar_members import DamagedTar, MemberReader
from dr.components.files.wanted import Wanted
from dr.components.protocol import Laid, Source
from dr.errors import BackupInvalid, StoreError, TargetRefused

_WORKERS = 4
_LARGE_BYTES = 256 << 10
"""Contents of that size on average are worth several threads: with small ones they would wait for each other."""
Needed = dict[str, list[tuple[Job, Piece]]]


def restore(source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
    """All of a backup, or the paths that ``wanted`` names. Raises ``BackupNotFound`` when one of them is not there."""
    source.save(source.named(NAME), directory / KEPT_AS)
    header, entries = read_kept(directory)
    selection = Wanted(header, wanted)
    plan = Plan(directory)
    try:
        for entry in entries:
            if selection.takes(entry):
                plan.add(entry)
        selection.require_met()
        plan.prepare()
        notes = _unpack(source, plan)
        plan.finish()
    except (FileExistsError, NotADirectoryError) as error:
        raise BackupInvalid("the index has two things under one path", str(error)) from error
    except OSError as error:
        raise TargetRefused(
            f"{directory} does not take what is restored: {error.strerror}",
            detail=str(error),
            hint="Give a directory on a file system with room that knows owners, links and attributes.",
        ) from error
    return Laid(plan.count, plan.bytes, (*notes, *_notes(header, directory, plan)))


def _unpack(source: Source, plan: Plan) -> list[str]:
    """Everything that lies in packs; a note for each that had to be taken from another store."""
    records = {pack_of(item.key): item for item in source.manifest.objects if item.role is Role.PACK}
    missing = sorted(set(plan.packs) - set(records))
    if missing:
        raise BackupInvalid(f"the index needs {missing[0]}, which the manifest does not list")
    if not plan.packs:
        return []
    contents = sum(len(needed) for needed in plan.packs.values())
    workers = min(_WORKERS, len(plan.packs)) if plan.bytes >= contents * _LARGE_BYTES else 1
    with ThreadPoolExecutor(workers, thread_name_prefix="unpack") as pool:
        todo = [pool.submit(_one_pack, source, records[name], needed, plan) for name, needed in plan.packs.items()]
        try:
            return [note for future in todo for note in future.result()]
        except BaseException:
            for future in todo:
                future.cancel()
            raise


def _one_pack(source: Source, record: ObjectRecord, needed: Needed, plan: Plan) -> list[str]:
    """What is ``needed`` of a pack, from the first store that gives it."""
    notes: list[str] = []
    last: BackupInvalid | StoreError | None = None
    for copy in (source, *source.others):
        try:
            _stream(copy, record, needed, plan)
            return notes
        except (BackupInvalid, StoreError) as error:
            last = error
            notes.append(f"{record.key} in store {copy.name} could not be used: {error.message}")
            if not needed:  # each content was proven by its own name before the damage showed
                return notes
    if last is None:
        raise BackupInvalid(f"there is no copy of {record.key}")
    raise last


def _stream(source: Source, record: ObjectRecord, needed: Needed, plan: Plan) -> None:
    reader = MemberReader()
    try:
        with source.chunks(record) as chunks:
            for chunk in chunks:
                for name, content in reader.feed(chunk):
                    for job, piece in needed.pop(name, ()):
                        plan.put(job, piece, content)
            reader.finish()
    except DamagedTar as error:
        raise BackupInvalid(f"{record.key} in store {source.name} is damaged", str(error)) from error
    if needed:
        raise BackupInvalid(f"{record.key} in store {source.name} lacks {len(needed)} contents that the index names")


def _notes(header: Header, directory: Path, plan: Plan) -> list[str]:
    told = [
        f"{directory / root.name} was {root.path}; rsync -aHAXS {directory / root.name}/ {root.path}/ puts it there"
        for root in header.roots
    ]
    told.append(f"{directory / KEPT_AS} is the backup's index: remove it when the copy has been compared")
    if plan.unread:
        told.append(f"{plan.unread} files could not be read when the backup was made, and are not in it")
    told += [f"{count} {what} could not be made as they were" for what, count in plan.shortfalls.counts.items()]
    return told

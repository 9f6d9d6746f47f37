"""Is what lies in a directory what was backed up? Every file is hashed again; nothing is shown but numbers."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Level, Manifest
from dr.components.secrets.layout import INDEX, SNAPSHOT, about_name, placed
from dr.components.secrets.records import Index, decode_document, decode_index, digest_of
from dr.components.secrets.sources import some
from dr.components.secrets.vault_snapshot import SnapshotScanner
from dr.errors import BackupInvalid
from dr.policy.drill_verdict import Answer, Probe

_CHUNK = 1 << 20


def questions(manifest: Manifest, directory: Path) -> tuple[Probe, ...]:
    """The index is the one that was stored; every value has its hash; nobody else can read them."""
    contents = manifest.component or ComponentContents(manifest.begin)
    try:
        stored = (directory / INDEX).read_bytes()
        index = decode_index(stored)
    except (OSError, BackupInvalid) as error:
        return (_probe("index of secrets", type(error).__name__),)
    same = hashlib.sha256(stored).hexdigest() == contents.facts.get("index_sha256")
    probes = [
        _probe(
            "index of secrets", "" if same else "it is not the one that was backed up", some(len(index.values), "hash")
        )
    ]
    for item in contents.items:
        if item.name == SNAPSHOT:
            probes.append(_probe("raft snapshot", _snapshot(directory / SNAPSHOT), f"{item.bytes} bytes"))
        else:
            wrong = _values(directory, index, item.name, item.count)
            probes.append(_probe(f"values of {item.name}", wrong, f"{some(item.count, 'secret')}, {item.detail}"))
    probes.append(_probe("permissions of secrets", _open_to_others(directory), "readable by their owner only"))
    return tuple(probes)


def _probe(name: str, wrong: str, well: str = "") -> Probe:
    return Probe(name, Answer.FAILED if wrong else Answer.PASSED, wrong or well, Level.QUERIED)


def _values(directory: Path, index: Index, source: str, secrets: int) -> str:
    try:
        about = decode_document((directory / about_name(source)).read_bytes())
        wrong = sum(
            1 for one in index.values if one.source == source and not _has(placed(directory, one.file), one.sha256)
        )
    except (OSError, BackupInvalid) as error:
        return f"cannot be read: {type(error).__name__}"
    if len(about.entries) != secrets:
        return f"{some(len(about.entries), 'secret')}, and {secrets} were backed up"
    return f"{some(wrong, 'value')} missing or not what was backed up" if wrong else ""


def _has(path: Path, digest: str) -> bool:
    return path.is_file() and digest_of(path.read_bytes()) == digest


def _snapshot(path: Path) -> str:
    scanner = SnapshotScanner()
    try:
        with path.open("rb") as stream:
            while data := stream.read(_CHUNK):
                scanner.feed(data)
    except OSError as error:
        return type(error).__name__
    return scanner.finish()


def _open_to_others(directory: Path) -> str:
    loose = 0
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            loose += bool(stat.S_IMODE(Path(folder, name).lstat().st_mode) & 0o077)
    return f"{some(loose, 'file')} can be read by others" if loose else ""

"""Which files of a stopped data directory hold pages that are not as they were written: ``pg_checksums``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from dr.pipeline.process import run
from dr.policy.damage import Damaged, What
from dr.postgres.account import account_for
from dr.postgres.installations import Installation
from dr.postgres.read_damage import NamedFile

_BAD = re.compile(r'checksum verification failed in file "(?P<file>[^"]+)", block (?P<block>\d+)')
_UNREAD = re.compile(r'could not (?:read|open)[^"]*"(?P<file>[^"]+)".*')
_SEGMENT = re.compile(r"(?:_[a-z]+)?(?:\.\d+)?$")


def damaged_files(
    directory: Path, installation: Installation, names: Mapping[str, NamedFile], seconds: float
) -> tuple[tuple[Damaged, ...], tuple[str, ...]]:
    """Damaged relations by name where ``names`` has their files, and what could not be told."""
    argv = (installation.program("pg_checksums"), "--check", "-D", str(directory))
    ended, output = run("pg_checksums", argv, account=account_for(directory), deadline_seconds=seconds)
    said = f"{output}\n{ended.stderr}"
    found = parse_damage(said, str(directory), names)
    if ended.status < 0:
        return found, (f"not all pages on disk were checked within {seconds:.0f} s",)
    if not ended.ok and not found:
        return (), (f"pages on disk could not be checked: {' '.join(ended.stderr.split())[-300:]}",)
    return found, ()


def parse_damage(said: str, directory: str, names: Mapping[str, NamedFile]) -> tuple[Damaged, ...]:
    """Read what ``pg_checksums`` said: one entry per relation, with its blocks."""
    blocks: dict[str, list[str]] = {}
    for match in _BAD.finditer(said):
        blocks.setdefault(_relation(match["file"], directory), []).append(match["block"])
    found = [_named(path, f"damaged pages on disk: {_shown(numbers)}", names) for path, numbers in blocks.items()]
    unread = {_relation(match["file"], directory): match[0] for match in _UNREAD.finditer(said)}
    found += [_named(path, message, names) for path, message in unread.items() if path not in blocks]
    return tuple(found)


def _relation(file: str, directory: str) -> str:
    """The path of a relation's first file, as PostgreSQL writes it, from that of any of its files."""
    path = file.removeprefix(directory).lstrip("/").removeprefix("./")
    folder, _, name = path.rpartition("/")
    return f"{folder}/{_SEGMENT.sub('', name)}"


def _named(path: str, said: str, names: Mapping[str, NamedFile]) -> Damaged:
    known = names.get(path)
    if known is None:
        return Damaged("", What.FILE, path, said)
    return Damaged(known.database, known.what, known.name, said)


def _shown(numbers: list[str]) -> str:
    shown = ", ".join(numbers[:5])
    return f"{len(numbers)} (block {shown}{', ...' if len(numbers) > 5 else ''})"

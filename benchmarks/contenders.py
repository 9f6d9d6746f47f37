"""Who competes: the stock programs as people combine them, pgBackRest, and our own operations.

A shell pipeline is run by a real shell, because that is what it is compared as. All encrypt with the same key and the
same settings of gpg. Restores count until the files are on the disk, because pgBackRest's does.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.arena import Arena
from benchmarks.ours import BASE, DUMP, ours
from benchmarks.outcomes import Contender, Outcome
from benchmarks.pgbackrest import PgBackRest
from dr.errors import PipelineError
from dr.pipeline.launch import child_environment
from dr.pipeline.process import Child
from dr.postgres.connection import client_environment

OURS_DUMP = "ours: dump (.sql.gz.gpg)"
SHELL_DUMP, SHELL_DUMP_DIRECTORY = "pg_dump | gzip | gpg", "shell-dump"
OURS_BASE = "ours: base backup"
PGBACKREST_BASE = "pgbackrest backup, zst 1, aes-256-cbc, 2 processes"
OURS_RESTORE = "ours: restore, not started"
PGBACKREST_RESTORE = "pgbackrest restore, 2 processes"
_GPG = (
    'gpg --homedir "$KEYS" --batch --no-tty --quiet --yes --trust-model always'
    ' --compress-algo none --cipher-algo AES256 --recipient "$TO" --encrypt'
)


def contenders(arena: Arena, *, pgbackrest: bool) -> tuple[Contender, ...]:
    """Everybody who can take part here. Restores use the base backup of the same round, so they come last."""
    found = [
        Contender(
            "dump", SHELL_DUMP, lambda: _shell(arena, SHELL_DUMP_DIRECTORY, f"pg_dump | gzip | {_GPG} > $OUT/dump")
        ),
        Contender("dump", OURS_DUMP, lambda: ours(arena, "dump", DUMP)),
        Contender(
            "dump",
            "pg_dump | gzip -1 | gpg",
            lambda: _shell(arena, "shell-dump-1", f"pg_dump | gzip -1 | {_GPG} > $OUT/dump"),
            every_round=False,
        ),
        Contender(
            "base backup",
            "pg_basebackup -Fp (plain files, not encrypted)",
            lambda: _shell(arena, "plain", "pg_basebackup -c fast -Fp -D $OUT/data"),
        ),
        Contender(
            "base backup",
            "pg_basebackup -Ft -D - | zstd -1 | gpg",
            lambda: _shell(
                arena, "piped", f"pg_basebackup -c fast -Ft -X fetch -D - | zstd -q -1 | {_GPG} > $OUT/base"
            ),
        ),
        Contender("base backup", OURS_BASE, lambda: ours(arena, "base", BASE)),
        Contender(
            "base backup",
            "pg_basebackup -Ft -z (gzip, not encrypted)",
            lambda: _shell(arena, "tar", "pg_basebackup -c fast -Ft -z -D $OUT"),
            every_round=False,
        ),
        Contender(
            "restore",
            "gpg -d | zstd -d | tar x",
            lambda: _until_on_disk(_shell(arena, "untar", _UNPACK), arena.work / "untar"),
        ),
        Contender("restore", OURS_RESTORE, lambda: _ours_restore(arena)),
    ]
    backrest = arena.pgbackrest
    if pgbackrest and backrest is not None:
        found.insert(5, Contender("base backup", PGBACKREST_BASE, lambda: _backrest_backup(arena, backrest)))
        found.append(Contender("restore", PGBACKREST_RESTORE, lambda: _backrest_restore(arena, backrest)))
    return tuple(found)


_UNPACK = 'gpg --homedir "$KEYS" --batch --quiet --decrypt $OUT/../piped/base | zstd -q -d | tar -x -C $OUT'


def _shell(arena: Arena, name: str, script: str) -> Outcome:
    """Run a pipeline in a shell that notices when any stage of it fails."""
    out = arena.empty(name)
    programs = arena.installation.directory
    environment = {
        **client_environment(arena.url),
        "KEYS": str(arena.key.home),
        "TO": arena.key.fingerprint,
        "OUT": str(out),
        "PATH": f"{programs}:{child_environment({})['PATH']}",
    }
    with Child(name, ("bash", "-o", "pipefail", "-c", script), environment=environment) as child:
        ended = child.wait()
    if not ended.ok:
        raise PipelineError(f"{script} failed", detail=str(ended))
    return Outcome(ended.wall_seconds, ended.cpu_seconds, size_of(out))


def _backrest_backup(arena: Arena, backrest: PgBackRest) -> Outcome:
    before = size_of(backrest.repository)
    ended = backrest.run("backup", "--type=full")
    return Outcome(ended.wall_seconds, ended.cpu_seconds, size_of(backrest.repository) - before)


def _backrest_restore(arena: Arena, backrest: PgBackRest) -> Outcome:
    target = arena.empty("backrest-restored")
    if backrest.account.uid is not None and not backrest.account.namespace:
        shutil.chown(target, backrest.account.uid, backrest.account.gid)
    ended = backrest.run("restore", f"--pg1-path={target}")
    return _until_on_disk(Outcome(ended.wall_seconds, ended.cpu_seconds, size_of(target)), target)


def _ours_restore(arena: Arena) -> Outcome:
    return _until_on_disk(ours(arena, "restore", BASE), arena.work / "restored")


def _until_on_disk(outcome: Outcome, directory: Path) -> Outcome:
    """Add the time that it takes to flush every restored file."""
    begin = time.monotonic()
    for item in directory.rglob("*"):
        if item.is_file() and not item.is_symlink():
            descriptor = os.open(item, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
    return replace(outcome, seconds=outcome.seconds + time.monotonic() - begin)


def size_of(path: Path) -> int:
    """Bytes of the files below ``path``."""
    return sum(item.stat().st_size for item in path.rglob("*") if item.is_file() and not item.is_symlink())

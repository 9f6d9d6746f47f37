"""Proof that our dump is what the shell pipeline makes: stock programs open it, and the SQL in it is the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.arena import Arena
from dr.errors import PipelineError
from dr.pipeline.process import Child

# pg_dump brackets its output with a random word, anew each time.
_UNWRAP = r"grep -a -v -E '^\\(un)?restrict '"
_OPEN = f'gpg --homedir "$KEYS" --batch --quiet --decrypt "$FILE" | gunzip | {_UNWRAP} | sha256sum'


def sql_digest(arena: Arena, file: Path) -> str:
    """sha256 of the SQL in an encrypted dump, opened with ``gpg`` and ``gunzip``."""
    environment = {"KEYS": str(arena.key.home), "FILE": str(file), "LC_ALL": "C"}
    argv = ("bash", "-o", "pipefail", "-c", _OPEN)
    with Child("gpg | gunzip | sha256sum", argv, environment=environment, stdout=subprocess.PIPE) as child:
        text = child.stdout.read().decode()
        ended = child.wait()
    if not ended.ok:
        raise PipelineError(f"{file.name} does not open with gpg and gunzip", detail=str(ended))
    return text.split()[0]


def same_sql(arena: Arena, theirs: str, ours: str) -> bool:
    """Whether the newest dumps below two directories of the comparison hold the same SQL."""
    (mine,) = (path for path in (arena.work / ours).rglob("*.sql.gz.gpg") if ".globals." not in path.name)
    return sql_digest(arena, arena.work / theirs / "dump") == sql_digest(arena, mine)

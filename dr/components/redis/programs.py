"""Where ``redis-server`` is on this host: in PATH, or beside the interpreter, where a wheel puts it."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from dr.errors import ToolError
from dr.pipeline.process import run

_NAMES = ("redis-server", "valkey-server")
_PLACES = ("/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/opt/redis/bin")
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Program:
    """A server program and its version."""

    path: Path
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.path.name} {'.'.join(map(str, self.version))}"


def version_of(text: str) -> tuple[int, int, int]:
    """The version that INFO tells; zeros when it tells none.

    >>> version_of("6.2.14")
    (6, 2, 14)
    """
    numbers = [int(part) for part in re.findall(r"\d+", text)[:3]]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch


def servers() -> tuple[Program, ...]:
    """Every server program here, each file once.

    A link is run by its own name: Debian's ``redis-server`` leads to a file that acts by the name it is called.
    """
    found: dict[Path, Program] = {}
    for name in _NAMES:
        places = (shutil.which(name), Path(sys.executable).parent / name, *(Path(place) / name for place in _PLACES))
        for place in places:
            if place is None or (target := Path(place).resolve()) in found:
                continue
            program = _inspect(Path(place))
            if program is not None:
                found[target] = program
    return tuple(found.values())


def server_for(writer: str) -> Program:
    """The oldest program that is not older than the server that wrote the file; the newest when all are older (I1).

    Raises ``ToolError`` when there is none at all.
    """
    programs = sorted(servers(), key=lambda program: program.version)
    if not programs:
        raise ToolError("no redis-server is installed here", hint="Install it (Debian: redis-server).")
    wanted = version_of(writer)[:2]
    return next((program for program in programs if program.version[:2] >= wanted), programs[-1])


def _inspect(path: Path) -> Program | None:
    if not path.is_file():
        return None
    try:
        ended, text = run(f"{path.name} --version", (path, "--version"), deadline_seconds=20)
    except ToolError:
        return None
    match = _VERSION.search(text)
    if not ended.ok or match is None:
        return None
    return Program(path, (int(match[1]), int(match[2]), int(match[3])))

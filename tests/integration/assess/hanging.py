"""Things that hang for real, each in its own process: peers that say nothing, a disk, a gpg, a resolver."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.conftest import FOREIGN, ROOT

_DETACH = 2
MARK = "DR_TEST_MARK"


@dataclass(frozen=True, slots=True)
class Asked:
    """One run of ``dr assess``: its answer, exit code, and wall seconds from the outside."""

    answer: dict[str, Any]
    screen: list[str]
    code: int
    seconds: float

    def of(self, subject: str, name: str = "") -> dict[str, Any]:
        """What was seen of one thing."""
        found = [item for item in self.answer["observations"] if item["subject"] == subject]
        return next(item for item in found if name in item["name"])


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Nothing of the caller's; MARK among ``more`` tells every process of the run from others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**clean, "HOME": str(directory), "PYTHONPATH": str(ROOT), **more}


def assess(directory: Path, *words: str, before: tuple[str, ...] = (), **variables: str) -> Asked:
    """Run it as an operator does, in ``directory``."""
    argv = (*before, sys.executable, "-m", "dr.cli", "assess", "--json", *words)
    begin = time.monotonic()
    ended = subprocess.run(
        argv, cwd=directory, env=environment(directory, **variables), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    seconds = time.monotonic() - begin
    assert ended.stdout, ended.stderr
    answer = msgspec.json.decode(ended.stdout)
    return Asked(answer, answer.get("screen", []), ended.returncode, seconds)


@contextmanager
def silent_peer(*words: str) -> Iterator[int]:
    """A port where everybody may connect and nobody is answered."""
    argv = (sys.executable, "-m", "tests.endpoints.silent", *words)
    with _process(argv) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def hung_disk(directory: Path) -> Iterator[Path]:
    """A mounted file system that answers nothing. Raises OSError where this host does not let us mount."""
    directory.mkdir()
    with _process((sys.executable, "-m", "tests.endpoints.hung_mount", str(directory))) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise OSError("no FUSE here")
            yield directory
        finally:
            process.kill()  # whoever hangs on it comes back then
            ctypes.CDLL(None).umount2(str(directory).encode(), _DETACH)


@contextmanager
def _process(argv: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def hung_gpg(directory: Path) -> Path:
    """A directory for PATH in which gpg never comes back."""
    directory.mkdir()
    program = directory / "gpg"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    return directory


def marked(mark: str) -> dict[int, str]:
    """The processes that were begun under a mark and still run, by number: their state and command."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}\0".encode() in (place / "environ").read_bytes():
                state = (place / "stat").read_text().rpartition(")")[2].split()[0]
                found[int(place.name)] = f"{state} {(place / 'cmdline').read_text()}"
    return found


def configuration(system: Mapping[str, object], directory: Path) -> Path:
    """``dr.toml`` of a system called ``shop``, private."""
    file = directory / "dr.toml"
    rows = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in system.items()]
    file.write_text("[system.shop]\n" + "\n".join(rows) + "\n")
    file.chmod(0o600)
    return file

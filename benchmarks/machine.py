"""On what this was measured; figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib.metadata import version
from pathlib import Path

from dr.pipeline.process import run
from dr.postgres.installations import Installation


def facts(installation: Installation) -> dict[str, str]:
    """Processor, memory, load and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_processor()}, {memory:.0f} GiB of memory",
        "system": platform.platform(terse=True),
        "load at the beginning": f"{os.getloadavg()[0]:.1f}",
        "PostgreSQL": f"{installation.version} ({installation.directory})",
        "Python": f"{platform.python_version()}, isal {version('isal')}, zstandard {version('zstandard')}",
        **{name: _version(name, *arguments) for name, *arguments in _PROGRAMS},
    }


_PROGRAMS = (("gpg", "--version"), ("gzip", "--version"), ("zstd", "--version"), ("pgbackrest", "version"))


def _processor() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else platform.machine()


def _version(name: str, *arguments: str) -> str:
    if shutil.which(name) is None:
        return "NOT INSTALLED"
    _, text = run(name, (name, *arguments), deadline_seconds=20)
    match = re.search(r"\d+\.\d+[.\d]*", text)
    return match[0] if match else "unknown"

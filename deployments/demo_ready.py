"""What the demo system announces when all of it answers: a small file, read without loading the demo itself.

``make down`` must work where the demo's own libraries do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """What other processes need to know of it."""

    pid: int
    system: str
    file: str
    port: int
    database: str
    megabytes: int
    note: str


def read_ready(file: Path) -> Ready | None:
    """What the process has announced, None while it has not."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return Ready(**told)

"""What the demo system announces when all of it answers: a small file, read without loading the demo itself.

``make down`` must work where the demo's own libraries do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """What other processes need to know of it. ``alerts`` is the page on which its alerts arrive."""

    pid: int
    system: str
    file: str
    port: int
    database: str
    megabytes: int
    note: str
    shop_port: int
    alerts: str


def read_ready(file: Path) -> Ready | None:
    """What the process has announced, None while it has not, or where an older one did."""
    try:
        return Ready(**json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None

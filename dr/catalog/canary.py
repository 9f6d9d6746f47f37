"""A canary row: what a recovery counts its loss by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Beat:
    """One row: its number and the server's time when it was written (UTC)."""

    seq: int
    committed_at: datetime

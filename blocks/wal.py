"""The form of how WAL comes in and goes out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Wal(BaseModel):
    """How WAL comes in and goes out: what makes a recovery to any moment possible."""

    method: Literal["receive", "archive", "none"] = Field(
        default="receive",
        title="Method",
        description="receive: streamed by `dr wal receive`; archive: the server's archive_command fills the spool.",
    )
    slot: str = Field(default="", title="Slot", description="Replication slot of the receiver. Empty: dr_SYSTEM.")
    spool: str = Field(
        default="",
        title="Spool",
        description="Absolute path where segments wait until they are stored. Empty: under the state directory.",
    )
    partial_seconds: int = Field(
        default=30, ge=1, title="Open segment every", description="Seconds after which it is stored as it is."
    )
    workers: int = Field(default=2, ge=1, title="Workers", description="Segments on their way at once.")

"""The form of what a drill does besides restoring."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Drill(BaseModel):
    """What a drill does besides restoring. Paths are absolute, on the worker."""

    directory: str = Field(
        default="", title="Directory", description="Where copies are restored to. Empty: under the state directory."
    )
    assertions: str = Field(
        default="",
        title="Assertions",
        description="Directory of SQL files, each with the answer that a restored copy must give.",
    )
    masking: str = Field(
        default="", title="Masking", description="Directory of SQL files run in a restored copy before anything else."
    )
    health_check: str = Field(
        default="", title="Health check", description="Command that asks a restored copy as the application would."
    )
    keep_failed: int = Field(
        default=2, ge=1, title="Red copies kept", description="Red drills whose copies are left to be looked into."
    )
    max_age_days: int = Field(
        default=7, ge=1, title="Green every", description="Days after which a system without a green drill is unproven."
    )

"""Prefect's progress artifacts as a display: one artifact per step of a run, updated in place."""

from __future__ import annotations

import re
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.prefect_patience import UNREACHED, ask


class ProgressArtifacts:
    """Shows each step's percentage in Prefect's UI. Used by one thread, in the context of the flow run."""

    failures: tuple[type[Exception], ...] = UNREACHED

    def __init__(self) -> None:
        self._artifacts: dict[str, UUID] = {}

    def show(self, step: str, percent: float) -> None:
        """Create the step's artifact, or update it."""
        known = self._artifacts.get(step)
        if known is None:
            key = "progress-" + (re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-") or "step")
            made = ask(lambda: create_progress_artifact(percent, key=key, description=f"{step}: bytes moved"))
            self._artifacts[step] = cast("UUID", made)
        else:
            ask(lambda: update_progress_artifact(known, percent))

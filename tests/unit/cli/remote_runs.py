"""Remote runs as the waiting ends with them, without a server."""

from __future__ import annotations

from deployments.submitting import RemoteRun


def failed(message: str) -> RemoteRun:
    """A run that failed with this message."""
    return RemoteRun("0", "daily-backup-shop", "Failed", message, completed=False, artifacts=())

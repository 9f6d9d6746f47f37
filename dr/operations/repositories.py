"""The repository of a configured system, opened."""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations.known_stores import open_known
from dr.storage.repository import Repository


def open_repository(system: System, *, cloud: bool = True) -> Repository:
    """All stores of the system, or with ``cloud`` False only those on this machine."""
    chosen = [settings for settings in system.stores if cloud or settings.kind == "local"]
    if not chosen:
        raise ConfigurationError(
            f"{system.name} has no {'' if cloud else 'local '}store",
            hint="Give it one: DR_BACKUP_ROOT for a directory, AWS_BACKUP_BUCKET for S3, "
            "or [system.NAME.stores.*] in dr.toml.",
        )
    return Repository(system.name, [open_known(system, settings) for settings in chosen])

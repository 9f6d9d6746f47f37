"""Every other system that this host's configuration describes: what has to be known before anything is broken."""

from __future__ import annotations

import os

from dr.configuration import load
from dr.configuration.file import find_file, read_file
from dr.configuration.model import System
from dr.errors import ConfigurationError, TargetRefused
from dr.evidence.approvals import NOTHING


def other_systems(name: str) -> tuple[System, ...]:
    """All systems of the file but the one called ``name``.

    Raises ``TargetRefused`` when one of them cannot be read: it might be the production of what is to be broken.
    """
    path = find_file(None, os.environ)
    document = read_file(path) if path is not None else None
    found = []
    for other in document.systems if document is not None else ():
        if other == name:
            continue
        try:
            found.append(load(other, file=path, require_postgres=False, require_encryption=False).system)
        except ConfigurationError as error:
            raise TargetRefused(
                f"it cannot be told whether {name} is the production of {other}: {error.message}",
                detail=NOTHING,
                hint=f"Correct the settings of {other} first.",
            ) from error
    return tuple(found)

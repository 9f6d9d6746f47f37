"""Environment configuration: its files and variables, and what changed between two backups of them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dr.components.config.component import Component, scanner

__all__ = ["Component", "scanner"]


def __getattr__(name: str) -> object:
    """Imported when it is asked for: the supervisor of a service reads environment files, and needs nothing of this."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.component"), name)

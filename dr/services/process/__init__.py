"""A plain command as a service: a supervisor of our own keeps it running, for products that have no service manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dr.services.process.driver import ProcessService

__all__ = ["ProcessService"]


def __getattr__(name: str) -> object:
    """Imported when it is asked for: a supervisor needs nothing of the driver, and a service waits for it to begin."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dr.services.process.driver import ProcessService

    return ProcessService

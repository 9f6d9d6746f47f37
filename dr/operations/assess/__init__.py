"""How is a system, how bad is that, and what to do next: probed in parallel, in under ten seconds whatever hangs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dr.operations.assess.assessing import Assessment, assess
    from dr.operations.assess.prober import Prober
    from dr.operations.assess.screen import lines

__all__ = ["Assessment", "Prober", "assess", "lines"]
_ROOMS = {"Assessment": "assessing", "Prober": "prober", "assess": "assessing", "lines": "screen"}


def __getattr__(name: str) -> object:
    """Imported when it is asked for: the processes that only ask need none of it, and have to begin quickly."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)

"""Which packs to write anew: those that are mostly waste, and the many small ones of quiet days. Pure.

The host that makes backups need not be able to open them, but it has the files: what still lies in such a pack is read
from its file again. The old pack goes when the last backup that needs it has expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SMALL_PACKS = 32
"""So many packs of less than a quarter of the target are left alone: a month of daily backups."""


@dataclass(frozen=True, slots=True)
class PackUse:
    """``held`` plain bytes are in it, of which the last backup used ``used``."""

    held: int
    used: int


def worth_rewriting(packs: Mapping[str, PackUse], target: int) -> frozenset[str]:
    """Packs less than half used, and the small ones when there are more than ``SMALL_PACKS``."""
    wasteful = {name for name, use in packs.items() if 2 * use.used < use.held}
    small = {name for name, use in packs.items() if 4 * use.held < target} - wasteful
    return frozenset(wasteful | (small if len(small) > SMALL_PACKS else set()))

"""File uploads: contents deduplicated into packs, an index for each backup, restored exactly as they were.

``take`` writes what ``restore`` and ``listing`` read; ``docs/components/files.md`` describes the format.
"""

from __future__ import annotations

from dr.components.files.component import Component
from dr.components.files.listing import list_files
from dr.components.files.scanners import scanner

__all__ = ["Component", "list_files", "scanner"]

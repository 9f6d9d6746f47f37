"""How a component's objects are named in a store."""

from __future__ import annotations

from dr.catalog.manifest import Compression

_ENDINGS = {Compression.GZIP: ".gz", Compression.ZSTD: ".zst", Compression.NONE: ""}


def stored_name(name: str, compression: Compression) -> str:
    """An object's name without the ending that encryption adds.

    >>> stored_name("dump.rdb", Compression.ZSTD)
    'dump.rdb.zst'
    """
    return name + _ENDINGS[compression]

"""Which objects of a backup are its own, and which it shares with earlier ones of its kind. Pure.

What a backup wrote itself goes and is proven with it. A shared object of an earlier one is never removed with this one.
"""

from __future__ import annotations

from dr.catalog.labels import shared_prefix
from dr.catalog.manifest import Manifest, ObjectRecord


def is_shared(manifest: Manifest, item: ObjectRecord) -> bool:
    """Whether other backups of its kind may refer to this object."""
    return item.key.startswith(shared_prefix(manifest.system, manifest.kind))


def is_own(manifest: Manifest, item: ObjectRecord) -> bool:
    """Whether this backup wrote the object: the name of a shared one begins with its writer's label."""
    return not is_shared(manifest, item) or item.key.rsplit("/", 1)[-1].startswith(f"{manifest.label}-")


def own_bytes(manifest: Manifest) -> int:
    """Stored bytes of what it wrote itself."""
    return sum(item.stored_bytes for item in manifest.objects if is_own(manifest, item))

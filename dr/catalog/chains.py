"""Chains of base backups: an incremental one, its parent, and so on back to a full one."""

from __future__ import annotations

from collections.abc import Mapping

from dr.catalog.labels import Kind, Method
from dr.catalog.manifest import Manifest
from dr.errors import BackupInvalid

_HINT = "Use an older backup (dr list shows what there is), and make a full one: dr backup --full."


def is_incremental(manifest: Manifest) -> bool:
    """Whether it is worth nothing without its parent."""
    return manifest.parsed_label.method is Method.INCREMENTAL


def chain_to(label: str, known: Mapping[str, Manifest]) -> tuple[Manifest, ...]:
    """All that is needed to restore ``label``, the full one first. Raises ``BackupInvalid`` when a link is missing.

    ``known`` is by label; KeyError is raised only when ``label`` itself is not in it.
    """
    chain = [known[label]]
    while is_incremental(chain[0]):
        child = chain[0]
        parent = known.get(child.parent or "")
        if parent is None:
            raise BackupInvalid(f"{child.label} needs {child.parent or 'a parent'}, which is not there", hint=_HINT)
        if parent in chain:
            raise BackupInvalid(f"{child.label} names {parent.label} as its parent, which needs it itself", hint=_HINT)
        if parent.kind is not Kind.BASE or parent.system_identifier != child.system_identifier:
            raise BackupInvalid(f"{child.label} names {parent.label} of another cluster as its parent", hint=_HINT)
        chain.insert(0, parent)
    return tuple(chain)

"""The record of proofs beside each manifest: read with it, and added to by whoever has verified a copy."""

from __future__ import annotations

from dr.catalog import labels
from dr.catalog.labels import Label
from dr.catalog.manifest import Verification
from dr.catalog.proofs import Proofs, from_json, to_json
from dr.errors import BackupInvalid, ObjectMissing
from dr.storage.protocol import Store

_ATTEMPTS = 3


def read_proofs(store: Store, system: str, label: Label) -> Proofs:
    """What was proven after publication; empty when nothing was. Raises ``BackupInvalid`` and StoreError."""
    key = labels.proofs_key(system, label)
    try:
        found = from_json(store.read_bytes(key), f"{store.name}:{key}")
    except ObjectMissing:
        return Proofs(str(label))
    if found.label != str(label):
        raise BackupInvalid(
            f"{store.name}:{key} is the record of {found.label}",
            hint="Somebody copied or renamed it. Remove it and verify the backup again: dr verify-backup LABEL.",
        )
    return found


def add_proof(store: Store, system: str, label: Label, proof: Verification) -> None:
    """Add one to a store's record. A damaged record is begun anew.

    A verification and a drill may add at the same time: it is read again, and added again where it has gone.
    """
    key = labels.proofs_key(system, label)
    for _ in range(_ATTEMPTS):
        known = _known(store, system, label)
        if proof in known.proofs:
            break
        store.put_bytes(key, to_json(known.with_proof(proof)))
    try:
        store.head(labels.manifest_key(system, label))
    except ObjectMissing:
        store.delete(key)  # the backup expired while it was verified


def _known(store: Store, system: str, label: Label) -> Proofs:
    try:
        return read_proofs(store, system, label)
    except BackupInvalid:
        return Proofs(str(label))

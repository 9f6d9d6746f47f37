"""Make a proven backup visible: the manifest is written last, and only to stores whose copy was read back well."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from dr.catalog import labels
from dr.catalog.chains import is_incremental
from dr.catalog.labels import Kind, Method
from dr.catalog.manifest import Verification
from dr.catalog.sharing import is_own
from dr.configuration.model import System
from dr.errors import BackupInvalid, ObjectMissing, StoreError
from dr.operations.draft import Draft
from dr.operations.repositories import open_repository
from dr.policy.size_band import judge_size
from dr.storage.all_failed import all_of
from dr.storage.protocol import Store
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A backup that exists from now on. ``problems`` is empty when everything asked for was achieved."""

    label: str
    kind: str
    stores: tuple[str, ...]
    level: str
    stored_bytes: int
    problems: tuple[str, ...]


def publish(system: System, draft: Draft, verifications: Sequence[Verification]) -> Published:
    """Write the manifest to the stores whose copy is proven. Raises ``BackupInvalid`` when there is none."""
    repository = open_repository(system)
    good = tuple(proof.store for proof in verifications if proof.passed)
    problems = [f"store {failure.store}: {failure.message}" for failure in draft.failures]
    problems += [f"store {proof.store}: {proof.detail}" for proof in verifications if not proof.passed]
    if draft.manifest.component is not None:
        problems += draft.manifest.component.warnings
    if not good:
        _discard(repository, draft)
        raise BackupInvalid(
            f"no copy of {draft.manifest.label} could be read back",
            detail="; ".join(problems),
            hint="The objects were removed and older backups were kept. Look at the stores before the next run.",
        )
    judgement = judge_size(draft.manifest.stored_bytes, _earlier_sizes(repository, draft))
    if not judgement.in_band:
        problems.append(f"size out of band: {judgement.reason}; the backup is kept, look at what changed")
    passed = tuple(proof for proof in verifications if proof.passed)
    manifest = dataclasses.replace(draft.manifest, stores=good, verifications=passed)
    _write_notes(repository, good)
    failures, written = repository.publish(manifest)
    problems += [f"store {name}: {error.message}" for name, error in failures.items()]
    if not written:
        raise all_of(failures)
    level = manifest.proven_level()
    logger.info("published %s in %s", manifest.label, ", ".join(written))
    return Published(
        label=manifest.label,
        kind=str(manifest.kind),
        stores=written,
        level=level.name.lower() if level else "stored",
        stored_bytes=manifest.stored_bytes,
        problems=tuple(problems),
    )


def _earlier_sizes(repository: Repository, draft: Draft, count: int = 7) -> list[int]:
    """Sizes to compare with: an incremental one has no usual size, what changes in a day varies, and says nothing.
    Nor have logs, of which each backup holds what is new.
    """
    if is_incremental(draft.manifest) or draft.manifest.kind is Kind.LOGS:
        return []
    sizes: list[int] = []
    names = repository.names()
    for label, holders in names.newest_first((draft.manifest.kind,), None):
        if label.method is Method.INCREMENTAL or label == draft.manifest.parsed_label:
            continue
        # One copy tells the size; the next store is asked where it cannot be read.
        found = next((item for name in holders if (item := names.read(label, (name,), []))), None)
        if found is not None:
            sizes.append(found.manifest.stored_bytes)
        if len(sizes) == count:
            break
    return sizes


def _discard(repository: Repository, draft: Draft) -> None:
    for name in draft.manifest.stores:
        # What it only refers to belongs to earlier backups.
        for item in (one for one in draft.manifest.objects if is_own(draft.manifest, one)):
            try:
                repository.store(name).delete(item.key)
            except StoreError:
                continue  # without a manifest it is never listed, and swept after the grace time


def _write_notes(repository: Repository, names: Sequence[str]) -> None:
    """RESTORE.md lies beside the backups, for the day on which this program is gone."""
    text = files("dr.operations").joinpath("restore_notes.md").read_text(encoding="utf-8")
    data = text.replace("{system}", repository.system).encode()
    key = labels.restore_notes_key(repository.system)
    for name in names:
        store = repository.store(name)
        try:
            if _read(store, key) != data:
                store.put_bytes(key, data)
        except StoreError:
            continue  # the manifest goes to the same store next, and its failure is reported


def _read(store: Store, key: str) -> bytes | None:
    try:
        return store.read_bytes(key)
    except ObjectMissing:
        return None

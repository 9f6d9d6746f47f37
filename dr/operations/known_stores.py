"""Which directories this host has used as stores, so that one whose disk is not mounted is not taken for a new one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from dr.catalog.labels import restore_notes_key, system_record_key
from dr.configuration.model import StoreSettings, System
from dr.errors import ConfigurationError
from dr.storage.emptied import GuardedStore
from dr.storage.opening import open_store
from dr.storage.protocol import Store


def open_known(system: System, settings: StoreSettings) -> Store:
    """The store; where a directory that this host has used lost all that it held of the system, now or later while
    this process runs, whoever uses it is told so.
    """
    store = open_store(settings)
    if settings.path is None:
        return store
    root = settings.path.absolute()
    note = _note(system, settings.name)
    known = _noted(note) == str(root)
    try:
        # Written with the first backup that is published: what an unfinished one leaves is no loss.
        in_use = (root / restore_notes_key(system.name)).exists()
    except OSError:
        return store  # it says what is wrong with it when it is used
    if in_use and not known:
        _remember(note, root)
    return GuardedStore(store, system.name, lambda: _holds(system.name, root), before=known or in_use)


def _holds(system: str, root: Path) -> bool:
    """Not whether there is a directory: a receiver that runs makes it anew on the disk below."""
    try:
        return any((root / key).exists() for key in (restore_notes_key(system), system_record_key(system)))
    except OSError:
        return True  # it says what is wrong with it when it is used


def begin_anew(system: System, name: str) -> str:
    """Forget what a store held: the next backup begins it as a new one. Returns its location."""
    settings = next((item for item in system.stores if item.name == name), None)
    if settings is None:
        known = ", ".join(item.name for item in system.stores)
        raise ConfigurationError(f"{system.name} has no store {name!r}", hint=f"It has: {known}.")
    store = open_store(settings)
    _note(system, name).unlink(missing_ok=True)
    return store.location


def _note(system: System, store: str) -> Path:
    return system.state_directory / "stores" / system.name / f"{store}.json"


def _noted(note: Path) -> str:
    try:
        held = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return ""
    return str(held.get("location", "")) if isinstance(held, dict) else ""


def _remember(note: Path, root: Path) -> None:
    # Who may read copies need not be able to write this host's notes: then nothing is remembered, and nothing lost.
    with contextlib.suppress(OSError):
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = note.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps({"location": str(root)}))
        partial.replace(note)

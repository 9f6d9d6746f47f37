"""Where the objects of one backup go: the stores that still take part, and the way back when something fails."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from dr.catalog.labels import Kind, Label, Method, object_prefix
from dr.errors import StoreError
from dr.operations.draft import StoreFailure
from dr.pipeline.write import Written
from dr.storage.protocol import Store
from dr.storage.repository import Repository


def free_label(repository: Repository, kind: Kind, now: datetime, method: Method = Method.FULL) -> Label:
    """A label whose second no backup of its kind has in any store: one later when two are asked for within one."""
    label = Label(now.replace(microsecond=0), kind, method)
    while any(_taken(store, repository.system, label) for store in repository.stores.values()):
        label = Label(label.created + timedelta(seconds=1), kind, method)
    return label


def _taken(store: Store, system: str, label: Label) -> bool:
    methods = tuple(Method) if label.kind is Kind.BASE else (Method.FULL,)
    with contextlib.suppress(StoreError):
        return any(
            next(iter(store.list(object_prefix(system, Label(label.created, label.kind, method)))), None) is not None
            for method in methods
        )
    return False


class Destination:
    """The stores of one backup in the making. Unless ``keep`` is called, leaving removes every object written."""

    def __init__(self, repository: Repository, label: Label) -> None:
        self.system = repository.system
        self.label = label
        self._repository = repository
        self._open = dict(repository.stores)
        self._failures: dict[str, StoreFailure] = {}
        self._written: dict[str, list[str]] = {name: [] for name in self._open}
        self._kept = False

    @property
    def open_stores(self) -> Mapping[str, Store]:
        """The stores that have taken everything so far."""
        return self._open

    @property
    def stores(self) -> tuple[str, ...]:
        return tuple(self._open)

    @property
    def failures(self) -> tuple[StoreFailure, ...]:
        return tuple(self._failures.values())

    def note(self, written: Written) -> None:
        """Remember what is where. A store that lacks one object of a backup drops out of all of it."""
        for name in written.stores:
            self._written[name].append(written.record.key)
        for name, error in written.failures.items():
            self.drop(name, error)

    def drop(self, name: str, error: StoreError) -> None:
        """Go on without a store that fails. What was written to it so far is removed."""
        self._failures[name] = StoreFailure(name, error.message, error.hint)
        if self._open.pop(name, None) is not None:
            self._remove(name)

    def keep(self) -> None:
        """The backup is complete; its objects stay."""
        self._kept = True

    def _remove(self, name: str) -> None:
        # What cannot be removed now has no manifest: it is never listed and is swept after the grace time.
        for key in self._written[name]:
            with contextlib.suppress(StoreError):
                self._repository.store(name).delete(key)

    def __enter__(self) -> Destination:
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._kept:
            for name in self._open:
                self._remove(name)

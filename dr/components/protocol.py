"""What a component must do: read its source into streams, bring them back into a directory, and answer questions.

A component knows nothing of stores, encryption, manifests or retention: it writes plain bytes into a ``Sink`` and reads
them from a ``Source``. What it wrote is compressed, encrypted, hashed, stored everywhere, read back and published by
``dr.operations.component``, the same way for every kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from dr.catalog.labels import Label
from dr.catalog.manifest import ComponentContents, Compression, Manifest, ObjectRecord, Role
from dr.pipeline.process import Exit
from dr.policy.drill_verdict import Probe
from dr.storage.protocol import Store


class Intake(Protocol):
    """One object in the making."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next plain bytes; blocks while the stages below are busy."""
        ...

    def ended(self, source: Exit) -> None:
        """How the process ended that the bytes came from: unless it ended well, the object is undone (I12)."""
        ...


class Sink(Protocol):
    """Where a backup goes. Nothing of it is listed before all of it is stored, read back and proven."""

    @property
    def label(self) -> Label: ...

    @property
    def stores(self) -> Mapping[str, Store]:
        """The stores that have taken everything so far."""
        ...

    def object(
        self,
        name: str,
        *,
        role: Role = Role.CONTENT,
        compression: Compression = Compression.ZSTD,
        shared: bool = False,
    ) -> AbstractContextManager[Intake]:
        """Write one object. ``name`` is a file name without the endings that compression and encryption add.

        A clean exit makes it part of the backup, an exception leaves nothing of it. ``shared`` puts it where several
        backups of a kind can refer to it; it must then have a name that no other content can have.
        """
        ...

    def previous(self) -> Source | None:
        """The newest published backup of this kind. Anybody can read its manifest, its objects with the key only."""
        ...

    def shared(self) -> Mapping[str, ObjectRecord]:
        """The shared objects, by key, that ``refer`` may name: proven by earlier backups and whole in every store."""
        ...

    def refer(self, record: ObjectRecord) -> None:
        """Make a shared object, stored by an earlier backup, part of this one."""
        ...

    @property
    def records(self) -> tuple[ObjectRecord, ...]:
        """The objects so far."""
        ...


class Source(Protocol):
    """Where a backup is read from: one store's copy."""

    @property
    def name(self) -> str:
        """The store's name."""
        ...

    @property
    def manifest(self) -> Manifest: ...

    @property
    def others(self) -> Sequence[Source]:
        """The copies in further stores, for what turns out damaged in this one."""
        ...

    def chunks(self, item: ObjectRecord) -> AbstractContextManager[Iterator[bytes]]:
        """The plain bytes of one object. Rely on them only after the context ended: a clean exit compares all hashes.

        Leaving early, before the iterator is exhausted, reads the rest: damage is never overlooked.
        """
        ...

    def named(self, name: str) -> ObjectRecord:
        """The object that was written under this name. Raises ``BackupInvalid`` when there is none."""
        ...

    def read(self, item: ObjectRecord, limit: int = 64 << 20) -> bytes:
        """The whole of a small object, proven. Raises ``BackupInvalid`` above ``limit`` bytes."""
        ...

    def save(self, item: ObjectRecord, path: Path) -> None:
        """Write one object into a new file of mode 0600; on failure none is left."""
        ...


class Scanner(Protocol):
    """Looks at the plain bytes of an object that is read back, without restoring it: proof of level ``listed``."""

    def feed(self, data: bytes) -> None: ...

    def finish(self) -> str:
        """What differs from the manifest, in words; empty when it holds what was backed up."""
        ...


@dataclass(frozen=True, slots=True)
class Laid:
    """What a restore brought: how many things and plain bytes, and what a person should know or do next."""

    count: int
    bytes: int
    notes: tuple[str, ...] = ()


@runtime_checkable
class Component(Protocol):
    """One kind of thing beside the database. Made of a ``System``; every part works without the others."""

    @property
    def configured(self) -> bool:
        """Whether the system has one of these. Only ``check`` and ``back_up`` need it."""
        ...

    def check(self) -> tuple[str, ...]:
        """Before anything is written: can the source be read, with the programs that are here? Returns notes.

        Notes are worth knowing and no failure; what is missing from a copy belongs into its warnings.
        Raises SourceError, ToolError or ConfigurationError.
        """
        ...

    def back_up(self, sink: Sink) -> ComponentContents:
        """Write everything into ``sink``. Raises, and nothing of it is kept, when a copy would be worth nothing."""
        ...

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        """Bring the copy into an empty directory, all of it or what ``wanted`` names. Touches nothing else.

        Raises ``BackupInvalid`` or StoreError when this copy cannot be used; another store's is tried then.
        """
        ...

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        """Is what was restored into ``directory`` what was backed up, and does it work? ``scratch`` is removed after.

        For a copy without ``wanted``. What this host lacks is ``UNPROVEN``, never ``FAILED`` (I27).
        """
        ...


@runtime_checkable
class InParts(Protocol):
    """A component that makes several backups in one run, because each is kept for a time of its own."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The classes of retention that there is something of: each becomes a backup."""
        ...

    def part(self, name: str) -> Component:
        """The component as if it had nothing but this part."""
        ...


@runtime_checkable
class PutsBack(Protocol):
    """A component whose restored copy can be brought into service by us: a server, a vault, a cloud."""

    def put_back(self, manifest: Manifest, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        """Bring what lies in ``directory`` into service. Raises ``TargetRefused`` rather than overwrite anything."""
        ...

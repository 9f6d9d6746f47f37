"""One protected system as one composite Block: what to protect, where to, for whom, how fast."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import ClassVar, Literal, Self, cast

from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, Field, HttpUrl, ValidationError

from blocks.backup_repository import BackupRepository
from blocks.encryption_key import EncryptionKey
from blocks.objectives import Objectives
from blocks.postgres_server import PostgresServer
from dr.configuration import Effective, Layer
from dr.configuration.layers import make_layer
from dr.errors import ConfigurationError


class Retention(BaseModel):
    """How long local copies stay, and how long a chain of base backups gets."""

    local_days: int = Field(default=7, ge=1, title="Days", description="Days that local copies stay.")
    min_keep: int = Field(default=1, ge=1, title="At least", description="Proven copies that stay whatever their age.")
    full_days: int = Field(
        default=7, ge=1, title="Full every", description="Days after which a base backup is full again."
    )
    max_chain: int = Field(
        default=6, ge=1, title="Longest chain", description="Incremental base backups that may hang on a full one."
    )


class Wal(BaseModel):
    """How WAL comes in and goes out: what makes a recovery to any moment possible."""

    method: Literal["receive", "archive", "none"] = Field(
        default="receive",
        title="Method",
        description="receive: streamed by `dr wal receive`; archive: the server's archive_command fills the spool.",
    )
    slot: str = Field(default="", title="Slot", description="Replication slot of the receiver. Empty: dr_SYSTEM.")
    spool: str = Field(
        default="",
        title="Spool",
        description="Absolute path where segments wait until they are stored. Empty: under the state directory.",
    )
    partial_seconds: int = Field(
        default=30, ge=1, title="Open segment every", description="Seconds after which it is stored as it is."
    )
    workers: int = Field(default=2, ge=1, title="Workers", description="Segments on their way at once.")


class ProtectedSystem(Block):
    """One protected system: what to back up, where to, encrypted for whom, kept how long, recovered how fast.

    Example:
        Load a stored system:
        ```python
        from blocks import ProtectedSystem

        system = ProtectedSystem.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Protected System"
    _block_type_slug: ClassVar[str] = "protected-system"
    _description: ClassVar[str] = (
        "One protected system: what to back up, where to, encrypted for whom, recovered how fast."
    )
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")

    system: str = Field(title="System", description="The system's name: the directory and key prefix of its backups.")
    postgres: PostgresServer = Field(title="PostgreSQL server", description="The server to protect.")
    repository: BackupRepository = Field(title="Repository", description="Where copies live.")
    encryption: EncryptionKey = Field(title="Encryption", description="Who can read the backups.")
    objectives: Objectives = Field(title="Objectives", description="How fast a recovery must be.")
    retention: Retention = Field(
        default=Retention(), title="Retention", description="How long local copies stay, and how many at least."
    )
    wal: Wal = Field(default=Wal(), title="WAL", description="What makes a recovery to any moment possible.")
    state_directory: str = Field(
        default="",
        title="State directory",
        description="Absolute path, on the worker, of its own notes. Empty: state, where the worker was begun.",
    )
    auto_confirm: bool = Field(
        default=False,
        title="Confirm by itself",
        description="Answer yes to destructive steps. Leave it off unless nobody can be asked.",
    )

    def layer(self) -> Layer:
        """The settings that this Block gives. Raises ConfigurationError where one makes no sense."""
        values: dict[str, object] = {
            **self.postgres.settings(),
            **self.repository.settings(),
            **self.encryption.settings(),
            **self.objectives.settings(),
            **{f"retention.{key}": value for key, value in self.retention.model_dump().items()},
            **{f"wal.{key}": value for key, value in self.wal.model_dump().items()},
            "state_directory": self.state_directory,
            "auto_confirm": self.auto_confirm,
        }
        origin = f"Block protected-system/{self._block_document_name or block_name(self.system)}"
        return make_layer(values, lambda key: origin, base=Path.cwd(), blank_is_absent=True)

    @classmethod
    def from_effective(cls, effective: Effective) -> Self:
        """The Block that says what a configuration says; secrets by reference where they are given so."""
        system = effective.system
        return cls(
            system=system.name,
            postgres=PostgresServer.from_effective(effective),
            repository=BackupRepository.from_effective(effective),
            encryption=EncryptionKey.from_effective(effective),
            objectives=Objectives.from_effective(effective),
            retention=Retention(**dataclasses.asdict(system.retention)),
            wal=Wal(**{**dataclasses.asdict(system.wal), "spool": str(system.wal.spool or "")}),
            state_directory=str(system.state_directory),
            auto_confirm=system.auto_confirm,
        )

    def register(self) -> str:
        """Save this Block and its parts under the system's name, replacing older ones; returns that name.

        The parts are saved first, so that the form shows them as Blocks that can be opened, edited and shared.
        """
        name = block_name(self.system)
        for part in (self.postgres, self.repository, self.encryption, self.objectives):
            part.save(name, overwrite=True)
        self.save(name, overwrite=True)
        return name


def block_name(system: str) -> str:
    """The Block's name for a system: Prefect takes letters, digits and dashes only.

    >>> block_name("billing.eu_1")
    'billing-eu-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", system.lower()).strip("-")


def stored_layer(system: str) -> Layer | None:
    """What the stored Block of ``system`` gives; None when there is none. An unreachable server raises."""
    name = block_name(system)
    try:
        block = cast("ProtectedSystem", ProtectedSystem.load(name))
    except ValueError as error:
        if isinstance(error.__cause__, ObjectNotFound):
            return None
        raise
    except RuntimeError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        # Not chained: pydantic's own text quotes what was typed, secrets included.
        raise ConfigurationError(
            f"the Block protected-system/{name} does not fit this program's form",
            detail=_complaints(error.__cause__),
            hint="Open it in Prefect's UI and save it again, or run `dr deploy`.",
        ) from None
    if block.system != system:
        raise ConfigurationError(
            f"the Block protected-system/{name} describes the system {block.system!r}, not {system!r}",
            hint="Rename one of the two systems so that their Blocks differ in letters and digits.",
        )
    return block.layer()


def _complaints(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found)

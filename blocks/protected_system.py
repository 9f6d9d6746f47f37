"""One protected system as one composite Block: what to protect, where to, for whom, how fast."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, Field, HttpUrl, ValidationError

from blocks.backup_repository import BackupRepository
from blocks.encryption_key import EncryptionKey
from blocks.fields import text
from blocks.objectives import Objectives
from blocks.postgres_server import PostgresServer
from dr.configuration import Effective, Layer
from dr.configuration.layers import make_layer
from dr.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


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


class Drill(BaseModel):
    """What a drill does besides restoring. Paths are absolute, on the worker."""

    directory: str = Field(
        default="", title="Directory", description="Where copies are restored to. Empty: under the state directory."
    )
    assertions: str = Field(
        default="",
        title="Assertions",
        description="Directory of SQL files, each with the answer that a restored copy must give.",
    )
    masking: str = Field(
        default="", title="Masking", description="Directory of SQL files run in a restored copy before anything else."
    )
    health_check: str = Field(
        default="", title="Health check", description="Command that asks a restored copy as the application would."
    )
    keep_failed: int = Field(
        default=2, ge=1, title="Red copies kept", description="Red drills whose copies are left to be looked into."
    )
    max_age_days: int = Field(
        default=7, ge=1, title="Green every", description="Days after which a system without a green drill is unproven."
    )


class Custody(BaseModel):
    """Where the escrow lies: what opens the backups when the worker and its keys are gone. Absolute paths."""

    key_file: str = Field(
        default="", title="Key file", description="Escrowed secret keys, as gpg --export-secret-keys writes them."
    )
    key_passphrase_file: str = Field(
        default="", title="Key passphrase file", description="What protects the escrowed secret keys."
    )
    passphrase_file: str = Field(
        default="", title="Passphrase file", description="The escrowed passphrase of backups encrypted with one."
    )


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
    drill: Drill = Field(default=Drill(), title="Drills", description="What a drill does besides restoring.")
    custody: Custody = Field(
        default=Custody(), title="Key custody", description="What opens the backups when the worker is gone."
    )
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
            **{f"drill.{key}": value for key, value in self.drill.model_dump().items()},
            **{f"custody.{key}": value for key, value in self.custody.model_dump().items()},
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
            wal=Wal(**_as_form(system.wal)),
            drill=Drill(**_as_form(system.drill)),
            custody=Custody(**_as_form(system.custody)),
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


def _as_form(settings: DataclassInstance) -> dict[str, Any]:
    """Settings as a form takes them: paths as text, empty where there is none."""
    values = dataclasses.asdict(settings)
    return {key: text(value) if value is None or isinstance(value, Path) else value for key, value in values.items()}


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

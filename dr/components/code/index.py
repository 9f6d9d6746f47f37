"""The encrypted index of a backup of code: where each repository came from and where it is pushed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from dr.errors import BackupInvalid

NAME = "repositories.json"


@dataclass(frozen=True, slots=True)
class IndexedRepository:
    """One repository. ``head`` is its default branch or a detached commit; ``remotes`` are names with addresses."""

    name: str
    source: str
    head: str
    object_format: str
    refs: Mapping[str, str]
    remotes: Mapping[str, str] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether there is anything in it: a detached HEAD has commits even where no ref is."""
        return bool(self.refs) or bool(self.head and not self.head.startswith("refs/"))


@dataclass(frozen=True, slots=True)
class Index:
    """All of them."""

    repositories: tuple[IndexedRepository, ...]

    def named(self, name: str) -> IndexedRepository:
        """Raises ``BackupInvalid`` when it is not there."""
        for repository in self.repositories:
            if repository.name == name:
                return repository
        raise BackupInvalid(f"{NAME} does not name the repository {name}", hint="Use another backup.")


def to_json(index: Index) -> bytes:
    return msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n"


def from_json(data: bytes) -> Index:
    """Raises ``BackupInvalid``."""
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BackupInvalid(f"{NAME} cannot be read", str(error), "Use another backup.") from error

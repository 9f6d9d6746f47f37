"""What Vault's API answers, as values: mounts, a KV secret, its metadata. Only the fields that a backup needs."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dr.components.secrets.vault_http import VaultClient, parsed
from dr.errors import PrivilegeMissing, SourceError

KV = ("kv", "generic")
OWN = ("system", "identity", "cubbyhole", "ns_system", "ns_identity", "ns_cubbyhole")
"""Engines that Vault mounts by itself."""


class SealStatus(msgspec.Struct):
    """``sys/seal-status``, the one thing that Vault tells anybody."""

    sealed: bool
    initialized: bool = True
    version: str = ""
    storage_type: str = ""


class Token(msgspec.Struct):
    """``ttl`` are seconds, 0 for ever."""

    ttl: int = 0
    renewable: bool = False


class _TokenAnswer(msgspec.Struct):
    data: Token


class _MountAnswer(msgspec.Struct):
    type: str
    options: dict[str, str] | None = None


class _MountsAnswer(msgspec.Struct):
    data: dict[str, _MountAnswer]


class _Visible(msgspec.Struct):
    secret: dict[str, _MountAnswer] = {}


class _VisibleAnswer(msgspec.Struct):
    data: _Visible


class Raw(msgspec.Struct):
    """An answer whose content goes on as it came."""

    data: msgspec.Raw


class Policy(msgspec.Struct):
    """An ACL policy in its own language."""

    policy: str


class PolicyAnswer(msgspec.Struct):
    """Around it."""

    data: Policy


class VersionAbout(msgspec.Struct):
    """One version; times are empty where it did not happen."""

    created_time: str = ""
    deletion_time: str = ""
    destroyed: bool = False
    version: int = 0


class Metadata(msgspec.Struct):
    """A KV v2 secret without its values."""

    current_version: int = 0
    versions: dict[str, VersionAbout] = {}
    custom_metadata: dict[str, str] | None = None
    max_versions: int = 0
    cas_required: bool = False
    delete_version_after: str = "0s"


class Kv2(msgspec.Struct):
    """One version's value; ``data`` is null where it was deleted."""

    data: msgspec.Raw
    metadata: VersionAbout


class Kv2Answer(msgspec.Struct):
    """Around it."""

    data: Kv2


@dataclass(frozen=True, slots=True)
class Mount:
    """A secrets engine; ``path`` ends with a slash, ``version`` is of key-value engines."""

    path: str
    kind: str
    version: int


def seal_status(client: VaultClient) -> SealStatus:
    return parsed(client.get("sys/seal-status", "ask Vault for its state") or b"", SealStatus)


def own_token(client: VaultClient) -> Token:
    """How long our token lives. Raises ``PrivilegeMissing`` when Vault does not know it."""
    return parsed(client.get("auth/token/lookup-self", "look at the token") or b"", _TokenAnswer).data


def mounts(client: VaultClient) -> tuple[Mount, ...]:
    """Every secrets engine; only those with something that the token may see where it may not list all."""
    try:
        found = parsed(client.get("sys/mounts", "list the mounts") or b"", _MountsAnswer).data
    except PrivilegeMissing:
        answer = client.get("sys/internal/ui/mounts", "list the mounts that the token can see")
        found = parsed(answer or b"", _VisibleAnswer).data.secret
    return tuple(
        Mount(path, one.type, 2 if (one.options or {}).get("version") == "2" else 1)
        for path, one in sorted(found.items())
    )


def raw(answer: bytes) -> bytes:
    """The ``data`` of an answer, as it came."""
    return bytes(parsed(answer, Raw).data)


def metadata_of(data: bytes) -> Metadata:
    """Raises SourceError."""
    return parsed(data, Metadata)


def absent(what: str) -> SourceError:
    """For an answer that must be there."""
    return SourceError(f"Vault has no {what}", hint="Is secrets.vault_address that of Vault?")

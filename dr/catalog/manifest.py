"""The record that proves one backup: written last, deleted first, readable without this program.

A backup without its manifest does not exist: it is never listed, never restored from, and swept after a grace time.
Sizes are bytes, times are UTC, digests are lower-case hex SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import Lsn, decode_lsn, encode_lsn
from dr.catalog.points import PointContents
from dr.errors import BackupInvalid

FORMAT_VERSION = 1


class Level(IntEnum):
    """How far a copy has been proven; each includes the ones before it (I29). Stored in manifests by name."""

    STORED = 1
    CHECKSUMMED = 2
    DECRYPTED = 3
    LISTED = 4
    RESTORED = 5
    BOOTED = 6
    QUERIED = 7
    APP_CHECKED = 8


def level_named(name: str) -> Level:
    """The level a manifest names; raises ValueError on a name that is none."""
    try:
        return Level[name.upper().replace("-", "_")]
    except KeyError:
        raise ValueError(f"there is no verification level {name!r}") from None


class Role(StrEnum):
    """What an object of a backup is."""

    DUMP = "dump"
    GLOBALS = "globals"
    ARCHIVE = "archive"
    POSTGRES_MANIFEST = "postgres-manifest"
    CONTENT = "content"
    INDEX = "index"
    PACK = "pack"


class Compression(StrEnum):
    """The stock format of the bytes inside the OpenPGP message."""

    GZIP = "gzip"
    ZSTD = "zstd"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One stored object.

    ``plain_bytes`` counts what PostgreSQL gave (None when the server compressed it); ``packed_sha256`` is over the
    bytes handed to OpenPGP, that is after compression; ``stored_*`` are over the object as it lies in the store.
    ``tablespace_oid`` and ``tablespace_path`` name the tablespace of an archive that holds one.
    """

    key: str
    role: Role
    compression: Compression
    plain_bytes: int | None
    packed_bytes: int
    packed_sha256: str
    stored_bytes: int
    stored_sha256: str
    tablespace_oid: int | None = None
    tablespace_path: str | None = None


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of one table, ``name`` as ``schema.table``. Exact in a dump, the planner's estimate in a base backup.

    ``digest`` tells the content, whatever the order of the rows; empty where nobody took it.
    """

    name: str
    rows: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a dump holds, as counted in its own bytes: the table of contents and the rows of every COPY block.

    ``large_objects_sha256`` is over their content, ``sequences_sha256`` over the sequences' values; empty where nobody
    took them.
    """

    tables: tuple[TableRows, ...]
    entries: int
    toc_sha256: str
    large_objects: int = 0
    large_objects_sha256: str = ""
    sequences: int = 0
    sequences_sha256: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotPoint:
    """Where a dump's snapshot lies in the WAL: what was committed before ``lsn`` on ``timeline`` is what it saw.

    ``visible`` is PostgreSQL's own description of it (xmin:xmax:running), by which that can be checked.
    """

    lsn: Lsn
    timeline: int
    visible: str


@dataclass(frozen=True, slots=True)
class DatabaseShape:
    """How to make the empty database that a dump goes into when its own name cannot be used.

    ``extensions`` are its extensions' versions by name; None in the manifests that were written before they were noted.
    """

    name: str
    encoding: str
    collate: str
    ctype: str
    owner: str
    extensions: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One part of a component's backup: a keyspace, a directory, a repository, a certificate.

    The manifest is not encrypted: ``digest`` and ``detail`` must tell nothing by which a secret could be guessed.
    """

    name: str
    count: int = 0
    bytes: int = 0
    digest: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ComponentContents:
    """What a component's backup holds.

    ``taken`` is the moment whose state it shows, by the source's own account; ``warnings`` say what is not in it, or
    not as it should be: the run that made it is not green. ``notes`` are worth knowing and nobody's failure.
    ``facts`` are of the kind: versions, revisions, counts.
    """

    taken: datetime
    items: tuple[Item, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncryptionRecord:
    """``method`` is ``public-key`` or ``passphrase``; fingerprints are those of the primary keys."""

    method: str
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """One proof of one copy: which level, of which store's copy, when, how long it took, by which run."""

    level: str
    store: str
    passed: bool
    at: datetime
    seconds: float
    run: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is known about one backup.

    ``superuser`` is the cluster's bootstrap role, as whom a restored copy is questioned. Of a base backup,
    ``server_end`` is when it ended by the server's clock, and every transaction from ``next_xid`` on began after that.
    ``parent`` is the label that an incremental one needs. What is not PostgreSQL's has ``component``, and a
    ``server_version`` of 0.
    """

    label: str
    kind: Kind
    system: str
    system_identifier: str
    server_version: int
    begin: datetime
    end: datetime
    objects: tuple[ObjectRecord, ...]
    stores: tuple[str, ...]
    encryption: EncryptionRecord
    run: str
    format_version: int = FORMAT_VERSION
    parent: str | None = None
    database: DatabaseShape | None = None
    superuser: str = "postgres"
    timeline: int | None = None
    begin_lsn: Lsn | None = None
    end_lsn: Lsn | None = None
    server_end: datetime | None = None
    next_xid: int | None = None
    contents: Contents | None = None
    snapshot: SnapshotPoint | None = None
    table_estimates: tuple[TableRows, ...] = ()
    component: ComponentContents | None = None
    point: PointContents | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    retention_class: str = "standard"
    verifications: tuple[Verification, ...] = ()

    @property
    def parsed_label(self) -> Label:
        return Label.parse(self.label)

    @property
    def server_major(self) -> int:
        return self.server_version // 10000

    @property
    def stored_bytes(self) -> int:
        return sum(item.stored_bytes for item in self.objects)

    @property
    def point_members(self) -> tuple[str, ...]:
        """The labels of all backups that a recovery point needs; none of any other backup."""
        return self.point.labels if self.point else ()

    def proven_level(self, store: str | None = None) -> Level | None:
        """The highest level proven, of any copy or of one store's, since that copy's last failed proof."""
        proven: dict[str, Level] = {}
        for item in sorted(self.verifications, key=lambda proof: proof.at):
            if store not in (None, item.store):
                continue
            if not item.passed:
                proven.pop(item.store, None)
            else:
                proven[item.store] = max(level_named(item.level), proven.get(item.store, Level.STORED))
        return max(proven.values(), default=None)

    def object_of(self, role: Role) -> ObjectRecord | None:
        return next((item for item in self.objects if item.role is role), None)


def to_json(manifest: Manifest) -> bytes:
    """The manifest as indented JSON, as it is stored."""
    return msgspec.json.format(msgspec.json.encode(manifest, enc_hook=encode_lsn), indent=1) + b"\n"


_decoder = msgspec.json.Decoder(Manifest, dec_hook=decode_lsn)


def _check(manifest: Manifest) -> None:
    """What the types do not say: the label's kind, times with a zone, levels that exist. Raises ValueError."""
    if Label.parse(manifest.label).kind is not manifest.kind:
        raise ValueError(f"{manifest.label} is no label of a {manifest.kind} backup")
    if not manifest.objects:
        raise ValueError("it names no objects")
    server_end = manifest.server_end or manifest.end
    taken = manifest.component.taken if manifest.component else manifest.begin
    times = (manifest.begin, manifest.end, server_end, taken, *(proof.at for proof in manifest.verifications))
    if any(time.tzinfo is None for time in times):
        raise ValueError("a time has no zone")
    for proof in manifest.verifications:
        level_named(proof.level)


def from_json(data: bytes, origin: str) -> Manifest:
    """Parse a stored manifest; ``origin`` names it in errors. Unknown format versions are refused."""
    try:
        version = msgspec.json.decode(data, type=dict).get("format_version")
        if version != FORMAT_VERSION:
            raise BackupInvalid(
                f"{origin} has manifest format {version!r}; this program reads format {FORMAT_VERSION}",
                hint="Use the version of this program that wrote it, or restore by the repository's RESTORE.md.",
            )
        manifest = _decoder.decode(data)
        _check(manifest)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise BackupInvalid(
            f"{origin} is not a manifest of a backup",
            detail=str(error),
            hint="The backup's objects may be whole: restore them by hand as RESTORE.md shows, or use another backup.",
        ) from error
    return manifest

"""Labels and object names, made and parsed in this one place.

::

    <system>/system.json
    <system>/RESTORE.md
    <system>/database/backup_20240101_020000.sql.gz.gpg
    <system>/database/backup_20240101_020000.globals.sql.gz.gpg
    <system>/database/backup_20240101_020000.manifest.json
    <system>/database/backup_20240101_020000.proofs.json             what was proven of it later
    <system>/base/base_20240101_020000_full/base.tar.zst.gpg
    <system>/base/base_20240101_020000_full/16385.tar.zst.gpg        a tablespace, named by its OID
    <system>/base/base_20240101_020000_full/backup_manifest.gpg      PostgreSQL's own manifest
    <system>/base/base_20240101_020000_full/base.manifest.json
    <system>/base/base_20240101_020000_full/base.proofs.json
    <system>/base/base_20240102_020000_incr/...                      what changed since its parent; same names
    <system>/redis/redis_20240101_020000/dump.rdb.zst.gpg            a component: a folder per kind, then per label
    <system>/redis/redis_20240101_020000/redis.manifest.json
    <system>/redis/redis_20240101_020000/redis.proofs.json
    <system>/files-packs/<name>.tar.zst.gpg                          what several labels of a kind share
    <system>/files-rotation.json                                     which share of it was read again, and when
    <system>/wal/00000001/0000000100000000000000A3.zst.gpg           a closed WAL segment
    <system>/wal/00000001/0000000100000000000000A4.00A41000.partial.zst.gpg   the open one, its first 0xA41000 bytes
    <system>/wal/00000002/00000002.history.zst.gpg                   where timeline 2 branched off
    <system>/wal-index/00000001/00000000.json                        what is stored of one log file (4 GiB) of WAL
    <system>/wal-index/00000002/history.json
    <system>/wal-rotation.json                                       which share of the WAL was read again, and when
    <system>/leases/<verb>/00000007.json
    <system>/promotions/00000002.json                                which server took over on that timeline
    <system>/evidence/2024/run_....json

A label names one backup: ``backup_YYYYmmdd_HHMMSS`` is a logical dump, ``base_YYYYmmdd_HHMMSS_full`` a physical one,
``base_YYYYmmdd_HHMMSS_incr`` what has changed since another physical one, its parent. Every other kind is named by
itself: ``redis_YYYYmmdd_HHMMSS``, ``files_YYYYmmdd_HHMMSS``, ...
Times in labels are UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Self

from dr.catalog.wal_names import Segment, history_name

MANIFEST_SUFFIX = ".manifest.json"
_PROOFS_SUFFIX = ".proofs.json"
ENCRYPTED_SUFFIX = ".gpg"
_STAMP = "%Y%m%d_%H%M%S"
_WAL_INDEX = re.compile(r"(?P<timeline>[0-9A-F]{8})/(?:(?P<log>[0-9A-F]{8})|history)\.json")
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Kind(StrEnum):
    """What a backup holds: ``dump`` is SQL of one database, ``base`` a physical copy of the whole cluster.

    The others are what a product has beside its database; ``point`` ties together what belongs to one state of all.
    """

    DUMP = "dump"
    BASE = "base"
    REDIS = "redis"
    FILES = "files"
    CONFIG = "config"
    CODE = "code"
    SECRETS = "secrets"
    CERTIFICATES = "certificates"
    IMAGES = "images"
    TERRAFORM = "terraform"
    LOGS = "logs"
    POINT = "point"


DATABASE_KINDS = (Kind.DUMP, Kind.BASE)
COMPONENT_KINDS = tuple(kind for kind in Kind if kind not in (*DATABASE_KINDS, Kind.POINT))
"""What is backed up beside the database, each by a component of its own."""

_LABEL = re.compile(
    r"(?:(?P<dump>backup)_(?P<dstamp>[0-9]{8}_[0-9]{6})|base_(?P<bstamp>[0-9]{8}_[0-9]{6})_(?P<method>full|incr)"
    rf"|(?P<part>{'|'.join((*COMPONENT_KINDS, Kind.POINT))})_(?P<pstamp>[0-9]{{8}}_[0-9]{{6}}))"
)


class Method(StrEnum):
    """How a base backup was made: whole, or as what changed since its parent."""

    FULL = "full"
    INCREMENTAL = "incr"


def check_system_name(name: str) -> str:
    """Return ``name`` if it can be a directory and an S3 prefix; raise ValueError otherwise."""
    if not _SYSTEM.fullmatch(name) or ".." in name:
        raise ValueError(
            f"system name {name!r}: use 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
        )
    return name


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """The name of one backup; orders by time.

    >>> Label.parse("backup_20240101_020000").kind
    <Kind.DUMP: 'dump'>
    >>> str(Label(datetime(2024, 1, 1, 2, tzinfo=UTC), Kind.BASE))
    'base_20240101_020000_full'
    """

    created: datetime
    kind: Kind
    method: Method = Method.FULL

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a label; raises ValueError on anything else."""
        match = _LABEL.fullmatch(text)
        if match is None:
            raise ValueError(f"not a backup label: {text!r}")
        kind = Kind.DUMP if match["dump"] else Kind(match["part"] or Kind.BASE)
        stamp = match["dstamp"] or match["bstamp"] or match["pstamp"]
        method = Method(match["method"] or Method.FULL)
        return cls(datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), kind, method)

    @classmethod
    def from_path(cls, path: str) -> Self:
        """Find the label in a label, an object key or a file path, as an operator may type any of them.

        >>> str(Label.from_path("backups/database/backup_20240101_020000.sql.gz.gpg"))
        'backup_20240101_020000'
        >>> str(Label.from_path("base/base_20240101_020000_full/base.tar.zst.gpg"))
        'base_20240101_020000_full'
        """
        for part in reversed(PurePosixPath(path.strip("/")).parts):
            match = _LABEL.match(part)
            if match is not None and (match.end() == len(part) or part[match.end()] == "."):
                return cls.parse(match[0])
        raise ValueError(f"no backup label in {path!r}")

    def __str__(self) -> str:
        # strftime would write the year 1 as "1", which strptime does not read.
        stamp = f"{self.created.astimezone(UTC):%Y%m%d_%H%M%S}".zfill(15)
        if self.kind is Kind.BASE:
            return f"base_{stamp}_{self.method}"
        return f"{_stem(self.kind)}_{stamp}"


def _stem(kind: Kind) -> str:
    """What labels of this kind begin with."""
    return "backup" if kind is Kind.DUMP else str(kind)


def system_prefix(system: str) -> str:
    return f"{system}/"


def system_record_key(system: str) -> str:
    return f"{system}/system.json"


def restore_notes_key(system: str) -> str:
    return f"{system}/RESTORE.md"


def kind_prefix(system: str, kind: Kind) -> str:
    return f"{system}/database/" if kind is Kind.DUMP else f"{system}/{kind}/"


def month_prefix(system: str, kind: Kind, year: int, month: int) -> str:
    """What the keys of all backups of one month (UTC) begin with."""
    return f"{kind_prefix(system, kind)}{_stem(kind)}_{year:04d}{month:02d}"


def label_of_manifest(key: str) -> Label | None:
    """The label of the backup that a manifest's key belongs to; None when it is no such key."""
    try:
        return Label.from_path(key.removesuffix(MANIFEST_SUFFIX))
    except ValueError:
        return None


def object_prefix(system: str, label: Label) -> str:
    """What the keys of all of one backup's objects begin with."""
    if label.kind is Kind.DUMP:
        return f"{system}/database/{label}."
    return f"{kind_prefix(system, label.kind)}{label}/"


def manifest_key(system: str, label: Label) -> str:
    if label.kind is Kind.DUMP:
        return f"{system}/database/{label}{MANIFEST_SUFFIX}"
    return f"{object_prefix(system, label)}{label.kind}{MANIFEST_SUFFIX}"


def proofs_key(system: str, label: Label) -> str:
    """Key of what was proven after publication: under the objects' prefix, so that it goes with them."""
    return manifest_key(system, label).removesuffix(MANIFEST_SUFFIX) + _PROOFS_SUFFIX


def dump_key(system: str, label: Label) -> str:
    return f"{system}/database/{label}.sql.gz{ENCRYPTED_SUFFIX}"


def globals_key(system: str, label: Label) -> str:
    return f"{system}/database/{label}.globals.sql.gz{ENCRYPTED_SUFFIX}"


def archive_key(system: str, label: Label, archive: str) -> str:
    """Key of one tar of a base backup: ``archive`` is ``base.tar.zst`` or ``16385.tar.zst``."""
    return f"{system}/base/{label}/{archive}{ENCRYPTED_SUFFIX}"


def postgres_manifest_key(system: str, label: Label) -> str:
    return f"{system}/base/{label}/backup_manifest{ENCRYPTED_SUFFIX}"


def component_key(system: str, label: Label, name: str) -> str:
    """Key of one object of a component's backup: ``name`` says what it is and how it is packed, ``dump.rdb.zst``."""
    return f"{object_prefix(system, label)}{name}{ENCRYPTED_SUFFIX}"


def shared_prefix(system: str, kind: Kind) -> str:
    """Where the objects lie that several backups of one kind share. No label's prefix covers them."""
    return f"{system}/{kind}-packs/"


def shared_key(system: str, kind: Kind, name: str) -> str:
    """Key of a shared object: ``name`` as for ``component_key``."""
    return f"{shared_prefix(system, kind)}{name}{ENCRYPTED_SUFFIX}"


def shared_rotation_key(system: str, kind: Kind) -> str:
    """Key of what a store remembers of reading its shared objects again."""
    return f"{system}/{kind}-rotation.json"


def lease_prefix(system: str, verb: str) -> str:
    return f"{system}/leases/{verb}/"


def evidence_key(system: str, run: str, begun: datetime) -> str:
    return f"{system}/evidence/{begun:%Y}/{run}.json"


def drills_prefix(system: str) -> str:
    """Where the records of drills lie."""
    return f"{system}/drills/"


def drill_key(system: str, begun: datetime, run: str) -> str:
    """Record of one drill; the names rise with time."""
    return f"{drills_prefix(system)}{begun:%Y%m%d_%H%M%S}_{run}.json"


def wal_key(system: str, segment: Segment) -> str:
    """Key of a closed segment."""
    return f"{system}/wal/{segment.timeline:08X}/{segment}.zst{ENCRYPTED_SUFFIX}"


def wal_partial_key(system: str, segment: Segment, valid_bytes: int) -> str:
    """Key of what there is of the open segment. Each length has its own, so that no object is ever overwritten."""
    name = f"{segment}.{valid_bytes:08X}.partial"
    return f"{system}/wal/{segment.timeline:08X}/{name}.zst{ENCRYPTED_SUFFIX}"


def wal_history_key(system: str, timeline: int) -> str:
    """Key of a timeline's history file."""
    return f"{system}/wal/{timeline:08X}/{history_name(timeline)}.zst{ENCRYPTED_SUFFIX}"


def wal_index_prefix(system: str, timeline: int | None = None) -> str:
    """What the keys of the WAL index begin with, of one timeline or of all."""
    return f"{system}/wal-index/" if timeline is None else f"{system}/wal-index/{timeline:08X}/"


def wal_block_key(system: str, timeline: int, log: int) -> str:
    """Key of the index of one log file's segments."""
    return f"{wal_index_prefix(system, timeline)}{log:08X}.json"


def wal_history_index_key(system: str, timeline: int) -> str:
    """Key of the record of a timeline's history."""
    return f"{wal_index_prefix(system, timeline)}history.json"


def promotion_key(system: str, timeline: int) -> str:
    """Key of who has claimed a timeline before it was promoted to it."""
    return f"{system}/promotions/{timeline:08X}.json"


def wal_rotation_key(system: str) -> str:
    return f"{system}/wal-rotation.json"


def parse_wal_index_key(system: str, key: str) -> tuple[int, int | None] | None:
    """Timeline and log file of an index record, the log None for a history; None when the key is no such record."""
    match = _WAL_INDEX.fullmatch(key.removeprefix(wal_index_prefix(system)))
    if match is None:
        return None
    return int(match["timeline"], 16), int(match["log"], 16) if match["log"] else None

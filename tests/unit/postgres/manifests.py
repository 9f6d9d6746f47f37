"""A directory like a base backup, with PostgreSQL's own kind of manifest, made without a server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import google_crc32c

from dr.pipeline.process import run
from dr.postgres.installations import installed


def crc32c(data: bytes) -> str:
    """As PostgreSQL writes it."""
    return int(google_crc32c.value(data)).to_bytes(4, "little").hex()


def listing(directory: Path) -> list[dict[str, Any]]:
    """Every file as the manifest lists it."""
    return [
        {
            "Path": str(file.relative_to(directory)),
            "Size": file.stat().st_size,
            "Last-Modified": "2024-01-01 02:00:00 GMT",
            "Checksum-Algorithm": "CRC32C",
            "Checksum": crc32c(file.read_bytes()),
        }
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    ]


def manifest_of(files: list[dict[str, Any]]) -> bytes:
    """The manifest as the server writes it, its own checksum on the last line."""
    listed = ",\n".join(json.dumps(item) for item in files)
    ranges = '[\n{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }\n]'
    text = f'{{ "PostgreSQL-Backup-Manifest-Version": 1,\n"Files": [\n{listed}\n],\n"WAL-Ranges": {ranges},\n'.encode()
    return text + f'"Manifest-Checksum": "{hashlib.sha256(text).hexdigest()}"}}\n'.encode()


def make_backup(directory: Path) -> Path:
    """A small backup: two relations, an empty file, a configuration, WAL, and its manifest."""
    for name, content in {
        "PG_VERSION": b"15\n",
        "global/pg_control": bytes(8192),
        "base/5/1259": b"page" * 2048,
        "base/5/empty": b"",
        "postgresql.conf": b"port = 5432\n",
        "postgresql.auto.conf": b"# by ALTER SYSTEM\n",
        "pg_wal/000000010000000000000002": b"wal" * 100,
        "pg_tblspc/16385/PG_15_202209061/5/16400": b"row" * 100,
    }.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (directory / "pg_notify").mkdir()
    files = [item for item in listing(directory) if not item["Path"].startswith("pg_wal/")]
    (directory / "backup_manifest").write_bytes(manifest_of(files))
    return directory


def peer_verdict(program: Path, directory: Path) -> tuple[bool, str]:
    """Whether pg_verifybackup finds nothing wrong, and what it says."""
    ended, text = run("pg_verifybackup", (program, "--no-parse-wal", directory), deadline_seconds=60)
    return ended.ok, f"{text} {ended}"


def working_peer(directory: Path) -> Path:
    """A pg_verifybackup that works (one distribution's does not even start)."""
    for installation in installed():
        program = installation.directory / "pg_verifybackup"
        if program.exists() and peer_verdict(program, directory)[0]:
            return program
    raise AssertionError("no installed PostgreSQL has a working pg_verifybackup; install postgresql (15 or newer)")

"""The place of the WAL comparison: real segments of a real load, a key, an S3 endpoint; thrown away at the end."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.arena import Key, made_key
from benchmarks.pgbackrest import PgBackRest, find_pgbackrest
from dr.configuration.model import (
    EncryptionSettings,
    PostgresSettings,
    StoreSettings,
    System,
    WalSettings,
)
from dr.demo.endpoint import s3_endpoint
from dr.errors import SourceError
from dr.operations.repositories import open_repository
from dr.pipeline.process import run
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import client_environment, connected, parameters
from dr.postgres.inspection import read_facts
from dr.postgres.installations import Installation
from dr.secret import Secret

NAME = "bench"
_SEGMENT = re.compile(r"[0-9A-F]{24}")
# Frequent checkpoints make full-page images, which are most of the WAL of a busy server; the rest only saves time.
_LOAD = {
    "wal_level": "replica",
    "wal_keep_size": "16GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30s",
    "fsync": "off",
    "synchronous_commit": "off",
}
_SCALE = 15
_BATCH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class WalPlace:
    """``segments`` are closed ones of a server that does not run any more; ``cloud`` is a store in the endpoint.

    ``backrest_refusal`` says why pgBackRest does not take part, empty when it does.
    """

    work: Path
    installation: Installation
    data: Path
    identifier: str
    segments: tuple[Path, ...]
    key: Key
    cloud: StoreSettings
    pgbackrest: PgBackRest | None
    backrest_refusal: str

    def system(self, *stores: str, passphrase: bool = False) -> System:
        """A system with an empty spool, and new stores of these names that belong to its cluster."""
        work = self.work / f"ours-{secrets.token_hex(4)}"
        work.mkdir()
        local = StoreSettings("local", "local", path=work / "store")
        cloud = replace(self.cloud, prefix=work.name)
        encryption = EncryptionSettings(recipients=(self.key.fingerprint,), gnupg_home=self.key.home)
        made = System(
            name=NAME,
            postgres=PostgresSettings(Secret("host=/nowhere")),
            stores=tuple(local if name == "local" else cloud for name in stores),
            encryption=EncryptionSettings(passphrase=Secret(secrets.token_hex(20))) if passphrase else encryption,
            wal=WalSettings(method="archive", spool=work / "spool", workers=len(os.sched_getaffinity(0))),
            state_directory=work / "state",
        )
        repository = open_repository(made)
        repository.claim(self.identifier, datetime.now(UTC), repository.stores)
        made.wal_spool.mkdir(mode=0o700)
        return made

    def fill(self, system: System) -> None:
        """Put all segments into the system's spool, as archive_command would."""
        for segment in self.segments:
            shutil.copyfile(segment, system.wal_spool / segment.name)
        os.sync()


@contextmanager
def wal_place(installation: Installation, count: int, parent: Path, *, moto: bool) -> Iterator[WalPlace]:
    """Make ``count`` segments of load below ``parent``, stop the server, and begin the endpoint."""
    with tempfile.TemporaryDirectory(prefix="dr-bench-", dir=parent, ignore_cleanup_errors=True) as name:
        work = Path(name).resolve()
        work.chmod(0o711)  # a server that must not run as root has to pass through
        data = work / "data"
        account = create_cluster(data, installation)
        pgbackrest = find_pgbackrest(work, data, account)
        recipe = Recipe({**_LOAD, "archive_mode": "on", "archive_command": "true"})
        refusal = "pgBackRest IS NOT INSTALLED and was not compared (Debian: apt-get install pgbackrest)."
        with running(data, installation, recipe) as server:
            write_load(server, installation, data, count)
            identifier = read_facts(server.url_for("postgres")).system_identifier
            if pgbackrest is not None:
                refusal = pgbackrest.configure(parameters(server.url_for("postgres"))["host"])
        endpoint = work / "endpoint"
        endpoint.mkdir()
        with made_key() as key, s3_endpoint(endpoint, moto=moto) as s3:
            cloud = s3.wait()
            yield WalPlace(work, installation, data, identifier, closed(data)[:count], key, cloud, pgbackrest, refusal)


def write_load(server: Server, installation: Installation, data: Path, count: int) -> None:
    """pgbench's own load, until that many segments are closed."""
    pgbench(server, installation, "--initialize", f"--scale={_SCALE}", "--quiet")
    while len(closed(data)) < count:
        pgbench(server, installation, "--client=4", f"--time={_BATCH_SECONDS}", "--no-vacuum")
    with connected(server.url_for("postgres")) as connection:
        connection.execute("SELECT pg_switch_wal()")


def pgbench(server: Server, installation: Installation, *arguments: str) -> None:
    """Run it to its end."""
    argv: tuple[str | Path, ...] = (installation.program("pgbench"), *arguments)
    ended, text = run("pgbench", argv, environment=client_environment(server.url_for("postgres")))
    if not ended.ok:
        raise SourceError("pgbench failed", detail=f"{ended} {text[-500:]}", hint="Look at its message.")


def closed(data: Path) -> tuple[Path, ...]:
    """The segments that the server has handed to its archive_command, oldest first."""
    done = {item.name.removesuffix(".done") for item in (data / "pg_wal" / "archive_status").glob("*.done")}
    return tuple(data / "pg_wal" / name for name in sorted(done) if _SEGMENT.fullmatch(name))

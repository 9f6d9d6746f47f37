"""A chain of base backups restores with stock programs alone, tablespace included, as RESTORE.md says (I34)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.postgres.connection import connected
from tests.integration.engine.chains import back_up
from tests.integration.engine.conftest import DATABASE, MAJORS, Site, make_site
from tests.integration.engine.test_by_hand import START, as_owner_of, script
from tests.quick_key import by_passphrase

COMBINE = r"""
set -eu
decrypt() { gpg --batch --quiet --pinentry-mode loopback --passphrase-file "$KEY" -d "$1"; }
parts=""
for label in $LABELS; do
    part="$PARTS/$label"
    mkdir -p -m 700 "$part"
    decrypt "$REPOSITORY"/base/$label/base.tar.zst.gpg | zstd -q -d | tar -x -p --no-same-owner -f - -C "$part"
    decrypt "$REPOSITORY"/base/$label/backup_manifest.gpg > "$part/backup_manifest"
    mkdir -m 700 "$part.space"
    decrypt "$REPOSITORY"/base/$label/$OID.tar.zst.gpg | zstd -q -d | tar -x -p --no-same-owner -f - -C "$part.space"
    ln -s "$part.space" "$part/pg_tblspc/$OID"
    parts="$parts $part"
done
pg_combinebackup $parts -o "$DATA" -T "$part.space=$DATA.space"
echo "$OID $DATA.space" > "$DATA/tablespace_map"
touch "$DATA/recovery.signal"
echo "restore_command = 'false'" >> "$DATA/postgresql.auto.conf"
"""
COUNT = START.replace("SELECT count(*) FROM users", "SELECT sum(i) FROM in_space")


@pytest.fixture
def summarizing(tmp_path: Path) -> Iterator[Site]:
    """A server that makes incremental backups."""
    yield from make_site(tmp_path / "site", MAJORS[-1], {"summarize_wal": "on"})


@pytest.mark.incident("I34")
def test_a_chain_restores_with_gpg_zstd_tar_and_pg_combinebackup(
    summarizing: Site, system_for: Callable[..., System], tmp_path: Path
) -> None:
    """Unpacked part by part, combined and started by the commands of RESTORE.md, it has what came last."""
    space, tools, home = tmp_path / "space", tmp_path / "tools", tmp_path / "gpg"
    for directory in (space, tools, home):
        directory.mkdir(mode=0o700)
    space.chmod(0o777)
    for name in ("gpg", "gpg-agent", "zstd", "tar", "sh", "mkdir", "touch", "ln"):
        (tools / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is missing on this machine"))
    for name in ("psql", "pg_ctl", "postgres", "pg_combinebackup"):
        (tools / name).symlink_to(summarizing.installation.program(name))
    system = system_for(summarizing.url, encryption=by_passphrase())
    with connected(summarizing.url) as connection:
        connection.execute(f"CREATE TABLESPACE fast LOCATION '{space}'".encode())
        connection.execute("CREATE TABLE in_space TABLESPACE fast AS SELECT i FROM generate_series(1, 9000) AS i")
        oid = connection.execute("SELECT oid FROM pg_tablespace WHERE spcname = 'fast'").fetchone() or {}
        labels = [back_up(system).manifest.label]
        for _ in range(2):
            connection.execute("UPDATE in_space SET i = i + 1 WHERE i % 1000 = 0")
            labels.append(back_up(system).manifest.label)
        wanted = connection.execute("SELECT sum(i) AS sum FROM in_space").fetchone() or {}
    key, data = tmp_path / "passphrase", tmp_path / "by-hand"
    key.write_text(system.encryption.passphrase.reveal())  # type: ignore[union-attr]
    sockets = Path("/tmp") / f"dr-chain-{os.getpid()}"
    sockets.mkdir(mode=0o700)
    environment = {
        "PATH": str(tools),
        "GNUPGHOME": str(home),
        "LC_ALL": "C.UTF-8",
        "KEY": str(key),
        "REPOSITORY": str(tmp_path / "backups" / "shop"),
        "LABELS": " ".join(labels),
        "OID": str(oid["oid"]),
        "PARTS": str(tmp_path / "parts"),
        "DATABASE": DATABASE,
        "DATA": str(data),
        "SOCKETS": str(sockets),
        "LOG": str(tmp_path / "server.log"),
    }
    try:
        combined = script(COMBINE, environment)
        assert combined.returncode == 0, combined.stderr
        answered = script(COUNT, environment, *as_owner_of(data))
        assert answered.returncode == 0, answered.stderr
    finally:
        shutil.rmtree(sockets, ignore_errors=True)

    assert answered.stdout.strip() == str(wanted["sum"])
    text = (tmp_path / "backups" / "shop" / "RESTORE.md").read_text()
    assert all(command in text for command in ("pg_combinebackup", "pg_tblspc/OID", "-T DIRECTORY=NEW"))

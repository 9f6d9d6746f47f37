"""A backup restores with stock programs alone, by the commands that lie beside it in the repository (I34)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.operations.check_recovery import check_cluster
from dr.operations.find_backup import find_backup
from dr.operations.restore_cluster import restore_cluster
from dr.postgres.account import account_for
from dr.postgres.cluster import Server, create_cluster, running
from dr.postgres.connection import client_environment, connected
from dr.postgres.inspection import scalar
from tests.integration.engine.conftest import DATABASE, Site
from tests.integration.engine.procedures import digests, make
from tests.integration.pitr.shelf import primary, put_archive, put_partial
from tests.quick_key import by_passphrase

SystemFor = Callable[..., System]

LOGICAL = r"""
set -eu
decrypt() { gpg --batch --quiet --pinentry-mode loopback --passphrase-file "$KEY" -d "$1"; }
cd "$REPOSITORY"
decrypt database/$LABEL.globals.sql.gz.gpg | gunzip | psql -X -q -d postgres || true
decrypt database/$LABEL.sql.gz.gpg | gunzip | psql -X -q -v ON_ERROR_STOP=1 -d "$DATABASE" >/dev/null
"""

PHYSICAL = r"""
set -eu
decrypt() { gpg --batch --quiet --pinentry-mode loopback --passphrase-file "$KEY" -d "$1"; }
mkdir -m 700 "$DATA"
cd "$DATA"
decrypt "$REPOSITORY"/base/$LABEL/base.tar.zst.gpg | zstd -q -d | tar -x -p --no-same-owner -f -
decrypt "$REPOSITORY"/base/$LABEL/backup_manifest.gpg > backup_manifest
touch recovery.signal
echo "restore_command = 'false'" >> postgresql.auto.conf
"""

POINT = r"""
set -eu
gpg="gpg --batch -q --pinentry-mode loopback --passphrase-file $KEY"
find="test -f $REPOSITORY/wal/*/%f.zst.gpg && $gpg -d $REPOSITORY/wal/*/%f.zst.gpg"
cat >> "$DATA/postgresql.auto.conf" <<END
restore_command = '$find | zstd -q -d > %p'
recovery_target_time = '$POINT'
recovery_target_action = 'promote'
hot_standby = off
END
for partial in "$REPOSITORY"/wal/*/*.partial.zst.gpg; do
    name=${partial##*/}
    $gpg -d "$partial" | zstd -q -d > "$DATA/pg_wal/${name%%.*}"
    truncate -s 16M "$DATA/pg_wal/${name%%.*}"
done
"""

ASK = r"""
set -eu
cd "$DATA"
pg_ctl -D "$DATA" -l "$LOG" -w -o "-c listen_addresses='' -c unix_socket_directories='$SOCKETS'" start >/dev/null
tries=0
until psql -X -At -h "$SOCKETS" -U postgres -d postgres -c "SELECT 1" >/dev/null 2>&1; do
    tries=$((tries + 1)); [ $tries -lt 300 ]; sleep 0.2
done
psql -X -At -h "$SOCKETS" -U postgres -d postgres -c "SELECT id FROM moments ORDER BY id"
pg_ctl -D "$DATA" -w -m fast stop >/dev/null
"""

START = r"""
set -eu
cd "$DATA"
pg_ctl -D "$DATA" -l "$LOG" -w -o "-c listen_addresses='' -c unix_socket_directories='$SOCKETS'" start >/dev/null
psql -X -At -h "$SOCKETS" -U postgres -d "$DATABASE" -c "SELECT count(*) FROM users"
pg_ctl -D "$DATA" -w -m fast stop >/dev/null
"""


@pytest.fixture
def tools(site: Site, tmp_path: Path) -> dict[str, str]:
    """A PATH with nothing of ours: the stock programs only, and the PostgreSQL ones of the server's major."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in (
        "gpg",
        "gpg-agent",
        "gunzip",
        "gzip",
        "zstd",
        "tar",
        "sh",
        "mkdir",
        "touch",
        "cat",
        "bash",
        "truncate",
        "sleep",
    ):
        found = shutil.which(name)
        if found is None:
            pytest.fail(f"{name} is missing on this machine: restoring by hand needs it")
        (directory / name).symlink_to(found)
    for name in ("psql", "pg_ctl", "postgres"):
        (directory / name).symlink_to(site.installation.program(name))
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    return {"PATH": str(directory), "GNUPGHOME": str(home), "LC_ALL": "C.UTF-8"}


def script(text: str, environment: Mapping[str, str], *prefix: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script with this environment and nothing else."""
    return subprocess.run(
        (*prefix, "/bin/sh", "-c", text),
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def as_owner_of(directory: Path) -> tuple[str, ...]:
    """PostgreSQL does not run as root; everybody else needs no prefix."""
    account = account_for(directory)
    if not account.namespace:
        return ()
    unshare = shutil.which("unshare") or ""
    return (unshare, "--user", f"--map-user={account.uid}", f"--map-group={account.gid}", "--")


@pytest.mark.incident("I34")
def test_a_dump_restores_with_gpg_gunzip_and_psql(
    site: Site, system_for: SystemFor, other_server: Server, tools: dict[str, str], tmp_path: Path
) -> None:
    """The only error is that the new server's own superuser exists already; every table is as it was."""
    system = system_for(site.url, encryption=by_passphrase())
    published = make(system, Kind.DUMP)
    key = tmp_path / "passphrase"
    key.write_text(system.encryption.passphrase.reveal())  # type: ignore[union-attr]
    environment = {
        **tools,
        **client_environment(other_server.url),
        "KEY": str(key),
        "REPOSITORY": str(tmp_path / "backups" / "shop"),
        "LABEL": published.label,
        "DATABASE": DATABASE,
    }
    ended = script(LOGICAL, environment)

    assert ended.returncode == 0, ended.stderr
    errors = [line for line in ended.stderr.splitlines() if "ERROR" in line]
    assert all('role "postgres" already exists' in line for line in errors), errors
    assert digests(other_server.url_for(DATABASE)) == digests(site.url)


@pytest.mark.incident("I34")
def test_a_base_backup_restores_with_gpg_zstd_tar_and_pg_ctl(
    site: Site, system_for: SystemFor, tools: dict[str, str], tmp_path: Path
) -> None:
    """Unpacked and started by the commands of RESTORE.md, it answers with all its rows."""
    system = system_for(site.url, encryption=by_passphrase())
    published = make(system, Kind.BASE)
    key = tmp_path / "passphrase"
    key.write_text(system.encryption.passphrase.reveal())  # type: ignore[union-attr]
    sockets = Path("/tmp") / f"dr-hand-{os.getpid()}"
    sockets.mkdir(mode=0o700)
    environment = {
        **tools,
        "KEY": str(key),
        "REPOSITORY": str(tmp_path / "backups" / "shop"),
        "LABEL": published.label,
        "DATABASE": DATABASE,
        "DATA": str(tmp_path / "by-hand"),
        "SOCKETS": str(sockets),
        "LOG": str(tmp_path / "server.log"),
    }
    try:
        unpacked = script(PHYSICAL, environment)
        assert unpacked.returncode == 0, unpacked.stderr
        answered = script(START, environment, *as_owner_of(tmp_path / "by-hand"))
        assert answered.returncode == 0, answered.stderr
        assert answered.stdout.strip() == "5000"
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


@pytest.mark.incident("I34")
def test_a_point_in_time_is_recovered_with_gpg_and_zstd_alone(
    site: Site, system_for: SystemFor, tools: dict[str, str], tmp_path: Path
) -> None:
    """By the restore_command of RESTORE.md, over closed segments into the open one, to the microsecond."""
    create_cluster(tmp_path / "shop", site.installation)
    with primary(tmp_path / "shop", site.installation, tmp_path / "archive") as origin:
        origin.prepare()
        system = system_for(origin.server.url, encryption=by_passphrase())
        published = make(system, Kind.BASE)
        moments = origin.commit(3)
        origin.switch()
        moments += origin.commit(3)
        put_archive(system, origin)
        put_partial(system, origin)
    key = tmp_path / "passphrase"
    key.write_text(system.encryption.passphrase.reveal())  # type: ignore[union-attr]
    data, sockets = tmp_path / "by-hand", Path("/tmp") / f"dr-point-{os.getpid()}"
    sockets.mkdir(mode=0o700)
    environment = {
        **tools,
        "KEY": str(key),
        "REPOSITORY": str(tmp_path / "backups" / "shop"),
        "LABEL": published.label,
        "DATA": str(data),
        "SOCKETS": str(sockets),
        "LOG": str(tmp_path / "server.log"),
        "POINT": f"{moments[4].time:%Y-%m-%d %H:%M:%S.%f}+00",
    }
    try:
        unpacked = script(PHYSICAL + POINT, environment)
        assert unpacked.returncode == 0, unpacked.stderr
        answered = script(ASK, environment, *as_owner_of(data))
        assert answered.returncode == 0, answered.stderr + (tmp_path / "server.log").read_text()
    finally:
        shutil.rmtree(sockets, ignore_errors=True)

    assert [int(line) for line in answered.stdout.split()] == [moment.id for moment in moments[:5]]


def test_the_notes_beside_the_backups_name_the_system_and_these_commands(
    site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """RESTORE.md is in the repository and says what the scripts above do."""
    make(system_for(site.url, encryption=by_passphrase()), Kind.DUMP)
    text = (tmp_path / "backups" / "shop" / "RESTORE.md").read_text()
    assert "`shop`" in text
    for command in (
        "gunzip | psql",
        "zstd -d | tar",
        "pg_ctl",
        "recovery.signal",
        "sha256sum",
        "restore_command",
        "pg_combinebackup",
    ):
        assert command in text


def test_the_restored_cluster_writes_on_a_timeline_of_its_own(
    site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Two restores of one backup beside the original: none may write WAL under another's names."""
    system = system_for(site.url, encryption=by_passphrase())
    make(system, Kind.BASE)
    found = find_backup(system, "latest", Kind.BASE)
    restore_cluster(system, found, tmp_path / "copy")
    check_cluster(system, found.manifest, tmp_path / "copy")
    with running(tmp_path / "copy", site.installation) as copy, connected(copy.url) as connection:
        timeline = scalar(connection, "SELECT timeline_id FROM pg_control_checkpoint()")
    assert timeline == 2

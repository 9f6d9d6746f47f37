"""How the host is lost: a product is built, backed up, used by a customer, and killed in the midst of his orders."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.configuration.procedures.dns import DnsSettings
from dr.crypto.gnupg import stop_agent
from dr.demo.beside.tree import write
from dr.operations.wal.hurry import hurry
from dr.pipeline.process import run
from dr.postgres.canary import beat
from dr.postgres.connection import connected
from tests.contracts.traffic_subjects import new_zone
from tests.scenarios.forgotten import FORGOTTEN, forgetting
from tests.scenarios.lost_host import BROUGHT, CONFIRMED, KINDS, LostHost, Tied, amazon_of, stored_in
from tests.scenarios.product import Product, product
from tests.scenarios.surroundings import AFTER, BEFORE, NAME, Surroundings, surroundings


@contextmanager
def lost_host(directory: Path) -> Iterator[LostHost]:
    """Build it, back it up, let customers order, and lose it by SIGKILL in the midst of their orders."""
    with (
        product(directory / "here", kinds=KINDS) as made,
        surroundings(made.directory / "around", amazon_of(made), made.directory) as around,
    ):
        zone = new_zone(amazon_of(made))
        _protect(made, around, zone)
        with connected(made.superuser_url) as connection:
            beat(connection)
        with _confirmed_by_nobody_left(made):
            made.dr("backup", "--cloud", "--kind", "base")
        made.dr("infrastructure-backup", "--cloud")
        earlier = _tied(made, "redis", "files", "config")
        made.dr("erase", "--subject", str(FORGOTTEN), "--reason", "DSR-1", "--confirm", made.system.name)
        newest = _tied(made)
        shipped = len(made.acknowledged())
        _ship(made)
        made.writer.wait_for_more(5)
        assert made.receiver is not None
        made.receiver.kill()
        made.kill()
        disaster_at = datetime.now(UTC)
        made.writer.stop()
        amazon = amazon_of(made)
        stored = stored_in(amazon, next(store for store in made.system.stores if store.name == "cloud"))
        safe = made.directory / "safe"
        safe.mkdir(mode=0o700)
        key, passphrase = _escrow(made, safe)
        for name in BROUGHT:
            shutil.copy(made.directory / "beside" / name, safe / name)
        yield LostHost(
            product=made,
            newest=newest,
            earlier=earlier,
            acknowledged=made.acknowledged(),
            shipped=shipped,
            disaster_at=disaster_at,
            key_file=key,
            passphrase_file=passphrase,
            zone=zone,
            around=around,
            stored=stored,
        )


@contextmanager
def _confirmed_by_nobody_left(made: Product) -> Iterator[None]:
    """In the backup's settings commits wait for somebody who is lost as well; the server itself never reads that."""
    with connected(made.superuser_url) as connection:
        connection.execute(b"ALTER SYSTEM SET synchronous_standby_names = '%s'" % CONFIRMED.encode())
        yield
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")


def _protect(made: Product, around: Surroundings, zone: str) -> None:
    """Everything that the product is and that stands around it, and whoever asks to be forgotten."""
    components = around.protected(made.system.components)
    forgets = forgetting(made.directory / "erasure", made.superuser_url)
    assert forgets.statements is not None
    paths = (*components.config.paths, forgets.statements)
    components = replace(components, config=replace(components.config, paths=paths))
    made.reconfigure(dns=_dns(made, zone), components=components, erasure=forgets)


def _tied(made: Product, *kinds: str) -> Tied:
    """A recovery point of the newest base backup, with orders before it and after it."""
    made.writer.wait_for_more(5)
    before = len(made.acknowledged())
    label = made.tie_together(*kinds)
    at, until = datetime.now(UTC), len(made.acknowledged())
    made.writer.wait_for_more(5)
    return Tied(label, before, until, at)


def _ship(made: Product) -> None:
    """Everything that is committed now reaches the stores."""
    with connected(made.superuser_url) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text AS lsn").fetchone()
    assert row is not None
    assert hurry(made.system, 60, until=Lsn.parse(row["lsn"]))


def _dns(made: Product, zone: str) -> DnsSettings:
    cloud = next(store for store in made.system.stores if store.name == "cloud")
    return DnsSettings(
        region=cloud.region,
        endpoint_url=cloud.endpoint_url,
        access_key_id=cloud.access_key_id,
        secret_access_key=cloud.secret_access_key,
        zone=zone,
        names=(NAME,),
        primary=(BEFORE,),
        recovered=(AFTER,),
    )


def _escrow(made: Product, safe: Path) -> tuple[Path, Path]:
    """The key as it lies in a safe: exported, and protected by a passphrase that lies beside it."""
    passphrase, plain, key = safe / "passphrase", safe / "plain.asc", safe / "key.asc"
    write(passphrase, secrets.token_urlsafe(18))
    with tempfile.TemporaryDirectory(prefix="dr-safe-") as short:
        home = Path(short)
        try:
            _gpg(made.system.encryption.gnupg_home or home, "--output", plain, "--export-secret-keys")
            _gpg(home, "--import", plain)
            protect = ("--passphrase-file", passphrase)
            _gpg(home, *protect, "--change-passphrase", made.system.encryption.recipients[0])
            _gpg(home, *protect, "--output", key, "--export-secret-keys")
        finally:
            stop_agent(home)
    plain.unlink()
    return key, passphrase


def _gpg(home: Path, *words: str | Path) -> None:
    ended, _ = run("gpg", ("gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--armor", *words))
    assert ended.ok, ended.stderr

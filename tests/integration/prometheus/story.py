"""Faults made and mended in a real product while a real Prometheus looks on: played once, looked at by many tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dr.configuration.model import NotificationSettings, StoreSettings
from dr.postgres import canary
from dr.postgres.connection import connected
from dr.secret import Secret
from tests.endpoints.receivers import Receivers, receivers
from tests.integration.prometheus.observatory import Observatory, observatory, subject, told, until
from tests.scenarios.product import Product, product

Firing = dict[str, list[dict[str, Any]]]
AT_ONCE = (
    "drill-overdue", "receiver-down", "storage-critical", "corruption-detected", "rows-dropped", "store-silent",
)  # fmt: skip
"""What fires after the faults of the first act."""
MUCH_LATER = (
    "backup-overdue", "component-overdue", "verification-overdue", "alert-test-overdue", "certificate-ending",
    "certificate-ends", "drill-overdue", "run-missing", "copy-delayed", "upload-delayed",
)  # fmt: skip
"""What fires when nothing is done for 85 days: the certificate is one of 90."""
SILENCE = ("nothing-measured", "system-not-measured")


@dataclass(frozen=True, slots=True)
class Story:
    """What fired, in order: after faults, mended, 85 days later, the exporter killed, and with one of today again."""

    shop: Product
    watch: Observatory
    receivers: Receivers
    faulty: Firing
    mended: Firing
    later: Firing
    silent: Firing
    today: Firing

    def received(self, provider: str, path: str = "") -> list[dict[str, Any]]:
        """What a provider got, at a path that begins so."""
        return [entry for entry in self.receivers.received(provider) if entry.get("path", "").startswith(path)]

    def wait_until_told(self, what: str, provider: str, path: str = "", also: str = "") -> None:
        """That a provider was sent a message with this in it."""
        until(
            lambda: any(what in told(e) + subject(e) and also in told(e) for e in self.received(provider, path)),
            f"{what} {also} by {provider} {path}",
        )


@contextmanager
def played(directory: Path) -> Iterator[Story]:
    """The whole story; its processes go on running until the end."""
    with (
        receivers(directory) as told,
        product(directory / "here", kinds=("files", "certificates"), receiver=False) as shop,
        observatory(directory, told) as watch,
    ):
        attic = directory / "attic"
        hook = Secret(f"{told.url}/hook/test")
        shop.reconfigure(
            stores=(*shop.system.stores, StoreSettings("attic", "local", path=attic)),
            notifications=NotificationSettings(webhook=hook),
        )
        yield from _acts(shop, watch, told, attic)


def _acts(shop: Product, watch: Observatory, told: Receivers, attic: Path) -> Iterator[Story]:
    with shop.receiving() as receiver:
        _change(shop, "CREATE TABLE ledger AS SELECT generate_series(1, 200) AS id")
        shop.dr("backup")
        shop.tie_together()
        shop.dr("alert", "test", code=25)  # one channel is not enough, and is tested nevertheless
        seen = _seen_by_the_exporter(shop, watch)
        watch.exporter.start(seen)

        _change(shop, "DELETE FROM ledger")
        label = str(shop.dr("backup", "--kind", "dump")["backups"][0]["backup"])
        whole = _damage(shop, label)
        shop.run("verify-backup", label)
        receiver.kill()
    filler = watch.exporter.inside(watch.exporter.disk) / "filler"
    filler.write_bytes(bytes(7_700_000))
    away = attic.rename(attic.with_name("away"))
    faulty = watch.wait_until_firing(*AT_ONCE)

    with shop.receiving():
        filler.unlink()
        away.rename(attic)
        for path, data in whole.items():
            path.write_bytes(data)
        shop.dr("verify-backup", label)
        _change(shop, "INSERT INTO ledger SELECT generate_series(1, 200)")
        shop.dr("backup", "--kind", "dump")
        shop.dr("drill")
        mended = watch.wait_until_over(*AT_ONCE)

        watch.exporter.start(seen, days=85)
        later = watch.wait_until_firing(*MUCH_LATER)
        watch.exporter.kill()
        silent = watch.wait_until_firing(*SILENCE)
        watch.exporter.start(seen)
        today = watch.wait_until_over(*SILENCE, *MUCH_LATER)
        yield Story(shop, watch, told, faulty, mended, later, silent, today)


def _seen_by_the_exporter(shop: Product, watch: Observatory) -> dict[str, str]:
    """The same system with one store more, on the small disk that nobody else sees: it holds nothing yet."""
    stores = shop.system.stores
    shop.reconfigure(stores=(*stores, StoreSettings("small", "local", path=watch.exporter.disk)))
    environment = shop.environment
    shop.reconfigure(stores=stores)
    return environment


def _change(shop: Product, statement: str) -> None:
    """With a beat of the canary, by which a drill says what it would have lost."""
    with connected(shop.superuser_url) as connection:
        connection.execute(statement.encode())
        canary.create_table(connection)
        canary.beat(connection)


def _damage(shop: Product, label: str) -> dict[Path, bytes]:
    """Turn a byte in the middle of the dump's copy in the first store; the file as it was."""
    place = shop.system.stores[0].path
    assert place is not None
    (path,) = place.rglob(f"{label}.sql.gz.gpg")
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :])
    return {path: data}

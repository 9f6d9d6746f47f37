"""What is broken in the product while Prometheus looks on, and how it is mended."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from dr.catalog import labels
from dr.catalog.wal_names import Segment
from dr.configuration.model import StoreSettings
from dr.operations.repositories import open_repository
from dr.postgres import canary
from dr.postgres.connection import connected
from dr.storage.wal_catalogue import WalCatalogue
from tests.endpoints.line import Line
from tests.integration.prometheus.observatory import until
from tests.scenarios.product import Product
from tests.unit.crypto.keyrings import Keyring

DAYS_LEFT = 20
Removed = dict[tuple[str, str], bytes]
"""By store and key, what was there."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair in the product's own ring."""

    ring: Keyring
    fingerprint: str

    def lives_for_ever(self) -> None:
        """It and its subkeys."""
        for which in ((), ("*",)):
            self.ring.gpg("--quick-set-expire", self.fingerprint, "0", *which)


def second_key(shop: Product) -> Key:
    """One that ends soon."""
    ring = _ring(shop)
    return Key(ring, ring.new_key("second", lives=f"{DAYS_LEFT}d"))


def ended_key(shop: Product) -> str:
    """The fingerprint of one that lived for a day, long ago."""
    return _ring(shop).new_key("ended", clock="20260101T000000", lives="1d")


def _ring(shop: Product) -> Keyring:
    assert shop.system.encryption.gnupg_home is not None
    return Keyring(shop.system.encryption.gnupg_home)


def port_of(store: StoreSettings) -> int:
    """Of an S3 endpoint on loopback."""
    port = urlsplit(store.endpoint_url or "").port
    assert port is not None
    return port


def through(line: Line, stores: Iterable[StoreSettings]) -> tuple[StoreSettings, ...]:
    """The same stores, the S3 one reached by the line."""
    there = f"http://127.0.0.1:{line.port}"
    return tuple(replace(item, endpoint_url=there) if item.kind == "s3" else item for item in stores)


def fill_ledger(shop: Product) -> None:
    """A table of random rows, some MB of them, or what is missing of it.

    No page of it changes by itself from then on: an incremental backup that is large all the same tells of people.
    """
    _run(shop, "CREATE TABLE IF NOT EXISTS ledger (id integer PRIMARY KEY, entry text) WITH (autovacuum_enabled = off)")
    rows = "SELECT id, md5(random()::text) FROM generate_series(1, 120000) AS id"
    _run(shop, "INSERT INTO ledger " + rows + " ON CONFLICT DO NOTHING")
    _run(shop, "VACUUM (FREEZE, TRUNCATE off) ledger")
    _run(shop, "CHECKPOINT")


def empty_ledger(shop: Product) -> None:
    """Most of its rows are gone; its pages are still there, and all of them have changed."""
    _run(shop, "DELETE FROM ledger WHERE id % 20 <> 0")


def write_wal(shop: Product) -> None:
    """Enough that a segment is closed."""
    beat(shop)
    _run(shop, "SELECT pg_switch_wal()")
    beat(shop)


def beat(shop: Product) -> None:
    """Of the canary, by which a drill says what it would have lost."""
    with connected(shop.superuser_url) as connection:
        canary.create_table(connection)
        canary.beat(connection)


def _run(shop: Product, statement: str) -> None:
    with connected(shop.superuser_url) as connection:
        connection.execute(statement.encode())


def damage(shop: Product, label: str) -> dict[Path, bytes]:
    """Turn a byte in the middle of the dump's copy in the first store; the file as it was."""
    place = shop.system.stores[0].path
    assert place is not None
    (path,) = place.rglob(f"{label}.sql.gz.gpg")
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :])
    return {path: data}


def remove_wal(shop: Product) -> Removed:
    """A closed segment that every store has, with another behind it, from all of them."""
    repository = open_repository(shop.system)
    catalogue = WalCatalogue(shop.system.name, repository.stores.values())

    def common() -> list[str]:
        held = [{item.name for block in read.blocks for item in block.segments} for read in catalogue.read_all()]
        return sorted(set.intersection(*held))

    write_wal(shop)
    found = until(lambda: len(names := common()) > 2 and names, "every store has three closed segments")
    key = labels.wal_key(shop.system.name, Segment.parse(found[-2]))
    removed = {(name, key): store.read_bytes(key) for name, store in repository.stores.items()}
    for name, _ in removed:
        repository.store(name).delete(key)
    return removed


def put_back(shop: Product, removed: Removed) -> None:
    """Where it was."""
    repository = open_repository(shop.system)
    for (name, key), data in removed.items():
        repository.store(name).put_bytes(key, data)


@contextmanager
def taken_away(shop: Product, kind: str) -> Iterator[None]:
    """All copies of a kind in the first store, for a while."""
    assert shop.system.stores[0].path is not None
    place = shop.system.stores[0].path / shop.system.name / kind
    away = place.rename(shop.directory / f"{kind}-away")
    try:
        yield
    finally:
        away.rename(place)


def make_old(file: Path, minutes: int = 20) -> None:
    """As if whatever writes it had not run for so long."""
    then = time.time() - minutes * 60
    os.utime(file, (then, then))

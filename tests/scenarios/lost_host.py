"""A product whose host is gone, with everything on it; what is left is a bucket, an escrowed key and a configuration.

Built once, for it takes a while, and recovered by many scenarios one after the other, each on a host of its own: a
network namespace with nothing in it but the way to the bucket, an empty home, an empty state directory. The product's
own paths are the same on every host, as they are in real life; ``clear`` makes them a new host's again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dr.configuration.model import EncryptionSettings, StoreSettings, System
from dr.demo.beside.part import Compared
from dr.demo.configuration_file import environment_for, write_configuration
from tests.contracts.traffic_subjects import client, put
from tests.endpoints.serving import Endpoint
from tests.scenarios.machine import ROOT, Machine
from tests.scenarios.product import Product
from tests.scenarios.product_watch import end_all
from tests.scenarios.product_writer import Order
from tests.scenarios.surroundings import AFTER, BEFORE, NAME, TTL_SECONDS, Surroundings

__all__ = ["AFTER", "BEFORE", "KINDS", "Host", "LostHost", "Tied", "amazon_of", "stored_in"]

KINDS = ("redis", "files", "config", "secrets", "certificates", "code", "logs")
_STAYS = ("cloud", "application", "safe", "around")
"""What is not on the lost host: the cloud, the release that whoever sets up a host deploys, the safe with the key."""

CONFIRMED = "dr_lost"
"""Whom commits of the lost server waited for, by its backup's settings."""
BROUGHT = ("redis.conf", "references.sql")


@dataclass(frozen=True, slots=True)
class Host:
    """Where it is recovered: ``configuration`` is what its operator has written. ``home`` was empty."""

    lost: LostHost
    machine: Machine
    home: Path
    system: System
    environment: dict[str, str]

    def dr(self, *words: str, seconds: float = 400, **variables: str) -> subprocess.CompletedProcess[str]:
        """``dr --json`` on this host."""
        argv = (sys.executable, "-m", "dr.cli", *words, "--json")
        return self.machine.run(*argv, environment={**self.environment, **variables}, seconds=seconds)

    def recover(self, *words: str, code: int = 0, **variables: str) -> dict[str, Any]:
        """``dr full-recovery``, confirmed; its answer."""
        ended = self.dr("full-recovery", "--confirm", self.system.name, *words, **variables)  # type: ignore[arg-type]
        assert ended.returncode == code, ended.stdout[-3000:] + ended.stderr[-6000:]
        answer = msgspec.json.decode(ended.stdout)
        assert isinstance(answer, dict)
        return answer

    def here(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Ask the recovered product something, from this host."""
        return self.machine.do(action, *arguments)

    def missing(self) -> tuple[Order, ...]:
        """Acknowledged orders that are not there as they were."""
        there = self.there()
        return tuple(order for order in self.lost.acknowledged if order.reference not in there)

    def there(self) -> frozenset[str]:
        """References of the acknowledged orders that are there as they were."""
        found = self.here(self.lost.product.rows)
        return frozenset(order.reference for order in self.lost.acknowledged if found.issuperset(order.rows))

    def compared(self) -> dict[str, Compared]:
        """Every part beside the database that is brought to its place, held against what it was."""
        parts = [part for part in self.lost.product.parts if part.kind not in ("code", "logs")]
        return {str(part.kind): self.here(part.compare) for part in parts}

    def state(self) -> Path:
        """Where its procedures' journals lie."""
        return self.system.state_directory


@dataclass(frozen=True, slots=True)
class Tied:
    """A recovery point that was whole ``at`` this moment. The first ``before`` of the acknowledged orders came before
    its position, whatever came after the first ``until`` of them came later; of those between nobody knows.
    """

    label: str
    before: int
    until: int
    at: datetime

    def fits(self, acknowledged: tuple[Order, ...], there: frozenset[str]) -> bool:
        """Whether these orders, by their references, are the point's: all that came before it, and none later."""
        references = [order.reference for order in acknowledged]
        return there.issuperset(references[: self.before]) and there.isdisjoint(references[self.until :])


@dataclass(frozen=True, slots=True)
class LostHost:
    """``acknowledged`` were the orders that customers were told of, the ``shipped`` first of them before the last WAL
    that any store has. ``passphrase_file`` protects the ``key_file``. ``around`` is what stands around the host.
    ``newest`` is the recovery point that everything belongs to, ``earlier`` one before it that little belongs to.
    ``stored`` are the keys that the bucket had when the host was lost.
    """

    product: Product
    newest: Tied
    earlier: Tied
    acknowledged: tuple[Order, ...]
    shipped: int
    disaster_at: datetime
    key_file: Path
    passphrase_file: Path
    zone: str
    around: Surroundings
    stored: frozenset[str]

    @property
    def point(self) -> str:
        """The newest recovery point's label."""
        return self.newest.label

    @property
    def cloud(self) -> StoreSettings:
        return next(store for store in self.product.system.stores if store.name == "cloud")

    @property
    def amazon(self) -> Endpoint:
        """Where moto stands for Amazon."""
        return amazon_of(self.product)

    @property
    def port(self) -> int:
        """The bucket's."""
        port = urlsplit(self.amazon.url).port
        assert port is not None
        return port

    def leads_to(self) -> str:
        """Where the product's name leads, by Amazon's account."""
        return self.record()[0]

    def record(self) -> tuple[str, int]:
        """The same with its time to live, in seconds."""
        found = client(self.amazon, "route53").list_resource_record_sets(HostedZoneId=self.zone)
        record = next(one for one in found["ResourceRecordSets"] if one["Name"] == f"{NAME}.")
        return str(record["ResourceRecords"][0]["Value"]), int(record["TTL"])

    def lead_back(self) -> None:
        """As it was before the disaster."""
        put(self.amazon, self.zone, NAME, "A", BEFORE, ttl=TTL_SECONDS)
        self.around.lead_back()

    def clear_services(self) -> None:
        """Whatever runs there has ended."""
        end_all(self.product.directory)

    def clear(self) -> None:
        """Everything of the host is gone, and whatever runs there. The bucket has what it had then, and no more: what
        was recovered to an earlier moment on another host, and backed up there, would be the newest.
        """
        self.clear_services()
        _forget(self.amazon, self.cloud, self.stored)
        for path in self.product.directory.iterdir():
            if path.name in _STAYS:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.lead_back()
        # What whoever sets up a host brings along, and what installing Redis makes.
        (self.product.directory / "beside").mkdir()
        for name in BROUGHT:
            shutil.copy(self.product.directory / "safe" / name, self.product.directory / "beside" / name)
        (self.product.directory / "beside" / "redis").mkdir(mode=0o700)

    def host(self, name: str, machine: Machine, *, stores: tuple[StoreSettings, ...] = (), **sections: Any) -> Host:
        """A clean host with a configuration of its own; the bucket is its only store unless others are given."""
        self.clear()
        home = self.product.directory / name
        home.mkdir(mode=0o700)
        procedures = replace(self.product.system.procedures, **sections)
        system = replace(
            self.product.system,
            stores=stores or (self.cloud,),
            encryption=EncryptionSettings(recipients=self.product.system.encryption.recipients),
            state_directory=home / "state",
            procedures=procedures,
        )
        file = write_configuration(home, system)
        key = f'secret_key_file = "{self.key_file}"\npassphrase_file = "{self.passphrase_file}"\n'
        file.write_text(re.sub(r"(?m)^(recipients = .*\n)", lambda found: found[1] + key, file.read_text(), count=1))
        return Host(self, machine, home, system, self.variables(home, environment_for(file, system)))

    def variables(self, home: Path, own: dict[str, str]) -> dict[str, str]:
        """All that a process has on a clean host; ``import prefect`` fails there."""
        shims = home / "shims"
        shims.mkdir(exist_ok=True)
        (shims / "prefect.py").write_text("raise ImportError('Prefect is gone')\n")
        measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        return {
            **own,
            **measured,
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": f"{shims}:{ROOT}",
            "TERM": "dumb",
        }


def stored_in(amazon: Endpoint, store: StoreSettings) -> frozenset[str]:
    """The keys of a bucket."""
    pages = amazon.client().get_paginator("list_objects_v2").paginate(Bucket=store.bucket)
    return frozenset(item["Key"] for page in pages for item in page.get("Contents", ()))


def _forget(amazon: Endpoint, store: StoreSettings, but: frozenset[str]) -> None:
    later = [{"Key": key} for key in stored_in(amazon, store) - but]
    for begin in range(0, len(later), 1000):
        amazon.client().delete_objects(Bucket=store.bucket, Delete={"Objects": later[begin : begin + 1000]})


def amazon_of(made: Product) -> Endpoint:
    """Where moto stands for Amazon."""
    cloud = next(store for store in made.system.stores if store.name == "cloud")
    assert cloud.endpoint_url is not None
    assert cloud.access_key_id is not None
    assert cloud.secret_access_key is not None
    return Endpoint(cloud.endpoint_url, cloud.access_key_id, cloud.secret_access_key)

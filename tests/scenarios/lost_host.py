"""A product whose host is gone, with everything on it; what is left is a bucket, an escrowed key and a configuration.

Built once, for it takes a while, and recovered by many scenarios one after the other, each on a host of its own: a
network namespace with nothing in it but the way to the bucket, an empty home, an empty state directory. The product's
own paths are the same on every host, as they are in real life; ``clear`` makes them a new host's again.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dr.catalog.lsn import Lsn
from dr.configuration.model import EncryptionSettings, StoreSettings, System
from dr.configuration.procedures.dns import DnsSettings
from dr.crypto.gnupg import stop_agent
from dr.demo.beside.part import Compared
from dr.demo.beside.tree import write
from dr.demo.configuration_file import environment_for, write_configuration
from dr.operations.wal.hurry import hurry
from dr.pipeline.process import run
from dr.postgres.canary import beat
from dr.postgres.connection import connected
from tests.contracts.traffic_subjects import client
from tests.endpoints.serving import Endpoint
from tests.scenarios.machine import ROOT, Machine
from tests.scenarios.product import Product, product
from tests.scenarios.product_watch import end_all
from tests.scenarios.product_writer import Order

KINDS = ("redis", "files", "config", "secrets", "certificates", "code", "logs")
NAME = "shop.example.org"
BEFORE, AFTER = "192.0.2.1", "192.0.2.99"
_STAYS = ("cloud", "application", "safe")
"""What is not on the lost host: the cloud, the release that whoever sets up a host deploys, the safe with the key."""

_BROUGHT = ("redis.conf", "references.sql")


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
        found = self.here(self.lost.product.rows)
        return tuple(order for order in self.lost.acknowledged if not found.issuperset(order.rows))

    def compared(self) -> dict[str, Compared]:
        """Every part beside the database that is brought to its place, held against what it was."""
        parts = [part for part in self.lost.product.parts if part.kind not in ("code", "logs")]
        return {str(part.kind): self.here(part.compare) for part in parts}

    def state(self) -> Path:
        """Where its procedures' journals lie."""
        return self.system.state_directory


@dataclass(frozen=True, slots=True)
class LostHost:
    """``acknowledged`` were the orders that customers were told of, the ``shipped`` first of them before the last WAL
    that any store has. ``passphrase_file`` protects the ``key_file``.
    """

    product: Product
    point: str
    acknowledged: tuple[Order, ...]
    shipped: int
    disaster_at: datetime
    key_file: Path
    passphrase_file: Path
    zone: str

    @property
    def cloud(self) -> StoreSettings:
        return next(store for store in self.product.system.stores if store.name == "cloud")

    @property
    def amazon(self) -> Endpoint:
        """Where moto stands for Amazon."""
        url, key, secret = self.cloud.endpoint_url, self.cloud.access_key_id, self.cloud.secret_access_key
        assert url is not None
        assert key is not None
        assert secret is not None
        return Endpoint(url, key, secret)

    @property
    def port(self) -> int:
        """The bucket's."""
        port = urlsplit(self.amazon.url).port
        assert port is not None
        return port

    def leads_to(self) -> str:
        """Where the product's name leads, by Amazon's account."""
        found = client(self.amazon, "route53").list_resource_record_sets(HostedZoneId=self.zone)
        record = next(one for one in found["ResourceRecordSets"] if one["Name"] == f"{NAME}.")
        return str(record["ResourceRecords"][0]["Value"])

    def lead_back(self) -> None:
        """As it was before the disaster."""
        record = {"Name": NAME, "Type": "A", "TTL": 300, "ResourceRecords": [{"Value": BEFORE}]}
        changes = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        client(self.amazon, "route53").change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=changes)

    def clear_services(self) -> None:
        """Whatever runs there has ended."""
        end_all(self.product.directory)

    def clear(self) -> None:
        """Everything of the host is gone, and whatever runs there."""
        self.clear_services()
        for path in self.product.directory.iterdir():
            if path.name in _STAYS:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.lead_back()
        # What whoever sets up a host brings along, and what installing Redis makes.
        (self.product.directory / "beside").mkdir()
        for name in _BROUGHT:
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


@contextmanager
def lost_host(directory: Path) -> Iterator[LostHost]:
    """Build it, back it up, let customers order, and lose it by SIGKILL in the midst of their orders."""
    with product(directory / "here", kinds=KINDS) as made:
        zone = _name_in(made)
        made.reconfigure(dns=_dns(made, zone))
        with connected(made.superuser_url) as connection:
            beat(connection)
        point = made.back_up()
        made.writer.wait_for_more(10)
        shipped = len(made.acknowledged())
        _ship(made)
        made.writer.wait_for_more(5)
        assert made.receiver is not None
        made.receiver.kill()
        made.kill()
        disaster_at = datetime.now(UTC)
        made.writer.stop()
        safe = made.directory / "safe"
        safe.mkdir(mode=0o700)
        key, passphrase = _escrow(made, safe)
        for name in _BROUGHT:
            shutil.copy(made.directory / "beside" / name, safe / name)
        yield LostHost(made, point, made.acknowledged(), shipped, disaster_at, key, passphrase, zone)


def _ship(made: Product) -> None:
    """Everything that is committed now reaches the stores."""
    with connected(made.superuser_url) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text AS lsn").fetchone()
    assert row is not None
    assert hurry(made.system, 60, until=Lsn.parse(row["lsn"]))


def _name_in(made: Product) -> str:
    """A zone at Amazon in which the product's name leads to the host that will be lost."""
    cloud = next(store for store in made.system.stores if store.name == "cloud")
    assert cloud.endpoint_url is not None
    assert cloud.access_key_id is not None
    assert cloud.secret_access_key is not None
    amazon = Endpoint(cloud.endpoint_url, cloud.access_key_id, cloud.secret_access_key)
    made_zone = client(amazon, "route53").create_hosted_zone(Name="example.org", CallerReference=secrets.token_hex(8))
    return str(made_zone["HostedZone"]["Id"]).rpartition("/")[2]


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

"""Two regions on one machine: the product in the first, a streaming replica and an application in the second.

Each has its own directories and ports. Between them is a line that can be cut while both live; both reach the cloud
store without it. What an operator runs in the second region knows nothing of the first's machines but an address behind
that line (``second``); in the first region it is the other way round (``first``).
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dr.configuration.model import PostgresSettings, System, WalSettings
from dr.configuration.procedures.region import RegionSettings
from dr.configuration.procedures.services import ServiceSettings
from dr.demo.application.settings import DATABASE_URL, PORT
from dr.demo.beside.tree import write
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.estate import OWNER
from dr.demo.ports import LOOPBACK, reserved_port
from dr.errors import ServerUnreachable
from dr.operations.measure_loss import last_position
from dr.operations.wal.hurry import hurry
from dr.operations.wal.status import read_status
from dr.pipeline.process import Child, run
from dr.postgres.account import make_directory
from dr.postgres.connection import client_environment, connected, parameters
from dr.postgres.following import address_of, lay_standby
from dr.postgres.standby import server_role
from dr.secret import Secret
from dr.services.registry import service
from tests.scenarios.product import Product, product
from tests.scenarios.product_services import APPLICATION, DATABASE, ROOT, asked

STANDBY, SECOND_APPLICATION = "standby", "application-2"
QUIET_MINUTES = 3 / 60


@dataclass(slots=True)
class Regions:
    """Both regions. ``line`` is the relay's process; ``canary`` beats from a third place, as an observer does."""

    product: Product
    line: Child
    line_url: Secret
    standby_url: Secret
    standby_directory: Path
    second_port: int
    first: System
    second: System

    def dr(self, system: System, *words: str, code: int = 0, **variables: str) -> dict[str, Any]:
        """Run ``dr`` with one region's configuration; its JSON answer."""
        ended = self.run(system, *words, **variables)
        assert ended.returncode == code, ended.stdout + ended.stderr
        answer = json.loads(ended.stdout)
        assert isinstance(answer, dict)
        return answer

    def run(self, system: System, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same, as it ended."""
        argv = (sys.executable, "-m", "dr.cli", *words, "--json")
        return subprocess.run(
            argv, env=self.environment(system, **variables), capture_output=True, text=True, timeout=280, check=False
        )

    def environment(self, system: System, **variables: str) -> dict[str, str]:
        """Of a process of that region."""
        private = self.product.directory / f"region-{time.monotonic_ns()}"
        private.mkdir(mode=0o700)
        file = write_configuration(private, system)
        _ship_often(file, system)
        made = environment_for(file, system)
        return {**os.environ, **made, "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain", **variables}

    @contextmanager
    def canary(self) -> Iterator[Child]:
        """A row a second, noted where both regions' disasters do not reach."""
        argv = (sys.executable, "-m", "dr.cli", "canary")
        owner = dataclasses.replace(self.product.system, postgres=PostgresSettings(self.product.place.urls[OWNER]))
        with Child("canary", argv, environment=self.environment(owner), directory=ROOT) as child:
            wait(lambda: last_position(self.product.system) is not None or child.poll())
            assert child.poll() is None, child.stderr_so_far()
            yield child

    def cut_line(self) -> None:
        """From now on the regions do not see each other; both live."""
        self.line.signal(signal.SIGUSR1)
        wait(lambda: not server_role(self.standby_url).streaming)

    def mend_line(self) -> None:
        self.line.signal(signal.SIGUSR2)

    def wait_until_streaming(self) -> None:
        """The replica has all that the first region's server has at this moment."""
        end = server_role(self.product.superuser_url).end
        wait(lambda: server_role(self.standby_url).end >= end)

    def wait_until_shipped(self) -> None:
        """All that is committed at this moment lies in the stores."""
        end = server_role(self.product.superuser_url).end

        def shipped() -> bool:
            hurry(self.product.system, 1.0)
            status = read_status(self.product.system)
            return status is not None and status.stored_lsn is not None and status.stored_lsn >= end

        wait(shipped)

    def lose_first(self) -> None:
        """The first region goes: SIGKILL for its server, its application and its receiver."""
        if self.product.receiver is not None:
            self.product.receiver.kill()
        self.product.kill(APPLICATION, DATABASE)

    def with_region(self, system: System, **changes: Any) -> System:
        """The same system with other settings of ``region``."""
        region = dataclasses.replace(system.procedures.region, **changes)
        return dataclasses.replace(system, procedures=dataclasses.replace(system.procedures, region=region))


def wait(condition: Any, seconds: float = 30) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(ServerUnreachable):
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _ship_often(file: Path, system: System) -> None:
    """What the demo does not write: a receiver that stores the open segment every second."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n[system.{system.name}.wal]\npartial_seconds = {system.wal.partial_seconds}\n")


@contextmanager
def regions(directory: Path) -> Iterator[Regions]:
    """Build both, the replica streaming and everything protected; all is ended afterwards."""
    with ExitStack() as stack:
        made = stack.enter_context(product(directory, kinds=(), receiver=False))
        made.reconfigure(wal=WalSettings(partial_seconds=1))
        _ship_often(Path(made.environment["DR_CONFIG"]), made.system)
        made.receiver = stack.enter_context(made.receiving())
        place = made.place
        line_port, standby_port, second_port = (stack.enter_context(reserved_port()) for _ in range(3))
        line = stack.enter_context(_line(line_port, place.port))
        line_url = _at(made.superuser_url, line_port)
        standby_url = _at(made.superuser_url, standby_port)
        target = directory / "region-2" / "postgres"
        _copy(made, _at(made.system.postgres.url, line_port), target, standby_port)
        services = (*made.system.procedures.services, *_second_services(made, target, standby_url, second_port))
        procedures = dataclasses.replace(made.system.procedures, services=tuple(sorted(services, key=lambda s: s.name)))
        everything = dataclasses.replace(made.system, procedures=procedures)
        cloud = tuple(store for store in made.system.stores if store.kind == "s3")
        region = RegionSettings(
            standby_url=standby_url, services=(SECOND_APPLICATION,), quiet_minutes=QUIET_MINUTES, catch_up_minutes=1
        )
        found = Regions(made, line, line_url, standby_url, target, second_port, everything, everything)
        found.first = found.with_region(
            dataclasses.replace(everything, procedures=dataclasses.replace(procedures, region=region)),
            primary_url=made.superuser_url,
            primary_directory=place.production,
            primary_service=DATABASE,
            standby_directory=target,
            standby_service=STANDBY,
        )
        second = dataclasses.replace(
            procedures, region=region, application=dataclasses.replace(asked(second_port), warm_urls=())
        )
        # The first region's disk goes with it: only the cloud is seen from here.
        found.second = found.with_region(
            dataclasses.replace(everything, stores=cloud, procedures=second),
            primary_url=line_url,
            standby_directory=target,
            standby_service=STANDBY,
        )
        service(found.second, STANDBY).start(30)
        found.wait_until_streaming()
        stack.enter_context(found.canary())
        made.dr("backup", "--cloud", "--kind", "base")
        yield found


@contextmanager
def _line(listen: int, target: int) -> Iterator[Child]:
    argv = (sys.executable, "-m", "tests.scenarios.data_center_outage.line", str(listen), str(target))
    with Child("line", argv, directory=ROOT) as child:
        wait(lambda: "ready" in child.stderr_so_far())
        yield child


def _at(url: Secret, port: int) -> Secret:
    """The same role and database at another port."""
    return address_of(Secret(f"host={LOOPBACK} port={port}"), url)


def _copy(made: Product, source: Secret, target: Path, port: int) -> None:
    """The replica, as an operator sets one up."""
    make_directory(target.parent)
    account = make_directory(target, target.parent)
    argv = (
        made.place.installation.program("pg_basebackup"),
        f"--pgdata={target}",
        "--checkpoint=fast",
        "--wal-method=stream",
        f"--tablespace-mapping={made.directory / 'fast_disk'}={target.parent / 'fast_disk'}",
        "--no-sync",
    )
    environment = {key: value for key, value in client_environment(source).items() if key != "PGDATABASE"}
    ended, _ = run("pg_basebackup", argv, environment=environment, account=account)
    assert ended.ok, str(ended)
    with (target / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write(f"port = {port}\n")
    with connected(made.superuser_url) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('region_2', true)")
    lay_standby(target, source, "region_2", "region_2")


def _second_services(made: Product, target: Path, url: Secret, port: int) -> tuple[ServiceSettings, ...]:
    home = made.directory / "region-2" / "application"
    owner = made.place.urls[OWNER].reveal().replace(f":{made.place.port}/", f":{parameters(url)['port']}/")
    variables = {DATABASE_URL: owner, PORT: str(port), "PYTHONPATH": str(ROOT)}
    write(home / "environment", "".join(f'{name}="{value}"\n' for name, value in variables.items()))
    server = ServiceSettings(
        STANDBY,
        driver="process",
        command=(str(made.place.installation.program("postgres")), "-D", str(target)),
        owner_of=target,
        stop_signal="INT",
    )
    application = ServiceSettings(
        SECOND_APPLICATION,
        driver="process",
        after=(STANDBY,),
        command=(sys.executable, "-m", "dr.demo.application"),
        environment_file=home / "environment",
    )
    return server, application

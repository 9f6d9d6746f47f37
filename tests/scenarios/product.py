"""A whole product in a directory of its own, to be broken and recovered.

PostgreSQL, Redis and the application run as *services* of the process driver (``database``, ``redis``,
``application``), so procedures can stop and start them; beside them uploads, configuration, secrets and certificates, a
local store and an S3 one, keys, ``dr.toml``, and ``dr wal receive`` at work (``product(..., receiver=False)``: not).
Use it as a context manager, once per module, and look at what a disaster left in many tests::

    @pytest.fixture(scope="module")
    def shop(tmp_path_factory):
        with product(tmp_path_factory.mktemp("shop") / "here") as made:
            made.back_up()                      # dump or base backup, then everything beside: a recovery point
            made.writer.wait_for_more(5)        # orders acknowledged over HTTP
            made.kill("application")            # SIGKILL, its supervisor first: nothing starts it again
            answer = made.dr("recover-app", "--yes")
            yield made

    assert not shop.lost()                      # acknowledged orders that are not in the database as they were

Everything that was started is ended afterwards by its pid, also when the test run is killed. Settings of procedures are
given by section: ``product(directory, region=RegionSettings(...))``; ``made.reconfigure(...)`` changes them later.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from dr.configuration.components import ComponentSettings
from dr.configuration.model import System
from dr.configuration.procedures import ProcedureSettings
from dr.demo.beside.part import Part
from dr.demo.beside.redis import RedisPart
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.dataset import load_dataset
from dr.demo.estate import Estate, estate
from dr.demo.journal import Row
from dr.demo.ports import reserved_port
from dr.demo.queries import query
from dr.demo.receiver import Receiver, receiving
from dr.errors import ServiceError, SourceError
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.start import start_services
from dr.pipeline.process import Child
from dr.pipeline.process_table import session_members
from dr.postgres.connection import connected
from dr.postgres.digests import TEXT_FORMAT
from dr.secret import Secret
from dr.services.process.files import Process, Told, read_told
from dr.services.registry import order, services
from tests.scenarios.product_services import APPLICATION, DATABASE, REDIS, ROOT, deploy, system_of
from tests.scenarios.product_watch import end_all
from tests.scenarios.product_writer import Order, Writer

FEW = ("redis", "files", "config", "secrets", "certificates")
"""The kinds beside the database that are quick to build; ``code``, ``logs``, ``images`` and ``terraform`` are not."""


class Product:
    """What runs, and what may be done to it. ``place`` is the estate that it was built of."""

    def __init__(self, place: Estate, system: System, port: int, parts: tuple[Part, ...]) -> None:
        self.place, self.port, self.parts = place, port, parts
        self.system = system
        self.environment: dict[str, str] = {}
        self._configurations = 0
        self._writer: Writer | None = None
        self.receiver: Receiver | None = None
        self.reconfigure()

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def directory(self) -> Path:
        return self.place.directory

    @property
    def home(self) -> Path:
        """Where the application is deployed."""
        return self.directory / "application"

    @property
    def superuser_url(self) -> Secret:
        return self.place.superuser_url

    @property
    def url(self) -> str:
        """The application's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def uploads(self) -> Path:
        return self.directory / "beside" / "uploads"

    def part(self, kind: str) -> Part:
        """One of the parts beside the database; ``compare()`` tells whether it is as it was."""
        return next(part for part in self.parts if part.kind == kind)

    def reconfigure(self, **sections: Any) -> None:
        """Write ``dr.toml`` anew with other sections: of procedures by their names, or fields of the system."""
        procedures = {field.name for field in dataclasses.fields(ProcedureSettings)} & sections.keys()
        of_procedures = {name: sections.pop(name) for name in procedures}
        self.system = dataclasses.replace(
            self.system, **sections, procedures=dataclasses.replace(self.system.procedures, **of_procedures)
        )
        self._configurations += 1
        private = self.directory / f"configuration-{self._configurations}"
        private.mkdir(mode=0o700)
        self.environment = environment_for(write_configuration(private, self.system), self.system)

    # --- what is done with it -----------------------------------------------------------------------------------------

    def dr(self, *words: str, code: int = 0, runner: str = "plain", **variables: str) -> dict[str, Any]:
        """Run ``dr`` as an operator does; its JSON answer. ``variables`` are added to its environment."""
        ended = self.run(*words, runner=runner, **variables)
        assert ended.returncode == code, ended.stdout + ended.stderr
        answer = json.loads(ended.stdout)
        assert isinstance(answer, dict)
        return answer

    def run(self, *words: str, runner: str = "plain", **variables: str) -> subprocess.CompletedProcess[str]:
        """The same, as it ended."""
        argv = (sys.executable, "-m", "dr.cli", *words, "--json")
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT), "DR_RUNNER": runner, **variables}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=280, check=False)

    def back_up(self, kind: str = "base") -> str:
        """The database, then everything beside it; the label of the recovery point that ties them together."""
        self.dr("backup", "--cloud", "--kind", kind)
        return self.tie_together()

    def tie_together(self, *kinds: str) -> str:
        """Back up what is beside the database, or these kinds of it; the label of the recovery point."""
        only = [word for kind in kinds for word in ("--only", kind)]
        made = self.dr("application-backup", "--cloud", *only)["backups"]
        return next(str(item["backup"]) for item in made if item["kind"] == "point")

    @contextmanager
    def receiving(self, *, synchronous: bool = False) -> Iterator[Receiver]:
        """``dr wal receive`` at work: with ``synchronous`` nothing is acknowledged that is not here too."""
        here = dataclasses.replace(self.place, system=self.system, environment=self.environment)
        with receiving(here, synchronous=synchronous) as receiver:
            receiver.wait_until_receiving()
            yield receiver

    def deploy(self, release: str, program: str = "good") -> None:
        """A further release of the application, not started: ``good``, ``bad`` (it ends) or ``sick`` (it says so)."""
        deploy(self.home, release, program)

    # --- what is written ----------------------------------------------------------------------------------------------

    @property
    def writer(self) -> Writer:
        """A customer who orders; begins with the first look at it."""
        if self._writer is None:
            with connected(self.superuser_url) as connection:
                row = connection.execute("SELECT max(id) AS n FROM shop.users").fetchone()
            self._writer = Writer(self.port, int(row["n"]) if row else 0)
        return self._writer

    def stop_writing(self) -> None:
        """The next look at ``writer`` begins another one; what this one noted is forgotten."""
        if self._writer is not None:
            self._writer.stop()
            self._writer = None

    def acknowledged(self) -> tuple[Order, ...]:
        """Every order that the customer was told of."""
        return self.writer.acknowledged

    def rows(self, url: Secret | None = None) -> frozenset[Row]:
        """The rows of the customer's orders that the database holds now, each with the digest of its content."""
        with connected(url or self.superuser_url) as connection:
            for statement in TEXT_FORMAT:
                connection.execute(statement)
            found = connection.execute(query("order_rows"), {"run": self.writer.run}).fetchall()
        return frozenset(Row(**row) for row in found)

    def lost(self, url: Secret | None = None) -> tuple[Order, ...]:
        """Acknowledged orders of which not every row is there as it was."""
        told = self.acknowledged()  # before the look: what is acknowledged meanwhile may be there or not
        there = self.rows(url)
        return tuple(order for order in told if not there.issuperset(order.rows))

    # --- what is broken -----------------------------------------------------------------------------------------------

    def told(self, name: str) -> Told:
        """What the supervisor of a service says of it."""
        told = read_told(self.system.state_directory / "services" / self.system.name / name)
        assert told is not None, f"{name} was never started"
        return told

    def pid(self, name: str) -> int:
        """The process of a service."""
        child = self.told(name).child
        assert child is not None, f"{name} does not run"
        return child.pid

    def kill(self, *names: str, supervised: bool = False) -> None:
        """SIGKILL for services and all they started. Nobody starts them again, unless they stay ``supervised``."""
        for name in names or (APPLICATION, REDIS, DATABASE):
            told = self.told(name)
            _kill(*(() if supervised else (told.supervisor,)), *((told.child,) if told.child is not None else ()))

    def hang(self, name: str) -> None:
        """SIGSTOP for a service and all it started: connections are accepted, and nothing is answered."""
        child = self.told(name).child
        assert child is not None, f"{name} does not run"
        for pid in [*session_members(child.pid, child.start)]:
            os.kill(pid, signal.SIGSTOP)

    def remove(self, path: Path) -> None:
        """A disk that has gone."""
        shutil.rmtree(path)


@contextmanager
def product(
    directory: Path,
    *,
    kinds: tuple[str, ...] = FEW,
    scale: float = 0.005,
    receiver: bool = True,
    synchronous: bool = False,
    **sections: Any,
) -> Iterator[Product]:
    """Build it in ``directory``, which must be new, and start it. ``kinds`` are the parts beside the database."""
    with ExitStack() as stack:
        place = stack.enter_context(estate(directory, with_beside=True))
        load_dataset(place, scale)
        parts = tuple(part for part in place.beside.parts if part.kind in kinds)
        components = ComponentSettings()
        for part in parts:
            part.fill()
            components = part.settle(components)
        port = stack.enter_context(reserved_port())
        system = system_of(place, components, port, sections)
        watch = (sys.executable, "-m", "tests.scenarios.product_watch", str(directory))
        stack.enter_context(Child("watch", watch, stdin=subprocess.PIPE, directory=ROOT, death_signal="TERM"))
        # From here on they are services: what the estate began for itself is ended in order first.
        place.server.end()
        for part in parts:
            if isinstance(part, RedisPart):
                part.end()
        made = Product(place, system, port, parts)
        stack.callback(_end, made)
        start_services(made.system, order(made.system))
        wait_until_healthy(made.system)
        if receiver:
            made.receiver = stack.enter_context(made.receiving(synchronous=synchronous))
        yield made


def _kill(*processes: Process) -> None:
    """The supervisor first, or it would start it again; then whatever is left of the command."""
    for process in processes:
        members = [*session_members(process.pid, process.start)]
        for pid in {process.pid, *members} if process.alive else members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _end(made: Product) -> None:
    made.stop_writing()
    for service in reversed(services(made.system)):
        with suppress(ServiceError, SourceError):
            service.stop(10)
    end_all(made.directory)

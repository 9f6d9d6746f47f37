"""The same small program under every driver: what the conformance suite needs of each, whatever runs the service.

A real manager of systemd is run for it in namespaces of its own, and a real Docker engine (``engine.py``). That takes
root: for ordinary users ``stand_in.py`` stands for ``docker compose``, and for ``kubectl`` always, with real processes
behind them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from dr.configuration.procedures.services import ServiceSettings
from dr.pipeline.launch import tool
from dr.pipeline.process import Child
from dr.pipeline.process_table import process_start
from dr.services import compose as compose_driver
from dr.services.compose import ComposeService
from dr.services.kubernetes import KubernetesService
from dr.services.process import ProcessService
from dr.services.protocol import Service
from dr.services.systemd import SystemdService
from tests.integration.services.engine import Engine

ROOT = Path(__file__).resolve().parents[3]
OLDEST, OLD, NEW = "v8", "v9", "v10"
_PROGRAM = """\
import os, signal, sys, time
with open({started!r}, "a") as started:
    started.write("{release} %d\\n" % os.getpid())
mode = {mode!r}
if mode == "bad":
    sys.exit("no such setting: SHOP_NAME; postgresql://shop:hunter22@db/shop")
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("release {release} is up", flush=True)
while True:
    time.sleep(60)
"""
_SCRIPT = """\
echo "{release} $$" >> {started}
case {mode} in
    bad) echo "no such setting: SHOP_NAME; postgresql://shop:hunter22@db/shop" >&2; exit 1 ;;
    stubborn) trap "" TERM ;;
esac
echo "release {release} is up"
while true; do sleep 1; done
"""
"""The same where there is no Python."""
SYSTEMD = "/lib/systemd/systemd"


@dataclass(slots=True)
class Case:
    """One service that is not started yet. ``started`` has a line per start: the release, and the process."""

    service: Service
    directory: Path
    keeps_words: bool = True
    restarts: bool = False
    """Whether its driver starts it again by itself, so that a crash is over before anybody looks."""

    @property
    def started(self) -> list[tuple[str, int]]:
        file = self.directory / "started"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    @property
    def alive(self) -> list[int]:
        """Processes of it that run now."""
        return [pid for _, pid in self.started if process_start(pid)]


@dataclass(slots=True)
class Bench:
    """Makes cases of one driver in a directory."""

    directory: Path
    made: list[Case] = field(default_factory=list)
    copies: ClassVar[int] = 1
    """How many processes run one service."""
    program: ClassVar[str] = _PROGRAM

    def case(self, mode: str = "good", *, older: str = "", oldest: str = "") -> Case:
        """``mode``: good, bad (it ends at once) or stubborn (SIGTERM does not end it); the others: releases before."""
        wanted = {OLDEST: oldest, OLD: older, NEW: mode}
        case = Case(self._service(self._lay_out(wanted)), self.directory)
        self.made.append(case)
        self._settle(case)
        return case

    def end(self) -> None:
        for case in self.made:
            for pid in case.alive:
                os.kill(pid, signal.SIGKILL)

    def _settle(self, case: Case) -> None:
        """Whatever of a case is special to this driver."""

    def _service(self, program: Path) -> Service:
        raise NotImplementedError

    def _lay_out(self, releases: Mapping[str, str]) -> Path:
        """The program by the path through ``current``."""
        for release, wanted in releases.items():
            if wanted:
                place = self.directory / "releases" / release
                place.mkdir(parents=True)
                text = self.program.format(started=str(self.directory / "started"), release=release, mode=wanted)
                (place / "web.py").write_text(text)
                self._add(place, release)
        (self.directory / "current").symlink_to(f"releases/{NEW}")
        return self.directory / "current" / "web.py"

    def _add(self, place: Path, release: str) -> None:
        """What a release has besides its program."""

    def _releases(self) -> Path:
        return self.directory / "releases"


class ProcessBench(Bench):
    """Our own supervisor."""

    def _service(self, program: Path) -> Service:
        argv = (sys.executable, str(program))
        settings = ServiceSettings("web", driver="process", command=argv, releases=self._releases())
        return ProcessService(settings, self.directory / "web")

    def _settle(self, case: Case) -> None:
        case.restarts = True

    def end(self) -> None:
        for case in self.made:
            case.service.stop(5)
        Bench.end(self)


class ComposeBench(Bench):
    """``docker compose``, or what stands for it."""

    def _add(self, place: Path, release: str) -> None:
        web = {"image": f"shop:{release}", "command": [sys.executable, str(place / "web.py")]}
        (place / "compose.yaml").write_text(json.dumps({"services": {"web": web}}))

    def _service(self, program: Path) -> Service:
        return ComposeService(
            ServiceSettings("web", driver="compose", directory=self.directory / "current", releases=self._releases())
        )


@dataclass(slots=True)
class EngineBench(ComposeBench):
    """A Docker engine, with containers that share this machine's process numbers."""

    engine: Engine | None = None
    program: ClassVar[str] = _SCRIPT

    def _add(self, place: Path, release: str) -> None:
        web = {
            "image": f"shop:{release}",
            "command": ["/bin/sh", str(place / "web.py")],
            "network_mode": "host",
            "pid": "host",
            "volumes": [f"{self.directory}:{self.directory}"],
        }
        (place / "compose.yaml").write_text(json.dumps({"services": {"web": web}}))

    def end(self) -> None:
        if self.engine is not None:
            self.engine.clear()
        Bench.end(self)


class KubernetesBench(Bench):
    """``kubectl``, or what stands for it; two replicas."""

    copies: ClassVar[int] = 2

    def _service(self, program: Path) -> Service:
        revisions = {
            str(number): [sys.executable, str(self._releases() / release / "web.py")]
            for number, release in ((8, OLDEST), (9, OLD), (10, NEW))
            if (self._releases() / release).is_dir()
        }
        web = {"replicas": 0, "generation": 1, "annotations": {"coreflow360-dr/replicas": "2"}, "revision": "10"}
        cluster = {"context": "production", "workloads": {"deployment/web": {**web, "revisions": revisions}}}
        (self.directory / "cluster.json").write_text(json.dumps(cluster))
        return KubernetesService(ServiceSettings("web", driver="kubernetes", context="production", namespace="shop"))

    def _settle(self, case: Case) -> None:
        case.restarts = True

    def end(self) -> None:
        for state in self.directory.glob("*.pod"):
            os.kill(json.loads(state.read_text())["keeper"], signal.SIGKILL)
        Bench.end(self)


@dataclass(slots=True)
class SystemdBench(Bench):
    """A real manager of systemd, as a user has it. It keeps no journal here, so no last words."""

    manager: Child | None = None

    def _service(self, program: Path) -> Service:
        units = self.directory / "config" / "systemd" / "user"
        units.mkdir(parents=True)
        text = f'[Service]\nExecStart="{sys.executable}" "{program}"\nStandardOutput=null\nTimeoutStopSec=60\n'
        (units / "web.service").write_text(text)
        settings = ServiceSettings("web", user_manager=True, releases=self._releases())
        return SystemdService(settings)

    def _settle(self, case: Case) -> None:
        case.keeps_words = False


@contextmanager
def compose_bench(directory: Path, environment: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Docker Compose."""
    with _stand_in(directory, environment, "docker"):
        yield from _ended(ComposeBench(directory))


@contextmanager
def engine_bench(directory: Path, environment: pytest.MonkeyPatch, running: Engine | None) -> Iterator[Bench]:
    """Docker Compose with an engine behind it."""
    if running is None:
        pytest.skip("not applicable: a Docker engine needs root")
    for name, value in running.variables.items():
        environment.setenv(name, value)
    forget()
    try:
        yield from _ended(EngineBench(directory, engine=running))
    finally:
        forget()


@contextmanager
def kubernetes_bench(directory: Path, environment: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Kubernetes."""
    with _stand_in(directory, environment, "kubectl"):
        yield from _ended(KubernetesBench(directory))


@contextmanager
def process_bench(directory: Path, environment: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Our own supervisor."""
    yield from _ended(ProcessBench(directory))


@contextmanager
def systemd_bench(directory: Path, environment: pytest.MonkeyPatch) -> Iterator[Bench]:
    """systemd, in namespaces of its own: nothing of this machine's is asked, nothing of it is left."""
    if not Path(SYSTEMD).exists() or shutil.which("systemctl") is None or shutil.which("unshare") is None:
        pytest.skip("not applicable: this machine has no systemd")
    runtime = directory / "run"
    runtime.mkdir(mode=0o700)
    variables = {"XDG_RUNTIME_DIR": str(runtime), "XDG_CONFIG_HOME": str(directory / "config")}
    for name, value in {**variables, "DBUS_SESSION_BUS_ADDRESS": ""}.items():
        environment.setenv(name, value)
    # It runs on a machine that was booted by systemd only, or that looks so: in its own /run that costs a directory.
    booted = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec " + SYSTEMD + " --user"
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    argv = ("unshare", *user, "--mount", "--fork", "--kill-child", "--", "sh", "-c", booted)
    with Child("systemd", argv, environment=variables) as manager:
        deadline = time.monotonic() + 10
        while not _answers(variables):
            if manager.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"not applicable: no manager of systemd runs here: {manager.stderr_so_far()[-300:]}")
            time.sleep(0.05)
        yield from _ended(SystemdBench(directory, manager=manager))


BENCHES = {
    "process": process_bench,
    "systemd": systemd_bench,
    "compose": compose_bench,
    "kubernetes": kubernetes_bench,
}


def _ended(bench: Bench) -> Iterator[Bench]:
    try:
        yield bench
    finally:
        bench.end()


@contextmanager
def _stand_in(directory: Path, environment: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """A program of that name, first on PATH."""
    place = directory / "bin"
    place.mkdir()
    line = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.integration.services.stand_in {name} "$@"'
    (place / name).write_text(f"#!/bin/sh\n{line}\n")
    (place / name).chmod(0o755)
    environment.setenv("PATH", str(place), prepend=os.pathsep)
    environment.setenv("STAND_IN", str(directory))
    forget()
    try:
        yield
    finally:
        forget()


def forget() -> None:
    """Where programs are is looked up once per process."""
    tool.cache_clear()
    compose_driver.program.cache_clear()


def _answers(variables: Mapping[str, str]) -> bool:
    argv = ("systemctl", "--user", "show", "--property=Version")
    ended = subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, check=False)
    return ended.returncode == 0

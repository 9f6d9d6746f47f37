"""The systemd units are sound, and agree with the programs that they start."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from deployments.registry import WORK_POOL
from dr.operations.wal.receive import LAST_SHIPMENT_SECONDS

UNITS = Path(__file__).parents[3] / "deployments" / "systemd"
NAMES = (
    "coreflow360-prefect-server.service",
    "coreflow360-worker.service",
    "coreflow360-canary.service",
    "coreflow360-dr-wal@.service",
    "coreflow360-dr-metrics@.service",
)
BIN = "/opt/coreflow360-dr/.venv/bin"


class _Unit(configparser.ConfigParser):
    """systemd's own dialect: keys keep their case and may be given several times."""

    def __init__(self, file: Path) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.read(file, encoding="utf-8")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.mark.parametrize("name", NAMES)
def test_systemd_accepts_the_unit(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about it, once its programs are there."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("not applicable: this machine has no systemd")
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("prefect", "python", "dr"):
        (programs / program).symlink_to("/bin/true")
    for each in NAMES:  # they name each other
        (tmp_path / each).write_text((UNITS / each).read_text(encoding="utf-8").replace(BIN, str(programs)))

    told = subprocess.run(
        (analyze, "verify", "--man=no", str(tmp_path / name)), capture_output=True, text=True, check=False
    )

    ours = [line for line in (told.stdout + told.stderr).splitlines() if "coreflow360" in line]
    assert (told.returncode, ours) == (0, [])


def test_every_unit_is_covered() -> None:
    """A unit that is added is verified too."""
    assert sorted(file.name for file in UNITS.iterdir()) == sorted(NAMES)


def test_the_worker_takes_from_our_pool_and_is_drained_before_it_is_told_to_end() -> None:
    """Its stop command may take as long as it waits for runs, and only the worker itself gets the signal."""
    service = _Unit(UNITS / "coreflow360-worker.service")["Service"]

    assert service["ExecStart"].split()[1:5] == ["worker", "start", "--pool", WORK_POOL]
    program, *arguments, seconds = service["ExecStop"].split()
    assert (program, arguments) == (f"{BIN}/python", ["-m", "deployments.draining", "$MAINPID"])
    assert int(service["TimeoutStopSec"]) > int(seconds) + 60
    assert service["KillMode"] == "mixed"


def test_the_receiver_comes_back_always_and_has_time_to_ship_when_it_is_told_to_end() -> None:
    """While it is away the server's disk fills; out of memory, others go first."""
    unit = _Unit(UNITS / "coreflow360-dr-wal@.service")
    service = unit["Service"]

    assert service["ExecStart"] == f"{BIN}/dr wal receive --system %i"
    assert (service["Restart"], unit["Unit"]["StartLimitIntervalSec"]) == ("always", "0")
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > LAST_SHIPMENT_SECONDS + 30
    assert int(service["OOMScoreAdjust"]) < 0


def test_the_exporter_is_found_where_prometheus_looks_for_it() -> None:
    """The port of the example, and it comes back always."""
    service = _Unit(UNITS / "coreflow360-dr-metrics@.service")["Service"]

    assert service["ExecStart"] == f"{BIN}/dr metrics serve ${{LISTEN}} --system %i"
    assert (
        service["Environment"].removeprefix("LISTEN=") in (UNITS.parent / "prometheus" / "prometheus.yml").read_text()
    )
    assert service["Restart"] == "always"


@pytest.mark.parametrize("name", NAMES)
def test_no_unit_holds_a_secret_or_runs_as_root(name: str) -> None:
    """Secrets come by an EnvironmentFile that only root reads."""
    service = _Unit(UNITS / name)["Service"]

    assert service["User"] == "coreflow360"
    assert service["EnvironmentFile"].lstrip("-").startswith("/etc/coreflow360-dr/")
    given = (UNITS / name).read_text(encoding="utf-8")
    environment = [line for line in given.splitlines() if line.startswith("Environment=")]
    assert not [line for line in environment if "KEY" in line or "PASSWORD" in line or "AUTH" in line]

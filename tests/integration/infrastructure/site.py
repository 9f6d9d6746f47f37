"""A module that makes two machines in a disaster, one after the other; the second waits at a gate.

Only the provider that is built in is used, so nothing is fetched. ``python -m tests.integration.infrastructure.site``
applies a plan in a process of its own, which a test kills.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from dr.configuration.model import System
from dr.configuration.procedures.infrastructure import InfrastructureSettings
from dr.operations.infrastructure import InfrastructurePlan, apply_infrastructure, plan_infrastructure
from tests.contracts.traffic_subjects import system_with
from tests.integration.components.states import module

ROOT = Path(__file__).resolve().parents[3]
HUSH = "made-up-and-secret"
CODE = """
variable "disaster_recovery" { default = false }
variable "gate" { default = "" }
variable "size" { default = "small" }
variable "token" {
  default   = "HUSH"
  sensitive = true
}
resource "terraform_data" "first" {
  count = var.disaster_recovery ? 1 : 0
  input = "${var.size} ${var.token}"
}
resource "terraform_data" "second" {
  count      = var.disaster_recovery ? 1 : 0
  input      = var.size
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "touch '${var.gate}.reached'; while [ -e '${var.gate}' ]; do sleep 0.05; done"
  }
}
output "web" { value = ["203.0.113.1", "203.0.113.2"] }
output "size" { value = var.size }
output "machines" { value = { first = "a" } }
output "key" {
  value     = var.token
  sensitive = true
}
""".replace("HUSH", HUSH)


class Site:
    """A directory with the module, its system and its gate."""

    def __init__(self, directory: Path, code: str = CODE, **settings: Any) -> None:
        self.directory = directory
        self.module = module(directory / "infrastructure", code)
        self.gate = directory / "gate"
        self.settings: dict[str, Any] = {"variables": (f"gate={self.gate}",), "lock_wait_minutes": 0.0} | settings

    def system(self, **changes: Any) -> System:
        settings = InfrastructureSettings(directory=self.module, **(self.settings | changes))
        return system_with(self.directory / "state", infrastructure=settings)

    def plan(self, **changes: Any) -> InfrastructurePlan:
        return plan_infrastructure(self.system(**changes), self.module)

    def state(self) -> dict[str, str]:
        """The machines there are: address and id. A Terraform that ends by itself may be writing the file just now."""
        file = self.module / "terraform.tfstate"
        until = time.monotonic() + 30
        while file.exists() and not file.read_bytes().endswith(b"}\n") and time.monotonic() < until:
            time.sleep(0.05)
        found = json.loads(file.read_bytes())["resources"] if file.exists() else []
        return {
            f"{one['type']}.{one['name']}": instance["attributes"]["id"]
            for one in found
            for instance in one["instances"]
            if instance.get("status") != "tainted"
        }

    @contextmanager
    def stuck(self, plan: InfrastructurePlan) -> Iterator[subprocess.Popen[bytes]]:
        """A process that applies the plan and has come to the gate."""
        self.gate.touch()
        asked = msgspec.json.encode([str(self.directory), plan])
        (self.directory / "asked.json").write_bytes(asked)
        argv = (sys.executable, "-m", "tests.integration.infrastructure.site", str(self.directory / "asked.json"))
        with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                self._wait_for_gate(process)
                yield process
            finally:
                self.gate.unlink(missing_ok=True)
                process.kill()

    def _wait_for_gate(self, process: subprocess.Popen[bytes]) -> None:
        reached, end = Path(f"{self.gate}.reached"), time.monotonic() + 60
        while not reached.exists():
            assert time.monotonic() < end
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)


def terraform_below(pid: int) -> int:
    """The process of Terraform that a process of ours has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [int(child) for child in children if "apply" in Path(f"/proc/{child}/cmdline").read_text().split("\0")]
    assert len(found) == 1, children
    return found[0]


def wait_until_gone(pid: int) -> None:
    """A process that was told to stop, or that was killed."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError(f"{pid} does not end")


def kill(pid: int) -> None:
    """At once, as a power failure does."""
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)


if __name__ == "__main__":
    where, agreed = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=tuple[str, InfrastructurePlan])
    apply_infrastructure(system_with(Path(where) / "state"), agreed)

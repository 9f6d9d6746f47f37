"""The shop's infrastructure as code: a module that was applied, with its state; a state alone where no program is."""

from __future__ import annotations

import dataclasses
import json
import secrets
import uuid
from pathlib import Path

from dr.catalog.labels import Kind
from dr.components.terraform.local_states import STATE
from dr.components.terraform.module import DATA
from dr.components.terraform.program import Program, found_program, headlines
from dr.configuration.components import ComponentSettings
from dr.configuration.components.terraform import TerraformSettings
from dr.configuration.model import System
from dr.demo.beside.part import Compared, Room, some
from dr.demo.beside.tree import Seen, TreePart, plain, write
from dr.errors import ToolError
from dr.operations.component.restore import RestoredComponent

_DEADLINE_SECONDS = 120
_QUIET = ("-input=false", "-no-color")
_CODE = """\
variable "password" {
  type      = string
  sensitive = true
}
variable "zones" {
  type    = list(string)
  default = ["a", "b", "c"]
}
resource "terraform_data" "network" {
  count = length(var.zones)
  input = "10.0.${count.index}.0/24 in zone ${var.zones[count.index]}"
}
resource "terraform_data" "database" {
  input      = { size = 100, password = var.password }
  depends_on = [terraform_data.network]
}
output "networks" {
  value = terraform_data.network[*].output
}
"""


class Terraform(TreePart):
    """``network``: code and state in one directory."""

    kind = Kind.TERRAFORM
    word = "files of code and state"

    def __init__(self, room: Room) -> None:
        super().__init__(room.directory / "terraform" / "network")
        self._path = found_program("")

    @property
    def note(self) -> str:
        if self._path is not None:
            return ""
        return "Neither terraform nor tofu is installed: of infrastructure as code there is a state file alone."

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        settings = TerraformSettings(directories=self.roots)
        if self._path is None:
            settings = TerraformSettings(state_files=(self.roots[0] / STATE,))
        return dataclasses.replace(components, terraform=settings)

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        (root,) = self.roots
        if self._path is not None:
            Path(restored.directory, root.name).rename(root)
            return
        (state,) = Path(restored.directory).glob("*.states/*.tfstate")
        root.mkdir(mode=0o700)
        state.rename(root / STATE)

    def compare(self) -> Compared:
        compared = super().compare()
        if self._path is None or compared.problems:
            return compared
        # Code and state that fit each other: Terraform itself finds nothing to do.
        self._run("init", *_QUIET)
        ended, _ = self._program().run("plan", *_QUIET, "-lock=false", "-detailed-exitcode")
        problems = () if ended.ok else (f"terraform plan does not find what its state says: {headlines(ended)}",)
        return Compared(f"{compared.came_back}; terraform plans no change", some(problems))

    def _make(self) -> None:
        (root,) = self.roots
        if self._path is None:
            write(root / STATE, _state(), 0o644)
            return
        write(root / "main.tf", _CODE, 0o644)
        write(root / "terraform.tfvars", f'password = "{secrets.token_urlsafe(18)}"\n')
        self._run("init", *_QUIET)
        self._run("apply", *_QUIET, "-auto-approve")

    def _run(self, *arguments: str) -> None:
        ended, _ = self._program().run(*arguments)
        if not ended.ok:
            raise ToolError(f"terraform {arguments[0]} failed", headlines(ended), "Run it by hand.")

    def _program(self) -> Program:
        return Program(self._path or "", self.roots[0], _DEADLINE_SECONDS)

    def _now(self) -> dict[str, Seen]:
        """Without what ``init`` makes anew."""
        return {name: seen for name, seen in super()._now().items() if DATA not in Path(name).parts}

    def _judged(self, seen: Seen) -> Seen:
        return plain(seen)


def _state() -> str:
    """A state as Terraform writes it, with one resource whose password is made up."""
    attributes = {"input": {"value": secrets.token_urlsafe(18), "type": "string"}}
    resource = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "database",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [{"schema_version": 0, "attributes": attributes}],
    }
    document = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": str(uuid.uuid4()), "outputs": {}}
    return json.dumps(document | {"resources": [resource]}, indent=2)

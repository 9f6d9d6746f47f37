"""State files and modules for tests, as Terraform writes them; the real program where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

PROGRAM = shutil.which("terraform") or shutil.which("tofu")
LINEAGE = "114ec67a-3eea-a644-9b6e-62cef87e347f"
CODE = """
variable "gate" { default = "" }
variable "words" {
  type    = list(string)
  default = ["one", "two"]
}
resource "terraform_data" "word" {
  count = length(var.words)
  input = var.words[count.index]
  provisioner "local-exec" { command = "while [ -e '${var.gate}' ]; do sleep 0.1; done" }
}
output "password" {
  value     = "made-up-in-a-test"
  sensitive = true
}
"""


def state(serial: int = 3, value: str = "made-up-in-a-test", lineage: str = LINEAGE) -> bytes:
    """A state with three resources of two types and an output that is a secret."""
    aws = 'provider["registry.terraform.io/hashicorp/aws"]'
    database = {"schema_version": 1, "attributes": {"password": value}}
    kinds: tuple[tuple[str, str, list[dict[str, object]]], ...] = (
        ("managed", "aws_db_instance", [database, {"deposed": "4f3a", "attributes": {}}]),
        ("managed", "aws_instance", [{"index_key": number, "attributes": {}} for number in range(2)]),
        ("data", "aws_region", [{"attributes": {}}]),
    )
    resources = [
        {"mode": mode, "type": kind, "name": "shop", "provider": aws, "instances": instances}
        for mode, kind, instances in kinds
    ]
    document = {"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": lineage}
    return json.dumps(document | {"outputs": {"password": {"value": value}}, "resources": resources}).encode()


def module(path: Path, code: str = CODE) -> Path:
    """A root module."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "main.tf").write_text(code)
    return path


def tree(path: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(one.relative_to(path)): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}


def required_terraform() -> str:
    """The program, or the test does not apply."""
    if PROGRAM is None:
        pytest.skip("not applicable: neither terraform nor tofu is installed")
    return PROGRAM


def terraform(path: Path, *arguments: str, environment: Mapping[str, str] | None = None, status: int = 0) -> str:
    """Run the program as an operator does."""
    done = subprocess.run(
        (required_terraform(), *arguments), cwd=path, env=quiet() | dict(environment or {}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def quiet() -> dict[str, str]:
    """The environment in which the program asks nobody and calls nobody."""
    return dict(os.environ) | {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}

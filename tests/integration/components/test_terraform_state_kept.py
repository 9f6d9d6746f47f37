"""States that were emptied on purpose, and a program that fails for a reason of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.protocol import PutsBack
from dr.components.registry import BY_KIND
from dr.configuration.components.terraform import TerraformSettings
from dr.errors import TargetRefused
from dr.policy.drill_verdict import Answer
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.states import module, required_terraform, terraform

APPLY = ("apply", "-auto-approve", "-no-color")
CODE = 'resource "terraform_data" "x" { count = 2 }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A module that was applied, its state beside it."""
    required_terraform()
    path = module(tmp_path / "shop", CODE)
    terraform(path, "init", "-no-color")
    terraform(path, *APPLY)
    return path


def protecting(shelf: Shelf, *directories: Path, **settings: object) -> Shelf:
    """The shelf with these root modules."""
    return shelf.with_components(terraform=TerraformSettings(directories=directories, **settings))  # type: ignore[arg-type]


def put_back(shelf: Shelf, directory: Path) -> tuple[str, ...]:
    """Bring the restored copy into service; what is said of it."""
    component = BY_KIND[Kind.TERRAFORM].open(shelf.system)
    assert isinstance(component, PutsBack)
    return component.put_back(shelf.manifest(Kind.TERRAFORM), directory).notes


@pytest.mark.parametrize("anew", [False, True])
def test_a_state_that_says_that_all_was_destroyed_is_never_replaced(shelf: Shelf, root: Path, anew: bool) -> None:
    """Terraform itself lets anything overwrite an empty state, of a higher serial and of another lineage too."""
    shelf = protecting(shelf, root)
    shelf.back_up(Kind.TERRAFORM)
    directory = Path(shelf.restore(Kind.TERRAFORM).directory)
    if anew:
        (root / "terraform.tfstate").unlink()
        terraform(root, *APPLY)
    terraform(root, "destroy", "-auto-approve", "-no-color")
    emptied = (root / "terraform.tfstate").read_bytes()
    assert json.loads(emptied)["resources"] == []

    with pytest.raises(TargetRefused, match="shop/default") as raised:
        put_back(shelf, directory)

    assert (root / "terraform.tfstate").read_bytes() == emptied
    assert ("its lineage is" if anew else "its serial is") in raised.value.detail
    (root / "terraform.tfstate").unlink()
    assert put_back(shelf, directory)[0].endswith("pushed")


def test_a_program_that_fails_for_a_reason_of_its_own_says_nothing_of_the_copy(
    shelf: Shelf, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline and a strange environment prove nothing; a state that cannot be read fails; no argument is taken."""
    shelf = protecting(shelf, root)
    shelf.back_up(Kind.TERRAFORM)
    restored = shelf.restore(Kind.TERRAFORM)
    monkeypatch.setenv("TF_CLI_ARGS", "-no-such-option")
    monkeypatch.setenv("TF_CLI_ARGS_state_list", "-no-such-option")
    assert not failed(shelf.question(Kind.TERRAFORM, restored))
    monkeypatch.setenv("TF_REATTACH_PROVIDERS", "not JSON")
    (here,) = failed(shelf.question(Kind.TERRAFORM, restored))
    monkeypatch.delenv("TF_REATTACH_PROVIDERS")
    (late,) = failed(protecting(shelf, root, timeout_minutes=1e-6).question(Kind.TERRAFORM, restored))
    copy = Path(restored.directory) / "shop" / "terraform.tfstate"
    copy.write_text(copy.read_text().replace('"terraform_version": "1.', '"terraform_version": "none'))
    found = {probe.name: probe.answer for probe in shelf.question(Kind.TERRAFORM, restored)}

    assert (here.name, here.answer) == (late.name, late.answer) == ("resources of shop/default", Answer.UNPROVEN)
    assert found["resources of shop/default"] is Answer.FAILED

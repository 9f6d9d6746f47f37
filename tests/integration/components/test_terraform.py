"""Infrastructure as code where no program is needed: local states and module files, read, stored, brought back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import to_json
from dr.components.terraform.module import read_module
from dr.components.terraform.program import found_program
from dr.configuration.components.terraform import TerraformSettings
from dr.errors import BackupNotFound, ConfigurationError, SourceBusy, SourceError, SourceInvalid, ToolError
from dr.policy.drill_verdict import Answer
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.states import LINEAGE, module, state, tree

NONE = "no-such-terraform"


@pytest.fixture
def infrastructure(tmp_path: Path) -> Path:
    """A root module with a module beside it, variables, a template, a link, and the states of two workspaces."""
    root = module(tmp_path / "live" / "shop", 'module "network" {\n  source = "../modules/network"\n}\n')
    module(tmp_path / "live" / "modules" / "network", "# nothing yet\n")
    module(tmp_path / "live" / "unrelated", "# not used\n")
    (root / "shop.auto.tfvars").write_text('password = "made-up-in-a-test"\n')
    (root / ".terraform.lock.hcl").write_text("# locked\n")
    (root / "templates").mkdir()
    (root / "templates" / "user-data.sh").write_text("#!/bin/sh\n")
    (root / "link.tf").symlink_to("main.tf")
    (root / "terraform.tfstate").write_bytes(state(3))
    (root / "terraform.tfstate.backup").write_bytes(state(2))
    (root / "terraform.tfstate.d" / "blue").mkdir(parents=True)
    (root / "terraform.tfstate.d" / "blue" / "terraform.tfstate").write_bytes(state(7))
    (root / ".terraform" / "providers").mkdir(parents=True)
    (root / ".terraform" / "providers" / "large").write_bytes(b"x" * 1000)
    return root


def protecting(shelf: Shelf, *directories: Path, **settings: object) -> Shelf:
    """The shelf with these root modules, on a host without the program."""
    settings = {"program": NONE, "lock_timeout_minutes": 0.0} | settings
    return shelf.with_components(terraform=TerraformSettings(directories=directories, **settings))  # type: ignore[arg-type]


def test_code_and_states_come_back_as_they_were(shelf: Shelf, infrastructure: Path) -> None:
    """Every workspace where Terraform looks for it, and the module beside it still where ``../`` leads."""
    shelf = protecting(shelf, infrastructure)
    before = tree(infrastructure.parent)
    published = shelf.back_up(Kind.TERRAFORM)

    restored = shelf.restore(Kind.TERRAFORM)

    assert published.level == "listed"
    assert tree(infrastructure.parent) == before, "the operator's directory is not touched"
    folder = Path(restored.directory) / "shop"
    left_out = {"shop/terraform.tfstate.backup", "shop/.terraform/providers/large", "unrelated/main.tf"}
    assert tree(folder) == {name: data for name, data in before.items() if name not in left_out}
    assert (folder / "shop" / "link.tf").is_symlink()
    probes = shelf.question(Kind.TERRAFORM, restored)
    assert {probe.answer for probe in probes} == {Answer.PASSED, Answer.UNPROVEN}
    unproven = [probe.name for probe in probes if probe.answer is Answer.UNPROVEN]
    assert unproven == ["resources of shop/default", "resources of shop/blue"]


def test_the_manifest_says_which_states_and_tells_no_value(shelf: Shelf, infrastructure: Path) -> None:
    """Serial, lineage, version and counts by type; no secret, no name of a resource, nothing to guess a secret by."""
    shelf = protecting(shelf, infrastructure)
    shelf.back_up(Kind.TERRAFORM)

    contents = shelf.contents(Kind.TERRAFORM)
    text = to_json(shelf.manifest(Kind.TERRAFORM)).decode()
    details = {item.name: item.detail for item in contents.items}
    assert details["shop/blue"] == (
        f"serial 7, lineage {LINEAGE}, version 1.11.4, 1 outputs, "
        "resources: aws_db_instance 1, aws_instance 2, data.aws_region 1"
    )
    assert details["shop"] == "code; backend local"
    assert contents.warnings == ()
    assert "made-up" not in text
    assert "user-data" not in text
    assert not any(item.digest for item in contents.items)


def test_one_state_is_brought_back_without_the_rest(shelf: Shelf, infrastructure: Path) -> None:
    """Named as the manifest names it; a name that is not there is refused."""
    shelf = protecting(shelf, infrastructure)
    shelf.back_up(Kind.TERRAFORM)

    restored = shelf.restore(Kind.TERRAFORM, wanted=("shop/blue",))

    found = tree(Path(restored.directory))
    assert found.pop("infrastructure.json")
    assert list(found) == ["shop/shop/terraform.tfstate.d/blue/terraform.tfstate"]
    with pytest.raises(BackupNotFound, match="shop/green"):
        shelf.restore(Kind.TERRAFORM, wanted=("shop/green",))


def test_only_the_workspaces_that_are_named_are_taken(shelf: Shelf, infrastructure: Path) -> None:
    """One that is not there is an error: it would be missed when it is needed."""
    protecting(shelf, infrastructure, workspaces=("blue",)).back_up(Kind.TERRAFORM)

    assert [item.name for item in shelf.contents(Kind.TERRAFORM).items] == ["shop", "shop/blue"]
    with pytest.raises(ConfigurationError, match="green"):
        protecting(shelf, infrastructure, workspaces=("blue", "green")).draft(Kind.TERRAFORM)


def test_a_state_file_stands_for_itself(shelf: Shelf, tmp_path: Path) -> None:
    """Without a module; two of the same name do not meet, and a state that OpenTofu encrypted is kept as it is."""
    one, two = tmp_path / "one" / "prod.tfstate", tmp_path / "two" / "prod.tfstate"
    for path in (one, two):
        path.parent.mkdir()
    one.write_bytes(state(5))
    encrypted = {"meta": {}, "encrypted_data": "bm90aGluZw==", "encryption_version": "v0"}
    two.write_text(json.dumps({"serial": 9, "lineage": "l"} | encrypted))
    shelf = protecting(shelf, state_files=(one, two))
    shelf.back_up(Kind.TERRAFORM)

    restored = shelf.restore(Kind.TERRAFORM)

    found = tree(Path(restored.directory))
    assert found["one-prod.tfstate.states/default.tfstate"] == state(5)
    assert found["two-prod.tfstate.states/default.tfstate"] == two.read_bytes()
    assert not [probe for probe in shelf.question(Kind.TERRAFORM, restored) if probe.answer is Answer.FAILED]
    details = {item.name: item.detail for item in shelf.contents(Kind.TERRAFORM).items}
    assert details["two-prod.tfstate/default"] == "serial 9, lineage l, encrypted"


@contextmanager
def locked(path: Path, note: str = "") -> Iterator[None]:
    """Another process holds the lock on a state file, as Terraform does while it applies."""
    program = """
import fcntl, sys
state = open(sys.argv[1], "r+b")
fcntl.lockf(state, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
    info = path.with_name(f".{path.name}.lock.info")
    if note:
        info.write_text(note)
    with subprocess.Popen(
        (sys.executable, "-c", program, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()
    info.unlink(missing_ok=True)


def test_a_locked_state_is_not_read_and_its_holder_is_named(shelf: Shelf, infrastructure: Path) -> None:
    """Half an apply is no state to go back to."""
    path = infrastructure / "terraform.tfstate.d" / "blue" / "terraform.tfstate"
    note = '{"ID":"1","Operation":"OperationTypeApply","Who":"somebody@host","Created":"2024-01-01T02:00:00Z"}'
    shelf = protecting(shelf, infrastructure)

    with locked(path, note), pytest.raises(SourceBusy) as raised:
        shelf.draft(Kind.TERRAFORM)

    assert raised.value.retryable
    assert "workspace blue" in raised.value.message
    assert raised.value.detail == "somebody@host: OperationTypeApply since 2024-01-01T02:00:00Z"
    assert shelf.files("local", Kind.TERRAFORM) == []


def test_the_lock_of_a_run_that_was_killed_keeps_nobody_from_a_backup(shelf: Shelf, infrastructure: Path) -> None:
    """Its note stays behind; the state is backed up, and somebody should look at what that run left half done."""
    (infrastructure / ".terraform.tfstate.lock.info").write_text(
        '{"Who":"somebody@host","Operation":"OperationTypeApply"}'
    )
    shelf = protecting(shelf, infrastructure)
    shelf.back_up(Kind.TERRAFORM)

    (warning,) = shelf.contents(Kind.TERRAFORM).warnings
    assert "shop: default: a run that is gone has left a lock (somebody@host: OperationTypeApply" in warning


@pytest.mark.parametrize(
    "data, word",
    [
        (state(3)[:-20], "cut off"),
        (b"[]", "not the JSON"),
        (b'{"version": 4, "serial": 1, "resources": []}', "lineage"),
        (b'{"version": 3, "serial": 1, "lineage": "l", "modules": []}', "format 3"),
    ],
)
def test_a_damaged_state_is_refused(shelf: Shelf, infrastructure: Path, data: bytes, word: str) -> None:
    """A copy of it would be found out when it is needed."""
    (infrastructure / "terraform.tfstate").write_bytes(data)

    with pytest.raises(SourceInvalid) as raised:
        protecting(shelf, infrastructure).draft(Kind.TERRAFORM)

    assert word in raised.value.detail
    assert "made-up" not in str(raised.value)


def test_what_cannot_be_read_is_named_before_anything_is_written(shelf: Shelf, tmp_path: Path) -> None:
    """No directory, no code in it, no file; and a state in a bucket, which only the program can fetch."""
    (tmp_path / "empty").mkdir()
    remote = module(tmp_path / "remote", 'terraform {\n  backend "s3" {\n    bucket = "b"\n  }\n}\n')

    with pytest.raises(SourceError, match="cannot be read"):
        protecting(shelf, tmp_path / "gone").draft(Kind.TERRAFORM)
    with pytest.raises(SourceInvalid, match="holds no Terraform code"):
        protecting(shelf, tmp_path / "empty").draft(Kind.TERRAFORM)
    with pytest.raises(SourceError, match="gone"):
        protecting(shelf, state_files=(tmp_path / "gone.tfstate",)).draft(Kind.TERRAFORM)
    with pytest.raises(ToolError, match=NONE):
        protecting(shelf, remote).draft(Kind.TERRAFORM)


def test_a_module_without_state_and_files_that_are_left_out_are_warned_of(shelf: Shelf, tmp_path: Path) -> None:
    """The code is backed up all the same."""
    root = module(tmp_path / "new")
    (root / "out.tf").symlink_to("/etc/hostname")
    os.mkfifo(root / "pipe")
    shelf = protecting(shelf, root, plan=True)
    shelf.back_up(Kind.TERRAFORM)

    restored = shelf.restore(Kind.TERRAFORM)

    assert shelf.contents(Kind.TERRAFORM).warnings == (
        "new: out.tf is a link out of the module and not in the backup",
        "new: pipe is no ordinary file and not in the backup",
        "new: no plan: neither terraform nor tofu is installed",
        "new: it has no state: nothing was applied yet, or it is kept elsewhere",
    )
    assert (Path(restored.directory) / "new" / "main.tf").is_file()
    assert not failed(shelf.question(Kind.TERRAFORM, restored))


def test_a_copy_that_is_not_what_was_backed_up_is_told_apart(shelf: Shelf, infrastructure: Path) -> None:
    """Another serial, another value under the same serial, a file that changed, a state that is gone."""
    shelf = protecting(shelf, infrastructure, workspaces=("default",))
    shelf.back_up(Kind.TERRAFORM)
    restored = shelf.restore(Kind.TERRAFORM)
    folder = Path(restored.directory) / "shop"
    path = folder / "shop" / "terraform.tfstate"

    def names() -> list[str]:
        return [probe.name for probe in shelf.question(Kind.TERRAFORM, restored) if probe.answer is Answer.FAILED]

    assert names() == []
    path.write_bytes(state(4))
    assert names() == ["bytes of shop/default", "state of shop/default"]
    path.write_bytes(state(3, value="another"))
    assert names() == ["bytes of shop/default"]
    path.write_bytes(state(3))
    (folder / "modules" / "network" / "main.tf").write_text("# changed\n")
    assert names() == ["files of shop"]
    path.unlink()
    assert names() == ["files of shop", "bytes of shop/default"]


@pytest.mark.parametrize(
    "later, word",
    [(state(8), ""), (state(7), ""), (state(6), "older state"), (state(9, lineage="other"), "begun anew")],
)
def test_a_state_that_went_back_since_the_last_backup_is_told(
    shelf: Shelf, infrastructure: Path, later: bytes, word: str
) -> None:
    """Serials only grow and a lineage stays, unless somebody forces it: resources may be forgotten then."""
    shelf = protecting(shelf, infrastructure, workspaces=("blue",))
    shelf.back_up(Kind.TERRAFORM)
    (infrastructure / "terraform.tfstate.d" / "blue" / "terraform.tfstate").write_bytes(later)
    shelf.back_up(Kind.TERRAFORM)

    warnings = shelf.contents(Kind.TERRAFORM).warnings

    assert len(warnings) == bool(word)
    assert word in str(warnings)


def test_the_program_is_the_one_that_the_lock_file_is_of(
    infrastructure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are installed: OpenTofu's providers are not Terraform's. A setting outweighs it, one alone is taken."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("terraform", "tofu"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    found = read_module("shop", infrastructure)

    assert found_program("", found) == str(programs / "terraform")
    (infrastructure / ".terraform.lock.hcl").write_text('provider "registry.opentofu.org/hashicorp/aws" {}\n')
    assert found_program("", found) == str(programs / "tofu")
    assert found_program("terraform", found) == str(programs / "terraform")
    (programs / "tofu").unlink()
    assert found_program("", found) == str(programs / "terraform")
    (programs / "terraform").unlink()
    assert found_program("", found) is None

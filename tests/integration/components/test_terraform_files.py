"""A module's files: each comes back, whatever links lead to it, or is named in a warning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.terraform.index import IndexedFile
from dr.components.terraform.module import read_module, write_tar
from dr.configuration.components.terraform import TerraformSettings
from dr.pipeline.process import Exit
from dr.policy.drill_verdict import Answer
from tests.integration.components.shelf import Shelf
from tests.integration.components.states import module, state, tree

ROOT = Path(__file__).parents[3]


class Counted:
    """An intake that keeps nothing."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Let it go."""

    def ended(self, source: Exit) -> None:
        """Nobody writes into it but the test."""


def packed(root: Path) -> tuple[tuple[IndexedFile, ...], tuple[str, ...]]:
    """What is in the module's tar, and what is told of the rest."""
    return write_tar(read_module("shop", root), Counted())


def test_hard_links_come_back_as_the_files_that_they_are(shelf: Shelf, tmp_path: Path) -> None:
    """Two names of one file: what a tar makes of the second name must not cost what comes after it."""
    root = module(tmp_path / "shop")
    os.link(root / "main.tf", root / "main_copy.tf")
    (root / "variables.tf").write_text("# the last one\n")
    (root / "terraform.tfstate").write_bytes(state())
    shelf = shelf.with_components(terraform=TerraformSettings(directories=(root,), program="no-such-terraform"))
    before = tree(root)
    published = shelf.back_up(Kind.TERRAFORM)

    restored = shelf.restore(Kind.TERRAFORM)

    assert published.level == "listed"
    assert tree(Path(restored.directory) / "shop") == before
    assert not [one for one in shelf.question(Kind.TERRAFORM, restored) if one.answer is Answer.FAILED]


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """One that cannot be listed and one that can be listed only; what is beside them is in the backup."""
    root = module(tmp_path / "shop")
    for name, mode in (("hidden", 0), ("listed", 0o444)):
        (root / name).mkdir()
        (root / name / "user_data.tpl").touch()
        (root / name).chmod(mode)
    # Root may read everything unless these two rights are taken away from it.
    less = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    code = (
        "import sys, pathlib\n"
        "from tests.integration.components.test_terraform_files import packed\n"
        "files, warnings = packed(pathlib.Path(sys.argv[1]))\n"
        "print(*(one.path for one in files), *warnings, sep='\\n')\n"
    )
    argv = (*less, sys.executable, "-c", code, root)

    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    assert done.stdout.splitlines() == [
        "main.tf",
        "hidden cannot be read and is not in the backup",
        "listed cannot be read and is not in the backup",
    ], done.stderr
    for name in ("hidden", "listed"):
        (root / name).chmod(0o700)


def test_a_state_that_is_not_the_backends_is_a_file_as_any_other(shelf: Shelf, tmp_path: Path) -> None:
    """Somebody has kept it there; the backend's own are stored as states and lie where they lay, once."""
    root = module(tmp_path / "shop", 'terraform {\n  backend "local" {\n    path = "./live/prod.tfstate"\n  }\n}\n')
    for name in ("live/prod.tfstate", "terraform.tfstate", "old-prod.tfstate", "errored.tfstate", "prod.tfstate.2023"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(state(len(name)))
    (root / "terraform.tfstate.d" / "blue").mkdir(parents=True)
    (root / "terraform.tfstate.d" / "blue" / "terraform.tfstate").write_bytes(state(7))
    before = tree(root)
    (root / "live" / "prod.tfstate.backup").write_bytes(state(1))
    shelf = shelf.with_components(terraform=TerraformSettings(directories=(root,), program="no-such-terraform"))
    shelf.back_up(Kind.TERRAFORM)

    restored = shelf.restore(Kind.TERRAFORM)

    assert shelf.contents(Kind.TERRAFORM).warnings == ()
    assert [(one.name, one.count) for one in shelf.contents(Kind.TERRAFORM).items] == [
        ("shop", 5), ("shop/default", 4), ("shop/blue", 4),
    ]  # fmt: skip
    assert tree(Path(restored.directory) / "shop") == before
    assert not [one for one in shelf.question(Kind.TERRAFORM, restored) if one.answer is Answer.FAILED]


@pytest.mark.parametrize("place", ["terraform.tfstate", "terraform.tfstate.d/blue/terraform.tfstate"])
def test_a_local_state_beside_a_backend_elsewhere_is_told(tmp_path: Path, place: str) -> None:
    """In a restored module ``init`` would offer to push it over the real one, so it is not in there."""
    root = module(tmp_path / "shop", 'terraform {\n  backend "s3" {\n    bucket = "b"\n  }\n}\n')
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(state())

    files, warnings = packed(root)

    assert [one.path for one in files] == ["main.tf"]
    (warning,) = warnings
    assert warning.startswith(f"{place} is a state that its backend s3 does not use")
    assert "terraform.state_files" in warning

"""``dr full-recovery`` of a system without a database: parts alone, infrastructure among them, tied by no point."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.config import ConfigSettings
from dr.configuration.components.files import FilesSettings
from dr.configuration.components.terraform import TerraformSettings
from dr.operations.full_recovery.draw_up import draw_up
from dr.operations.full_recovery.wish import parse_wish
from tests.integration.components.shelf import Shelf
from tests.integration.components.states import module, required_terraform
from tests.integration.infrastructure.site import CODE

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def protected(shelf: Shelf, tmp_path: Path) -> Shelf:
    """Uploads, a configuration file and a root module, each backed up for itself."""
    uploads, etc = tmp_path / "srv" / "uploads", tmp_path / "etc"
    uploads.mkdir(parents=True)
    (uploads / "a.jpg").write_bytes(b"a picture")
    etc.mkdir()
    (etc / "shop.toml").write_text("a = 1\n")
    made = shelf.with_components(
        files=FilesSettings(directories=(uploads,)),
        config=ConfigSettings(paths=(etc,)),
        terraform=TerraformSettings(directories=(module(tmp_path / "network", CODE),)),
    )
    for kind in (Kind.FILES, Kind.CONFIG, Kind.TERRAFORM):
        made.back_up(kind)
    for lost in (uploads, etc, tmp_path / "network"):
        shutil.rmtree(lost)
    return made


def configuration(shelf: Shelf, home: Path) -> Path:
    """What the operator of the new host writes."""
    system = shelf.system
    head = f"system.{system.name}"
    lines = [f"[{head}]", f'state_directory = "{home / "state"}"']
    for store in system.stores:
        lines += [f"[{head}.stores.{store.name}]", 'kind = "local"', f'path = "{store.path}"']
    lines += [f"[{head}.encryption]", f"recipients = {json.dumps(system.encryption.recipients)}"]
    lines += [f'gnupg_home = "{system.encryption.gnupg_home}"']
    lines += [f"[{head}.recovery]", "apply_infrastructure = true"]
    lines += [f"[{head}.infrastructure]", f'variables = ["gate={home / "gate"}"]']
    file = home / "dr.toml"
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)
    return file


def recover(shelf: Shelf, home: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """``dr full-recovery`` as an operator runs it; exit code and answer."""
    file = home / "dr.toml"
    if not file.exists():
        configuration(shelf, home)
    ended = subprocess.run(
        (sys.executable, "-m", "dr.cli", "full-recovery", *words, "--json", "--config", str(file)),
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


@pytest.mark.slow
def test_parts_that_were_never_tied_together_come_back_and_infrastructure_is_made(
    protected: Shelf, tmp_path: Path
) -> None:
    """The newest of each kind, with a warning; a place that is taken is refused, the wrong name too.

    Nobody could ask what runs, so it is not called recovered, and stays open: run again, it says the same list.
    """
    required_terraform()
    home = tmp_path / "host"
    home.mkdir()
    name = protected.system.name
    place = tmp_path / "srv" / "uploads"
    (place / "somebody's").mkdir(parents=True)
    taken = recover(protected, home, "--confirm", name)
    shutil.rmtree(place)
    mistyped = recover(protected, home, "--confirm", "another")
    untouched = not (home / "state" / "procedures").exists() and not place.exists()
    code, answer = recover(protected, home, "--confirm", name)
    status = recover(protected, home, "--status")
    again, second = recover(protected, home, "--confirm", name)
    _, otherwise = recover(protected, home, "--without", "files,config", "--dry-run")
    told = "\n".join(answer["report"])

    assert (taken[0], mistyped[0], untouched) == (11, 11, True)
    assert str(place) in taken[1]["error"]["message"]
    assert (code, again) == (18, 18), answer
    assert answer["error"]["message"].endswith("not verified: it is not in service")
    assert any("never tied together" in line for line in answer["plan"]["warnings"])
    assert any("no backup of the database" in line for line in answer["plan"]["missing"])
    assert (place / "a.jpg").read_bytes() == b"a picture"
    assert (tmp_path / "etc" / "shop.toml").read_text() == "a = 1\n"
    assert "NOT IN SERVICE" in answer["report"][0]
    assert "not shown to be met" in told
    for said in ("2 resources", "new state", "first move away"):
        assert said in told
        assert said in "\n".join(second["report"])
    assert len(status[1]["unfinished"]) == 1
    assert not any("twice" in line for line in answer["plan"]["warnings"])
    assert any("had begun to make network" in line for line in otherwise["plan"]["warnings"])


@pytest.mark.slow
def test_a_part_that_fails_lets_the_others_go_on_and_is_alone_tried_again(protected: Shelf, tmp_path: Path) -> None:
    """Its copies are away; the answer says which, with exit code 15, and the next run brings only that one."""
    home = tmp_path / "host"
    home.mkdir()
    words = ("--without", "terraform", "--confirm", protected.system.name)
    away = [path for store in ("local", "second") for path in protected.files(store, Kind.FILES)]
    for path in away:
        path.rename(path.with_name(f"{path.name}.away"))
    code, answer = recover(protected, home, *words)
    laid = (tmp_path / "etc" / "shop.toml").exists()
    for path in away:
        path.with_name(f"{path.name}.away").rename(path)
    again, whole = recover(protected, home, *words)
    phases = [phase["phase"] for phase in whole["phases"]]

    assert (code, answer["error"]["type"], laid) == (15, "RecoveryFailed", True)
    assert "files" in answer["error"]["detail"]
    assert again == 18, whole
    assert any("counted from the first run's begin" in line for line in whole["report"])
    assert phases.count("restore config") == 1
    assert (tmp_path / "srv" / "uploads" / "a.jpg").read_bytes() == b"a picture"


@pytest.mark.incident("I10")
def test_a_plan_is_drawn_up_from_the_stores_that_answer(protected: Shelf, tmp_path: Path) -> None:
    """The first is gone; and one that is there and empty, as a bucket of another account is, holds nobody up."""
    wish = parse_wish("", "", "", "")
    both = draw_up(protected.system, wish)
    (tmp_path / "local").rename(tmp_path / "unplugged")
    gone = draw_up(protected.system, wish)
    (tmp_path / "local").mkdir()
    empty = draw_up(protected.system, wish)

    assert {part.stores for part in both.parts} == {("local", "second")}
    for plan in (gone, empty):
        assert {part.stores for part in plan.parts} == {("second",)}
        assert {part.label for part in plan.parts} == {part.label for part in both.parts}

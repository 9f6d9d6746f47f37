"""``dr drill`` and ``dr drills`` as an operator uses them, and the scheduled procedures that drill."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.integration.cli.command import Dr

pytestmark = pytest.mark.timeout(300)


def test_a_drill_ends_green_with_its_answers_and_is_in_the_history(backed_up: Dr, tmp_path: Path) -> None:
    """The verdict, RTO and RPO, the command that repeats it; then the table, the CSV and the picture."""
    done = backed_up("drill", "--method", "logical")

    assert done.code == 0, done.err
    assert "recoverable, queried" in done.out
    assert "isolation: network" in done.out
    assert "RTO" in done.out
    assert "drill --scenario database-corruption --method logical --seed" in done.out

    history = backed_up("drills", "--csv", str(tmp_path / "drills.csv"), "--plot", str(tmp_path / "drills.png"))

    assert history.code == 0, history.err
    assert "recoverable" in history.out
    with (tmp_path / "drills.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["verdict"] == "recoverable"
    assert (tmp_path / "drills.png").read_bytes().startswith(b"\x89PNG")
    document = backed_up("drills", "--json").document
    assert document["drills"][0]["repeat"][0] == "dr"
    assert any("physical" in line for line in document["warnings"])


def test_a_physical_drill_and_what_it_proves_shows_with_the_backup(backed_up: Dr) -> None:
    """The level in dr list is the drill's, and the copy is gone afterwards."""
    done = backed_up("drill", "--json", "--target", "latest")

    assert done.code == 0, done.err
    label = next(word for word in done.document["drill"]["report"].split() if word.startswith("**base_")).strip("*")
    shown = backed_up("show", label, "--json").document
    assert "queried" in {item["level"] for item in shown["verifications"]}
    assert "queried" in backed_up("list").out
    assert not list((Path(backed_up.environment["DR_STATE_DIRECTORY"]) / "drills").glob("*"))


def test_a_damaged_dump_is_red_with_the_level_and_its_copy_is_noted(dr: Dr) -> None:
    """Exit code 15; the backup is no longer shown as proven; the history has it."""
    assert dr("backup").code == 0
    (dump,) = (
        file for file in Path(dr.environment["DR_BACKUP_ROOT"]).rglob("*.sql.gz.gpg") if "globals" not in file.name
    )
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(data)

    done = dr("drill", "--method", "logical")

    assert done.code == 15
    assert "level checksummed is not reached" in done.err
    assert "dr backup" in done.err
    assert "NOT PROVEN" in dr("list").out
    assert "not recoverable" in dr("drills").out


def test_a_drill_that_cannot_tell_has_an_exit_code_of_its_own(backed_up: Dr) -> None:
    """Without WAL there is nothing to reconcile with: inconclusive, and nothing against the backup."""
    done = backed_up("drill", "--method", "reconcile")

    assert done.code == 18
    assert "inconclusive" in done.err


@pytest.mark.parametrize("since", ["soon", "90", "-3d"])
def test_a_span_that_is_not_understood_is_refused(backed_up: Dr, since: str) -> None:
    """With how to write it."""
    assert backed_up("drills", f"--since={since}").code == 3

"""The main job by the command line: back up, look at what there is, bring it back."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dr.postgres.cluster import running
from dr.postgres.connection import connected
from dr.postgres.installations import Installation
from tests.integration.cli.command import Dr, finished, wait_until


def test_a_backup_is_made_listed_shown_and_restored(dr: Dr, installation: Installation, tmp_path: Path) -> None:
    """From ``dr backup`` to a server that answers with the same rows, every step a command."""
    made = dr("backup", "--json")
    assert made.code == 0, made.err
    listed = dr("list", "--json").document
    base = next(item for item in listed["backups"] if item["kind"] == "base")
    shown = dr("show", base["label"], "--json")
    recovered = dr("recover-db", "--to", "restored here", "--yes", "--json")

    assert [row["kind"] for row in made.document["backups"]] == ["base", "dump"]
    assert {item["proven"] for item in listed["backups"]} == {"listed"}
    assert shown.document["label"] == base["label"]
    assert recovered.code == 0, recovered.err
    answer = recovered.document
    assert (answer["label"], answer["rto_met"], answer["rpo_seconds"]) == (base["label"], True, None)
    assert "not measured" in recovered.err
    assert "pg_ctl" in answer["start"][-1]
    database = dr.environment["DATABASE_URL"].rpartition("/")[2]
    with (
        running(tmp_path / "restored here", installation) as copy,
        connected(copy.url_for(database)) as connection,
    ):
        row = connection.execute('SELECT count(*) FROM customers UNION ALL SELECT count(*) FROM "Bestellungen ü"')
        assert [item["count"] for item in row] == [2000, 500]


def test_people_are_shown_tables_phases_and_how_to_go_on(dr: Dr) -> None:
    """Without --json the same commands answer in words; without --to the copy goes below the state directory."""
    made = dr("backup", "--kind", "base", "--retention-days", "3")
    listed = dr("list")
    recovered = dr("recover-db", "--yes")

    assert made.code == recovered.code == 0, made.err + recovered.err
    assert "kept for 3 days" in made.out
    assert re.search(r"base_\d{8}_\d{6}_full +base .*local +listed", listed.out)
    for word in ("step 1", "RTO", "RPO", "identity", "To put it into service:", "start"):
        assert word in recovered.out
    assert list((dr.directory / "state" / "restored").glob("base_*_full/PG_VERSION"))


@pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("no\n", 11), ("\n", 11)])
def test_a_person_is_shown_the_plan_and_asked(backed_up: Dr, answer: str, code: int) -> None:
    """On a terminal the plan comes first, then the question; anything but yes touches nothing."""
    ended = backed_up.asked(answer, "recover-db", "--to", "copy")

    assert ended.code == code, ended.err
    assert "step 5" in ended.out
    assert "Type yes" in ended.err
    assert (backed_up.directory / "copy").exists() == (code == 0)


def test_a_dry_run_shows_the_plan_and_touches_nothing(backed_up: Dr) -> None:
    """--dry-run asks nothing, needs no consent, and leaves no target behind."""
    planned = backed_up("recover-db", "--to", "copy", "--dry-run", "--json")

    assert planned.code == 0, planned.err
    assert planned.document["plan"]["target"] == str(backed_up.directory / "copy")
    assert not (backed_up.directory / "copy").exists()


def test_restoring_begins_within_three_seconds_of_enter(backed_up: Dr) -> None:
    """Between the command and the first byte in the target lie imports, configuration, search and plan.

    Three seconds of a machine that imports the libraries in half a second; of a busy one as many times more.
    """
    before = time.monotonic()
    subprocess.run((sys.executable, "-c", "import psycopg, msgspec, botocore.session"), check=True)
    seconds = max(3.0, 6 * (time.monotonic() - before))
    with backed_up.begun("recover-db", "--to", "copy", "--yes") as process:
        wait_until((backed_up.directory / "copy").exists, "the target appears", seconds=seconds)
        ended = finished(process)

    assert ended.code == 0, ended.err


def test_a_recovery_beyond_its_objective_is_told_by_the_exit_code(backed_up: Dr) -> None:
    """The copy is sound and stays; the measured RTO is beyond what was promised, and that is exit code 16."""
    config = backed_up.directory / "dr.toml"
    config.write_text("[system.coreflow360.objectives.database-corruption]\nrto_minutes = 0.001\n")
    late = backed_up("recover-db", "--to", "copy", "--yes", "--json")

    assert late.code == 16
    assert late.document["error"]["type"] == "ObjectiveMissed"
    assert late.document["rto_met"] is False
    assert (backed_up.directory / "copy" / "PG_VERSION").exists()


def test_a_canary_makes_the_loss_a_measurement(dr: Dr) -> None:
    """A row written before the backup and one after it: the loss is the time between the two commits."""
    assert dr("canary", "--once").code == 0
    assert dr("backup", "--kind", "base").code == 0
    assert dr("canary", "--once").code == 0
    answer = dr("recover-db", "--to", "copy", "--yes", "--json").document

    assert 0 < answer["rpo_seconds"] < 60
    assert (answer["rpo_met"], answer["met"]) == (True, True)
    assert "canary 2 was committed last, 1 was restored" in answer["rpo_explanation"]

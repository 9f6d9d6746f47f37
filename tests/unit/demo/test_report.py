"""The scoreboard and demo-report.json."""

from __future__ import annotations

import dataclasses
import json

from dr.demo.beside.report import BesideReport, ComponentRow
from dr.demo.checks import CheckResult
from dr.demo.report import DemoReport, named_phases, scoreboard, scoreboard_lines
from dr.evidence.phases import Phase
from dr.policy.objectives import Objective, Scenario, Verdict

CHECK = CheckResult(39, 1000, 1000, True, 12, 4, ("rows and digests of 39 tables",), ())
REPORT = DemoReport(
    scenario=Scenario.DATABASE_CORRUPTION,
    verdict=Verdict(Objective(900, 900), 12.3456, 4.5),
    phases=(Phase("find", 0.0, 0.25), Phase("fetch", 0.25, 2.0, busy_seconds=0.5)),
    check=CHECK,
    corruption_message="invalid page in block 7 of relation base/1/2",
    server_version="18.4",
    backup_label="base_20260101_020000_full",
    loss_explanation="canary 9 was committed last, 5 was restored",
    database_bytes=238_000_000,
    demo_seconds=60.0,
)
PROMISED = {
    "scenario",
    "rto_seconds",
    "rto_target_seconds",
    "rpo_seconds",
    "rpo_target_seconds",
    "phases",
    "tables_checked",
    "rows_expected",
    "rows_restored",
    "checksums_match",
    "met",
}


def test_the_report_has_the_promised_keys_and_is_json() -> None:
    """Others read this file; the names are a promise."""
    content = json.loads(json.dumps(REPORT.as_dict()))

    assert content.keys() >= PROMISED
    assert content["scenario"] == "database-corruption"
    assert content["phases"] == {"find": 0.25, "fetch": 0.5}
    assert (content["rto_seconds"], content["rto_target_seconds"]) == (12.346, 900)
    assert content["met"] is True


def test_in_time_with_other_content_is_not_met() -> None:
    """Speed is worth nothing when what came back is not what was there."""
    wrong = dataclasses.replace(CHECK, checksums_match=False, problems=("shop.users has other content",))
    report = dataclasses.replace(REPORT, check=wrong)

    assert report.met is False
    assert report.as_dict()["met"] is False
    assert any("shop.users" in line for line in scoreboard_lines(scoreboard(report)))


def test_a_changed_definition_alone_is_not_met() -> None:
    """All rows without their rights are not the database that was lost."""
    wrong = dataclasses.replace(CHECK, problems=("policy p is not as it was",))

    assert dataclasses.replace(REPORT, check=wrong).met is False


def test_a_loss_that_was_not_measured_is_not_met() -> None:
    """No figure is no success."""
    report = dataclasses.replace(REPORT, verdict=Verdict(Objective(900, 900), 1.0, None))

    assert report.met is False
    assert report.as_dict()["rpo_seconds"] is None
    assert "not known" in "\n".join(scoreboard_lines(scoreboard(report)))


def test_the_scoreboard_shows_achieved_against_target() -> None:
    """A person sees at a glance what was wanted, what was achieved, and what was compared."""
    text = "\n".join(scoreboard_lines(scoreboard(REPORT)))

    for part in ("12.3 s", "4.5 s", "15 min", "1,000", "4 (12 rows)", "fetch", "39 tables", "18.4", "238 MB"):
        assert part in text


def test_phases_of_one_name_keep_their_own_entry() -> None:
    """The report's phases are a dictionary, and none may swallow another."""
    named = named_phases((Phase("check", 5.0, 6.0), Phase("check", 1.0, 2.0), Phase("find", 0.0, 1.0)))

    assert [phase.name for phase in named] == ["find", "check", "check 2"]


def test_a_component_that_differs_is_not_met() -> None:
    """The database alone is not the product: another content beside it is told like one in it."""
    rows = (
        ComponentRow("redis", "Redis", ("redis_20260101_020000",), "12 keys in 2 databases", 0.5, ()),
        ComponentRow("files", "file uploads", ("files_20260101_020001",), "7 files", 1.5, ("'a.pdf' is missing",)),
    )
    beside = BesideReport("point_20260101_020002", "database at LSN 0/1", (), rows, 20.0)
    report = dataclasses.replace(REPORT, beside=beside)
    content = json.loads(json.dumps(report.as_dict()))

    assert report.check.passed
    assert (report.met, content["met"]) == (False, False)
    assert report.differences == ("file uploads: 'a.pdf' is missing",)
    assert [(row["kind"], row["identical"]) for row in content["components"]] == [("redis", True), ("files", False)]
    assert content["recovery_point"]["backup"] == "point_20260101_020002"
    assert "  DIFFERENT: file uploads: 'a.pdf' is missing" in scoreboard_lines(scoreboard(report))


def test_a_recovery_point_that_does_not_fit_together_is_not_met() -> None:
    """All parts identical, and rows that name missing files: no state that anybody had."""
    beside = BesideReport("point_20260101_020002", "database at LSN 0/1", ("1 of 9 files is missing",), (), 20.0)
    report = dataclasses.replace(REPORT, beside=beside)

    assert dataclasses.replace(REPORT, beside=dataclasses.replace(beside, point_problems=())).met is True
    assert report.met is False


def test_a_database_alone_has_no_components() -> None:
    """The names are there all the same, for whoever reads the file."""
    content = REPORT.as_dict()

    assert (content["components"], content["recovery_point"], content["everything_seconds"]) == ([], None, None)

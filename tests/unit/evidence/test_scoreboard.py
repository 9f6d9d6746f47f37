"""The scoreboard: what was achieved against what was wanted, and what is not known is said so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dr.errors import RecoveryFailed
from dr.evidence.findings import Check, CheckedCopy, Loss, held_against
from dr.evidence.phases import Phase
from dr.evidence.scoreboard import RecoveryOutcome, check_rows, phase_rows
from dr.policy.objectives import Objective, Scenario, Verdict

PHASES = (Phase("find", 100.0, 100.5), Phase("fetch", 100.5, 110.5, 4.25, 12_345_678), Phase("boot", 110.5, 112.0))


def _outcome(rto: float, rpo: float | None, phases: tuple[Phase, ...] = PHASES) -> RecoveryOutcome:
    return RecoveryOutcome(
        label="base_20240101_020000_full",
        kind="base",
        target="/restored",
        store="local",
        scenario=Scenario.DATABASE_CORRUPTION,
        seconds=rto,
        phases=phases,
        checks=(Check("identity", True, "identifier 1"),),
        loss=Loss(rpo, rpo is not None, "canary"),
        verdict=Verdict(Objective(900, 900), rto, rpo),
        tables=3,
        rows=42,
        notes=(),
    )


def test_phases_are_shown_from_the_beginning_of_the_recovery():
    """Begin and end in seconds since then, the work of each, its megabytes."""
    rows = phase_rows(_outcome(12, 1))

    assert [row["phase"] for row in rows] == ["RTO", "RPO", "find", "fetch", "boot"]
    assert (rows[3]["begin"], rows[3]["end"], rows[3]["seconds at work"], rows[3]["MB"]) == (0.5, 10.5, 4.25, 12.3)
    assert rows[2]["MB"] is None


@pytest.mark.parametrize(
    "rto, rpo, met",
    [(900, 900, ("yes", "yes")), (901, 0, ("no", "yes")), (1, 901, ("yes", "no")), (1, None, ("yes", "unknown"))],
)
def test_totals_stand_against_their_targets(rto, rpo, met):
    """A loss that nobody measured is neither met nor missed: it is unknown."""
    rto_row, rpo_row = phase_rows(_outcome(rto, rpo))[:2]

    assert (rto_row["met"], rpo_row["met"]) == met
    assert (rto_row["target"], rpo_row["target"]) == (900, 900)
    assert rpo_row["seconds at work"] == rpo


@pytest.mark.parametrize(("at_most", "met"), [(100.0, "yes"), (1000.0, "unknown")])
def test_a_bound_is_called_one_in_the_table(at_most, met):
    """Its seconds stand beside the word; within the objective it is enough."""
    loss = Loss(at_most, False, "at most: a new host")
    verdict = held_against(Objective(900, 900), 12.0, loss)
    row = phase_rows(replace(_outcome(12, None), loss=loss, verdict=verdict))[1]

    assert (row["phase"], row["seconds at work"], row["certainty"], row["met"]) == ("RPO", at_most, "at most", met)


def test_the_totals_are_on_the_first_page():
    """Prefect shows ten rows of a table at a time, and a recovery may have more phases than that."""
    many = tuple(Phase(f"step {number}", float(number), number + 1.0) for number in range(15))

    assert [row["phase"] for row in phase_rows(_outcome(12, 1, many))][:2] == ["RTO", "RPO"]


def test_an_outcome_without_phases_still_has_its_totals():
    """Nothing to divide by, nothing to take the minimum of."""
    assert len(phase_rows(_outcome(1, 1, ()))) == 2


def test_seconds_of_each_phase_are_its_own_work():
    """They overlap, so they may add up to more than the whole."""
    assert _outcome(12, 1).phase_seconds == {"find": 0.5, "fetch": 4.25, "boot": 1.5}


def test_a_failed_check_stands_out():
    """In capitals, with what it found."""
    rows = check_rows([Check("identity", True, "1"), Check("tables", False, "2 are missing")])

    assert [(row["check"], row["passed"], row["detail"]) for row in rows] == [
        ("identity", "yes", "1"),
        ("tables", "NO", "2 are missing"),
    ]


@pytest.mark.incident("I13")
def test_one_failed_check_is_a_failed_recovery():
    """Whatever else went well; the error names what failed and keeps it out of service."""
    checks = (Check("identity", True, "1"), Check("tables", False, "2 are missing"), Check("rows", False, "0 of 5"))

    with pytest.raises(RecoveryFailed, match="backup_1 was restored but does not answer") as caught:
        CheckedCopy(checks, 1, 0, None, ()).require("backup_1")

    assert caught.value.detail == "tables: 2 are missing; rows: 0 of 5"
    assert "Do not put it into service" in caught.value.hint


def test_all_checks_passed_is_a_recovery():
    """Nothing is raised."""
    CheckedCopy((Check("identity", True, "1"),), 1, 5, None, ()).require("backup_1")

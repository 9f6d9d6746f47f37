"""The report of an incident says what was measured, names what was lost, and makes nothing up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from dr.catalog.canary import Beat
from dr.errors import BackupInvalid, ConfigurationError
from dr.evidence.incident import (
    Agreed,
    AnyEntry,
    Closed,
    Decision,
    Graded,
    Incident,
    Lost,
    Measured,
    Note,
    Opened,
    PhaseTime,
    RunBegan,
    RunEnded,
    StepTaken,
    Told,
    decoded,
    encoded,
)
from dr.evidence.incident_contacts import call_list
from dr.evidence.incident_report import deviations, render, report_values
from dr.evidence.incident_timeline import timeline

T = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
OPENED = Opened(T, "op", system="shop", id="1", severity="HIGH", scenario="database-corruption", text="odd", host="h")
LAST, RESTORED = Beat(120, T - timedelta(seconds=1)), Beat(90, T - timedelta(seconds=31.5))


def at(seconds: float) -> datetime:
    """So many seconds after it was opened."""
    return T + timedelta(seconds=seconds)


def measured(rto: float = 42.0, rpo: float | None = 30.5, lost: Lost | None = None) -> Measured:
    """A recovery held against fifteen minutes each."""
    phases = (PhaseTime("fetch", 10.0), PhaseTime("replay", 20.0))
    return Measured(at(60), "op", "database-corruption", "base_1", rto, 900.0, rpo, 900.0, phases, lost, "r1")


def run(outcome: str = "completed", *steps: StepTaken, error: str = "") -> tuple[AnyEntry, ...]:
    """A run of a recovery with these steps."""
    began = RunBegan(at(5), "op", "r1", "recover-database", "database-corruption", "recover")
    return began, RunEnded(at(70), "op", "r1", "recover-database", outcome, 65.0, error, steps)


def step(name: str, begin: float, outcome: str = "completed", attempt: int = 1, error: str = "") -> StepTaken:
    """A step of two seconds."""
    return StepTaken(name, attempt, at(begin), at(begin + 2), outcome, error)


def incident(*entries: AnyEntry) -> Incident:
    """Opened, and then this."""
    return Incident((OPENED, *entries))


def test_the_timeline_has_every_step_between_what_people_noted() -> None:
    """By time, whoever wrote it when: steps are told at the run's end and stand where they happened."""
    lines = timeline(
        incident(Note(at(9), "op", "disk is full"), *run("completed", step("find", 6), step("restore", 10)))
    )

    assert [line.text.partition(":")[0] for line in lines] == [
        "opened",
        "recover-database began (run r1)",
        "step",
        "note",
        "step",
        "recover-database completed after 65.0 s (run r1)",
    ]
    assert [line.at for line in lines] == sorted(line.at for line in lines)


def test_what_was_lost_is_told_between_which_canaries() -> None:
    """Which transactions, between which times, in how many seconds, and where replay ended."""
    lost = Lost(30.5, True, "canary 120 was committed last, 90 was restored", LAST, RESTORED, "replay ended at 0/5000")

    told = report_values(incident(measured(lost=lost)))["lost"]

    assert "committed after canary 90 (2026-01-31 01:59:28.500000 UTC)" in told
    assert "up to canary 120 (2026-01-31 01:59:59.000000 UTC): 30.5 s, 30 canary rows" in told
    assert "replay ended at 0/5000" in told


def test_nothing_lost_is_told_as_nothing() -> None:
    """The last canary came back."""
    lost = Lost(0.0, True, "the same", LAST, LAST)

    assert "nothing between canaries" in report_values(incident(measured(rpo=0.0, lost=lost)))["lost"]


def test_how_far_the_log_had_come_is_told_by_its_position() -> None:
    """The span of WAL begins where replay ended; this is where it ended for this host."""
    opened = Opened(T, "op", "shop", "1", "HIGH", "database-corruption", "odd", "h", received_lsn="0/6000060")

    assert "up to 0/6000060" in report_values(Incident((opened,)))["lost"]


@pytest.mark.parametrize("key", ["measured", "lost", "span", "happened"])
def test_what_was_not_measured_is_said_to_be_so(key: str) -> None:
    """No figure stands in for one that nobody took."""
    assert "not measured" in report_values(incident())[key].lower()


@pytest.mark.parametrize(
    ("at_most", "row", "deviates"),
    [
        (12.0, "| RPO | at most 12.0 | 900 | yes |", ""),
        (1200.0, "| RPO | at most 1200.0 | 900 | not shown |", "lost at most 1200.0 s of 900 s"),
        (None, "| RPO | not measured | 900 | not shown |", "was not measured"),
    ],
    ids=["a bound within the objective", "a bound beyond it", "nothing known"],
)
def test_a_loss_that_was_not_measured_is_not_called_so(at_most: float | None, row: str, deviates: str) -> None:
    """At most so much: that is met when it is little enough, and never missed; of what is not known neither is said."""
    lost = Lost(at_most, False, "at most: this host does not know the last canary", None, RESTORED)
    values = report_values(incident(msgspec.structs.replace(measured(rpo=None, lost=lost), rpo_at_most=at_most)))

    assert row in values["measured"]
    assert "RPO missed" not in values["deviations"]
    assert ("RPO not shown to be met" in values["deviations"]) is bool(deviates)
    assert deviates in values["deviations"]


def test_each_phase_stands_under_the_objective() -> None:
    """RTO and RPO first, then where the time went."""
    told = report_values(incident(measured()))["measured"]

    assert "| RTO | 42.0 | 900 | yes |" in told
    assert "| RPO | 30.5 | 900 | yes |" in told
    assert told.index("| fetch | 10.0 |") < told.index("| replay | 20.0 |")


def test_deviations_are_what_no_procedure_prescribes() -> None:
    """Steps that failed, runs that ended badly or not at all, what people decided, and missed objectives."""
    failed = step("restore", 8, "failed", error="the copy is damaged\nHINT: another")
    told = deviations(
        incident(
            Decision(at(2), "op", "restore to 01:58"),
            *run("failed", failed, step("restore", 11, attempt=2), error="BackupInvalid: no copy is whole\nDETAIL: x"),
            RunBegan(at(80), "op", "r2", "full-recovery", "full-system-failure", "again"),
            measured(rto=901.0, rpo=901.0),
        )
    )

    assert told == (
        "full-recovery (run r2) did not come to its end",
        "recover-database (run r1) failed: BackupInvalid: no copy is whole",
        "recover-database: restore, attempt 1, failed: the copy is damaged",
        "decided by op: restore to 01:58",
        "RTO missed: base_1 took 901.0 s of 900 s",
        "RPO missed: base_1 lost 901.0 s of 900 s",
    )


def test_a_run_that_went_as_it_should_deviates_in_nothing() -> None:
    """Within the objectives, every step at its first attempt."""
    assert deviations(incident(*run("completed", step("find", 6)), measured())) == ()


def test_the_severity_is_the_last_one_that_was_given() -> None:
    """It was opened as HIGH."""
    assert incident().severity == "HIGH"
    assert incident(Graded(at(1), "op", "LOW", "it was one page")).severity == "LOW"


def test_whatever_is_written_is_read_again() -> None:
    """Every kind of entry, as a line of its own."""
    entries: tuple[AnyEntry, ...] = (
        OPENED,
        Note(T, "op", "zwei\nZeilen | Ä"),
        Decision(T, "op", "d"),
        Told(T, "op", "CTO", "phone"),
        Agreed(T, "op", "destroy", "typed"),
        Graded(T, "op", "LOW", "r"),
        *run("completed", step("find", 6)),
        measured(lost=Lost(1.0, True, "e", LAST, RESTORED)),
        Closed(T, "op", "over"),
    )
    lines = [encoded(entry) for entry in entries]

    assert decoded(b"".join(lines), "here") == entries
    assert [line.count(b"\n") for line in lines] == [1] * len(lines)


def test_what_a_crash_tore_off_is_left_out_and_other_damage_is_told() -> None:
    """The last line only; a line in the midst that cannot be read hides nothing."""
    first, second = encoded(OPENED), encoded(Note(T, "op", "n"))

    assert decoded(first + second[:-5], "here") == (OPENED,)
    with pytest.raises(BackupInvalid, match="line 1 of here"):
        decoded(first[5:] + second, "here")


def test_a_newer_program_s_incident_is_not_half_understood() -> None:
    """Neither its format nor a kind of entry that is not known here."""
    newer = encoded(Opened(T, "op", "shop", "1", "HIGH", "x", "odd", "h", format=99))

    with pytest.raises(ConfigurationError, match="newer program"):
        decoded(newer, "here")
    with pytest.raises(BackupInvalid, match="newer program"):
        decoded(encoded(OPENED) + b'{"what":"teleported","at":"2026-01-31T02:00:00Z","by":"x"}\n', "here")


def test_a_template_may_name_only_what_there_is() -> None:
    """An operator's mistake is told with what may be named, and a dollar that is meant is two."""
    assert render("$system costs 5 $$", incident()) == "shop costs 5 $"
    with pytest.raises(ConfigurationError, match="cannot be filled in") as told:
        render("$sistem", incident(), source="ours.md")
    assert "$system" in told.value.detail


def test_text_of_people_breaks_no_table() -> None:
    """A bar and a line's end stay within their cell."""
    told = report_values(incident(Decision(at(1), "op", "a | b\nc")))["decisions"]

    assert told.splitlines()[-1] == "| 2026-01-31 02:00:01 UTC | op | a \\| b c |"


def test_the_call_list_shows_who_was_told_by_role_or_by_name() -> None:
    """In the order of calling, capitals or not; who was not told is said so."""
    lines = ("Database Admin | First Person | Second Person | +1-555-0102 | dba@example.org", "CTO | Third Person")

    rows = call_list(lines, incident(Told(at(1), "op", "second person", "phone")))

    assert [row["told"] for row in rows] == ["02:00:01Z by phone, noted by op", "not yet"]
    assert [row["phone"] for row in rows] == ["+1-555-0102", ""]
    assert call_list(lines, None)[0]["told"] == "not yet"

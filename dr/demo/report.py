"""What the demo has to say in the end, as plain data: a scoreboard to print and a dictionary to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dr.demo.beside.report import NOTHING_BESIDE, BesideReport, beside_rows
from dr.demo.checks import CheckResult
from dr.evidence.phases import Phase
from dr.policy.objectives import Scenario, Verdict


@dataclass(frozen=True, slots=True)
class DemoReport:
    """One disaster and one recovery, measured. Times are seconds; ``phases`` in the order in which they began.

    ``beside`` is None where the shop was a database alone.
    """

    scenario: Scenario
    verdict: Verdict
    phases: tuple[Phase, ...]
    check: CheckResult
    corruption_message: str
    server_version: str
    backup_label: str
    loss_explanation: str
    database_bytes: int
    demo_seconds: float
    beside: BesideReport | None = None
    notes: tuple[str, ...] = ()
    drills: tuple[Mapping[str, str], ...] = ()

    @property
    def met(self) -> bool:
        """In time, with no more loss than allowed, and everything that should be there is there."""
        return self.verdict.met and not self.differences

    @property
    def differences(self) -> tuple[str, ...]:
        """Every way in which what came back is not what was there, of the database and of what is beside it."""
        beside = self.beside.problems if self.beside is not None else ()
        content = () if self.check.passed or self.check.problems else ("the checksums differ",)
        return (*self.check.problems, *content, *beside)

    def as_dict(self) -> dict[str, object]:
        """The content of ``demo-report.json``."""
        return {
            "scenario": str(self.scenario),
            "rto_seconds": round(self.verdict.rto_seconds, 3),
            "rto_target_seconds": self.verdict.objective.rto_seconds,
            "rpo_seconds": None if self.verdict.rpo_seconds is None else round(self.verdict.rpo_seconds, 3),
            "rpo_at_most_seconds": None if self.verdict.rpo_at_most is None else round(self.verdict.rpo_at_most, 3),
            "rpo_target_seconds": self.verdict.objective.rpo_seconds,
            "phases": {phase.name: round(phase.seconds, 3) for phase in self.phases},
            "tables_checked": self.check.tables_checked,
            "rows_expected": self.check.rows_expected,
            "rows_restored": self.check.rows_restored,
            "checksums_match": self.check.checksums_match,
            "met": self.met,
            "rows_lost": self.check.rows_lost,
            "transactions_lost": self.check.transactions_lost,
            "problems": list(self.check.problems),
            "checked": list(self.check.checked),
            "corruption_message": self.corruption_message,
            "server_version": self.server_version,
            "backup_label": self.backup_label,
            "loss_explanation": self.loss_explanation,
            "database_bytes": self.database_bytes,
            "demo_seconds": round(self.demo_seconds, 1),
            "notes": list(self.notes),
            "drills": [dict(row) for row in self.drills],
            **(self.beside.as_dict() if self.beside is not None else NOTHING_BESIDE),
        }


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Tables of text. ``scores`` are (measure, achieved, target, verdict), ``phases`` are (name, seconds, note).

    What is ``beside`` the database has a table of its own.
    """

    title: str
    scores: tuple[tuple[str, str, str, str], ...]
    phases: tuple[tuple[str, str, str], ...]
    checked: tuple[str, ...]
    problems: tuple[str, ...]
    verdict: str
    beside: BesideReport | None = None


def scoreboard(report: DemoReport) -> Scoreboard:
    """Lay the report out for reading; how it is printed is the caller's business."""
    verdict, check = report.verdict, report.check
    return Scoreboard(
        title=f"{report.scenario}: PostgreSQL {report.server_version}, {report.database_bytes / 1e6:.0f} MB, "
        f"restored from {report.backup_label}",
        scores=(
            ("RTO", f"{verdict.rto_seconds:.1f} s", _minutes(verdict.objective.rto_seconds), _word(verdict.rto_met)),
            ("RPO", verdict.rpo_shown, _minutes(verdict.objective.rpo_seconds), _word(verdict.rpo_met)),
            ("rows", f"{check.rows_restored:,}", f"{check.rows_expected:,}", _word(check.passed)),
            ("checksums", "match" if check.checksums_match else "differ", "match", _word(check.checksums_match)),
            ("commits lost", f"{check.transactions_lost:,} ({check.rows_lost:,} rows)", "", ""),
        ),
        phases=tuple(_phase_row(phase) for phase in report.phases),
        checked=check.checked,
        problems=report.differences,
        beside=report.beside,
        verdict="met" if report.met else "MISSED",
    )


def scoreboard_lines(board: Scoreboard) -> tuple[str, ...]:
    """The scoreboard as plain lines, for logs and terminals without colours."""
    lines = [board.title, ""]
    lines += _columns((("", "achieved", "target", ""), *board.scores))
    lines += ["", *_columns((("phase", "seconds", ""), *board.phases)), "", "compared with what was committed:"]
    lines += [f"  {item}" for item in board.checked]
    if board.beside is not None:
        lines += ["", *_columns(beside_rows(board.beside)), ""]
        lines += [f"recovery point {board.beside.point}: {board.beside.statement}"]
        lines += [f"everything back {board.beside.everything_seconds:.1f} s after the disaster was declared"]
    lines += [f"  DIFFERENT: {item}" for item in board.problems]
    lines += ["", f"objectives: {board.verdict}"]
    return tuple(lines)


def named_phases(phases: Iterable[Phase]) -> tuple[Phase, ...]:
    """In the order of their beginning; the names are unique in a report, so later ones of a name get a number."""
    seen: dict[str, int] = {}
    named = []
    for phase in sorted(phases, key=lambda item: item.begin):
        seen[phase.name] = seen.get(phase.name, 0) + 1
        name = phase.name if seen[phase.name] == 1 else f"{phase.name} {seen[phase.name]}"
        named.append(Phase(name, phase.begin, phase.end, phase.busy_seconds, phase.bytes, phase.note))
    return tuple(named)


def _phase_row(phase: Phase) -> tuple[str, str, str]:
    note = phase.note or ("at work, beside others" if phase.busy_seconds is not None else "")
    return phase.name, f"{phase.seconds:.2f}", note


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

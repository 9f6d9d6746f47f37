"""What the demo has to say of everything beside the database, as plain data and as lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One kind: from which backups, what is there now, how long it took, and every difference to before."""

    kind: str
    title: str
    labels: tuple[str, ...]
    came_back: str
    seconds: float
    problems: tuple[str, ...]

    @property
    def identical(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class BesideReport:
    """The recovery point and what came back from it.

    ``everything_seconds`` run from the declared disaster, as the RTO does, until the last part was in service again.
    """

    point: str
    statement: str
    point_problems: tuple[str, ...]
    rows: tuple[ComponentRow, ...]
    everything_seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """Why not everything is as it was."""
        of_point = tuple(f"{self.point}: {problem}" for problem in self.point_problems)
        return (*of_point, *(f"{row.title}: {problem}" for row in self.rows for problem in row.problems))

    def as_dict(self) -> dict[str, object]:
        """Its part of ``demo-report.json``."""
        return {
            "recovery_point": {
                "backup": self.point,
                "statement": self.statement,
                "fits": not self.point_problems,
                "problems": list(self.point_problems),
            },
            "components": [
                {
                    "kind": row.kind,
                    "title": row.title,
                    "backups": list(row.labels),
                    "came_back": row.came_back,
                    "seconds": round(row.seconds, 3),
                    "identical": row.identical,
                    "problems": list(row.problems),
                }
                for row in self.rows
            ],
            "everything_seconds": round(self.everything_seconds, 3),
        }


NOTHING_BESIDE: dict[str, object] = {"recovery_point": None, "components": [], "everything_seconds": None}
"""What the report holds of an estate that is a database alone."""


def beside_rows(report: BesideReport) -> tuple[tuple[str, ...], ...]:
    """A table with its head: component, backups, what came back, seconds, verdict."""
    rows = [
        (row.title, ", ".join(row.labels), row.came_back, f"{row.seconds:.2f}", _word(row.identical))
        for row in report.rows
    ]
    return (("component", "backup", "came back", "seconds", ""), *rows)


def _word(identical: bool) -> str:
    return "identical" if identical else "DIFFERENT"

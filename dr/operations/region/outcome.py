"""What a failover or a return achieved, as one value and as rows that a person reads."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.lsn import Lsn
from dr.evidence.phases import Phase
from dr.evidence.scoreboard import Row
from dr.operations.region.afterwards import Rearmed, RegionLoss
from dr.operations.region.archive import Replayed
from dr.operations.region.diverged import Diverged
from dr.operations.region.take_over import TookOver
from dr.policy.objectives import Verdict
from dr.policy.recovered_state import Finding

_MET: dict[str, bool | str] = {"yes": True, "no": False, "unknown": "not shown"}


@dataclass(frozen=True, slots=True)
class FailedOver:
    """The second region is in charge. ``seconds`` runs from the disaster, or from the begin of the run.

    ``reasons`` are why it was allowed; ``to_do`` is left for people; ``everywhere_seconds`` counts in ``seconds``.
    """

    system: str
    took: TookOver
    reasons: tuple[str, ...]
    replayed: Replayed
    lost: RegionLoss
    services: tuple[str, ...]
    traffic: tuple[str, ...]
    everywhere_seconds: float
    findings: tuple[Finding, ...]
    verdict: Verdict
    phases: tuple[Phase, ...]
    rearmed: Rearmed
    backup: str
    to_do: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.verdict.rto_seconds


@dataclass(frozen=True, slots=True)
class FailedBack:
    """The first region is in charge again, and the second follows. ``interruption_seconds`` without anybody in charge.

    ``diverged`` is what the first region's server had of its own; ``end`` is where both were when it took over.
    """

    system: str
    kept_out: str
    diverged: Diverged
    rebuilt: str
    end: Lsn | None
    took: TookOver | None
    traffic: tuple[str, ...]
    interruption_seconds: float | None
    findings: tuple[Finding, ...]
    follows: str
    to_do: tuple[str, ...] = ()


def failover_rows(outcome: FailedOver) -> list[Row]:
    """Against the objective, then what happened, in its order."""
    verdict, lost = outcome.verdict, outcome.lost
    return [
        _row("RTO", f"{verdict.rto_seconds:.1f} s of {verdict.objective.rto_seconds:.0f} s", met=verdict.rto_met),
        _row("RPO", _rpo(verdict, lost.loss.explanation), met=_MET[verdict.rpo_answer]),
        *(_row("allowed because", reason) for reason in outcome.reasons),
        _row("from the stores", f"{outcome.replayed.gained_bytes} bytes of WAL {outcome.replayed.note}".strip()),
        _row("in charge", f"{outcome.took.server}, timeline {outcome.took.timeline} from {outcome.took.switch} on"),
        _row("lost", lost.explanation),
        *(_row("service", text) for text in outcome.services),
        *(_row("traffic", text) for text in outcome.traffic),
        *(_row(item.name, item.detail, met=str(item.said)) for item in outcome.findings),
        _row("backup", outcome.backup or "none yet"),
        *(_row("to do", text) for text in (*outcome.took.notes, *outcome.to_do)),
    ]


def _rpo(verdict: Verdict, explanation: str) -> str:
    return f"{verdict.rpo_shown} of {verdict.objective.rpo_seconds:.0f} s: {explanation}"


def failback_rows(outcome: FailedBack) -> list[Row]:
    """What happened, in its order."""
    took = outcome.took
    there = f"{took.server}, timeline {took.timeline} from {took.switch} on" if took else "still the second region"
    pause = outcome.interruption_seconds
    return [
        _row("the old server", outcome.kept_out),
        _row("only it had", str(outcome.diverged)),
        *(
            _row("transaction", f"{item.xid} at {item.lsn}, committed {item.at:%Y-%m-%d %H:%M:%S.%f} UTC")
            for item in outcome.diverged.shown
        ),
        _row("rebuilt by", outcome.rebuilt),
        _row("in charge", there),
        *([_row("nothing lost", f"both servers had all WAL up to {outcome.end}")] if outcome.end else []),
        *([_row("nobody in charge", f"{pause:.1f} s")] if pause is not None else []),
        *(_row("traffic", text) for text in outcome.traffic),
        *(_row(item.name, item.detail, met=str(item.said)) for item in outcome.findings),
        *([_row("the other", outcome.follows)] if outcome.follows else []),
        *(_row("to do", text) for text in outcome.to_do),
    ]


def _row(what: str, detail: str, met: bool | str | None = None) -> Row:
    shown = {True: "yes", False: "NO", None: ""}.get(met, met) if not isinstance(met, str) else met
    return {"what": what, "detail": detail, "good": shown}

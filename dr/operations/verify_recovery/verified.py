"""What a verification found, as one value: every answer, how long it took, and the error that it ends with."""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import DrillInconclusive, RecoveryFailed
from dr.evidence.findings import Loss
from dr.evidence.phases import Phase
from dr.policy.recovered_state import Finding, Judged, State, judge


@dataclass(frozen=True, slots=True)
class VerifiedRecovery:
    """``expected`` names what it was compared with, empty for nothing. ``loss`` is what the canary tells (RPO).

    ``backup`` is the label of the backup that was taken of it, empty when none was.
    """

    system: str
    findings: tuple[Finding, ...]
    phases: tuple[Phase, ...]
    expected: str = ""
    loss: Loss | None = None
    backup: str = ""

    @property
    def judged(self) -> Judged:
        return judge(self.findings)

    def require(self) -> None:
        """Raise unless everything that was asked was answered well.

        ``RecoveryFailed`` when something is wrong, ``DrillInconclusive`` when something could only not be told.
        """
        found = self.judged
        reasons, mend = "; ".join(found.reasons), " ".join(_sentence(text) for text in found.mend)
        if found.state is State.NOT_RECOVERED:
            raise RecoveryFailed(f"{self.system} is not recovered: it does not answer as it should", reasons, mend)
        if found.state is State.UNPROVEN:
            raise DrillInconclusive(f"{self.system}: not all that should be known of it could be told", reasons, mend)


def _sentence(text: str) -> str:
    return text if text.endswith((".", ";", "?")) else f"{text}."

"""What a verification of a recovered system shows people: the verdict with its reasons, every answer, the phases."""

from __future__ import annotations

from dr.operations.verify_recovery import VerifiedRecovery
from dr.policy.recovered_state import Said
from tasks.runner import publish_markdown, publish_table

_ORDER = (Said.FAILED, Said.UNPROVEN, Said.PASSED, Said.NOT_ASKED)


def show_verified(found: VerifiedRecovery) -> None:
    """What is wrong comes first."""
    rows = [
        {"question": item.name, "answer": str(item.said), "detail": item.detail, "seconds": item.seconds}
        for item in sorted(found.findings, key=lambda item: _ORDER.index(item.said))
    ]
    publish_table("recovered-answers", rows, "What the recovered system answered")
    phases = [{"phase": item.name, "seconds": round(item.seconds, 2)} for item in found.phases]
    publish_table(
        "recovered-phases", phases, "How long each question took, in seconds; they are asked beside each other"
    )
    publish_markdown("recovered-report", "\n".join(_report(found)), "The verification in short")


def _report(found: VerifiedRecovery) -> list[str]:
    judged = found.judged
    counts = {said: sum(1 for item in found.findings if item.said is said) for said in _ORDER}
    told = ", ".join(f"{count} {said.lower()}" for said, count in counts.items() if count)
    return [
        f"# {found.system}: {judged.state}",
        f"* {told}",
        *(f"* **{reason}**" for reason in judged.reasons),
        f"* compared with {found.expected or 'nothing'}",
        *((f"* RPO: {found.loss.explanation}",) if found.loss is not None else ()),
        *((f"* backed up as `{found.backup}`",) if found.backup else ()),
    ]

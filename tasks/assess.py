"""The one step of an assessment."""

from __future__ import annotations

from dr.operations.assess import Assessment, assess, lines
from tasks.runner import publish_markdown, publish_table, task
from tasks.systems import load_effective


@task(name="look at everything", timeout_seconds=60)
def look(system: str, seconds: float) -> Assessment:
    """Database, application, stores and all else at once; what does not answer is told as late."""
    settings = load_effective(system, require_postgres=False, require_encryption=False).system
    return assess(settings, seconds, words=("--system", settings.name))


def show(found: Assessment) -> None:
    """The guide's screen, and every observation."""
    text = "\n".join(lines(found))
    publish_markdown("assessment", f"```\n{text}\n```", f"{found.system}: {found.judgement.severity}")
    rows = [
        {"what": item.what, "is": item.shown, "condition": str(item.condition), "detail": item.detail}
        for item in found.observations
    ]
    publish_table("observations", rows, "Everything that was seen")

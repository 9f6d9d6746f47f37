"""What a run shows people of what is beside the database: every part, what it holds, and the recovery point."""

from __future__ import annotations

from collections.abc import Sequence

from dr.catalog.manifest import Manifest
from dr.operations.backup_run import BackupRun
from dr.operations.component.expire_images import ImageExpiry, ImagesRemoved
from dr.operations.component.expire_packs import PackExpiry
from dr.operations.point.find import FoundPoint
from dr.policy.drill_age import shown
from tasks.runner import publish_markdown, publish_table


def show_components(run: BackupRun) -> None:
    """Every part of every component's backup, and what is worth knowing."""
    rows = [row for made in run.made for row in component_rows(made.draft.manifest)]
    if rows:
        publish_table("components", rows, "What the components' backups hold")
    notes = [
        *run.notes,
        *(
            f"{made.published.label}: {note}"
            for made in run.made
            if made.draft.manifest.component
            for note in made.draft.manifest.component.notes
        ),
    ]
    if notes:
        publish_markdown("notes", "\n".join(f"* {line}" for line in notes), "Worth knowing")


def component_rows(manifest: Manifest) -> list[dict[str, str | int | float]]:
    """The parts of one component's backup."""
    if manifest.component is None:
        return []
    return [
        {
            "backup": manifest.label,
            "part": item.name,
            "count": item.count,
            "MB": round(item.bytes / 1e6, 3),
            "detail": item.detail,
        }
        for item in manifest.component.items
    ]


def point_rows(point: FoundPoint) -> list[dict[str, str | float]]:
    """Every part of a recovery point, and how far it lies from the database's moment."""
    contents = point.contents
    rows: list[dict[str, str | float]] = []
    database = contents.database
    if database is not None:
        at = str(database.lsn) if database.lsn else "the dump's snapshot"
        rows.append(
            {
                "part": "database",
                "backup": database.base or database.dump,
                "shows": f"{database.at:%Y-%m-%d %H:%M:%S} UTC",
                "apart": "",
                "where": at,
                "still there": _there(point, database.base or database.dump),
            }
        )
    for member in contents.members:
        distance = ""
        if database is not None:
            behind = member.taken - database.at
            distance = f"{'+' if behind.total_seconds() >= 0 else '-'}{shown(abs(behind))}"
        rows.append(
            {
                "part": str(member.kind),
                "backup": member.label,
                "shows": f"{member.taken:%Y-%m-%d %H:%M:%S} UTC",
                "apart": distance,
                "where": ", ".join(member.stores) + ("" if member.fresh else " (of an earlier run)"),
                "still there": _there(point, member.label),
            }
        )
    return rows


def _there(point: FoundPoint, label: str) -> str:
    return "GONE" if label in point.gone else "DAMAGED" if label in point.damaged else "yes"


def show_point(point: FoundPoint) -> None:
    """The recovery point: its parts, and its consistency in one line."""
    label = point.manifest.label
    publish_table("recovery-point", point_rows(point), f"{label}: what belongs to one state of the system")
    lines = [
        f"# {label}",
        f"* {point.consistency.statement}",
        f"* **{'fits together' if point.consistency.fits else 'does not fit together as it should'}**",
        *(f"* **problem**: {problem}" for problem in point.consistency.problems),
    ]
    publish_markdown("recovery-point-report", "\n".join(lines), "The recovery point in short")


def show_packs(expiries: Sequence[PackExpiry]) -> None:
    """What became of the packs of each store, and why."""
    rows = [
        {
            "store": item.store,
            "removed": len(item.going),
            "MB": round(item.stored_bytes / 1e6, 1),
            "staying": item.staying,
            "reason": item.reason,
        }
        for item in expiries
        if item.going or item.staying
    ]
    if rows:
        publish_table("packs", rows, "Packs of uploads: those that no backup needs any more are removed")


def show_images(plan: ImageExpiry, done: ImagesRemoved) -> None:
    """The decision on every image and snapshot, and what could not be removed."""
    rows = [
        {
            "image": item.image.id,
            "region": item.image.region,
            "of": item.image.source,
            "decision": str(item.action),
            "reason": item.reason,
        }
        for item in plan.decisions
    ]
    if rows:
        publish_table("images", rows, f"Server images: {len(done.removed)} removed")
    if done.problems:
        text = "\n".join(f"* {line}" for line in done.problems)
        publish_markdown("images-held", text, "Could not be removed; marked, and not tried again")

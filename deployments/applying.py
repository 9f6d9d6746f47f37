"""Deployments and their work pool, applied so that doing it again changes nothing.

A deployment that already is as wanted is not touched: each change makes Prefect drop the runs that it had scheduled,
and one made in the second before 02:00 would cost that night's backup. What people decided in the UI stays: a paused
schedule stays paused, and is reported, because no backup will be made by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from deployments.registry import WORK_POOL
from deployments.rows import DeployedRow, Done

_COMPARED = (
    "description",
    "version",
    "tags",
    "parameters",
    "entrypoint",
    "enforce_parameter_schema",
    "work_pool_name",
    "job_variables",
)


def ensure_pool(client: SyncPrefectClient) -> DeployedRow:
    """The pool that workers take runs from: made for processes on the worker's host unless it is there."""
    try:
        pool = client.read_work_pool(WORK_POOL)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=WORK_POOL,
                type=ProcessWorker.type,
                description="Backup and recovery runs, as processes on the worker's host.",
                base_job_template=ProcessWorker.get_default_base_job_template(),
            )
        )
        return DeployedRow("work pool", WORK_POOL, Done.CREATED, ProcessWorker.type)
    if pool.is_paused:
        return DeployedRow("work pool", WORK_POOL, Done.WARNING, "paused in Prefect: nothing runs until it is resumed")
    return DeployedRow("work pool", WORK_POOL, Done.UNCHANGED, pool.type)


def apply_deployment(client: SyncPrefectClient, wanted: RunnerDeployment) -> tuple[DeployedRow, ...]:
    """Create or update one deployment; a row for it and one for each schedule that is not simply in force."""
    try:
        before = client.read_deployment_by_name(wanted.full_name)
    except ObjectNotFound:
        wanted.apply()
        return (DeployedRow("deployment", wanted.full_name, Done.CREATED),)
    stale = [schedule for schedule in before.schedules if schedule.slug and schedule.slug not in _slugs(wanted)]
    changes = _changes(before, wanted)
    if changes:
        wanted.schedules = _keeping_decisions(before.schedules, wanted.schedules or [])
        wanted.paused = before.paused
        wanted.apply()
    for schedule in stale:
        client.delete_deployment_schedule(before.id, schedule.id)
    done = Done.UPDATED if changes else Done.UNCHANGED
    return (
        DeployedRow("deployment", wanted.full_name, done, ", ".join(changes)),
        *(DeployedRow("schedule", f"{wanted.full_name}/{item.slug}", Done.REMOVED, _text(item)) for item in stale),
        *_decisions(before, wanted),
    )


def _changes(before: DeploymentResponse, wanted: RunnerDeployment) -> tuple[str, ...]:
    differing = [name for name in _COMPARED if getattr(before, name) != getattr(wanted, name)]
    if before.parameter_openapi_schema != wanted._parameter_openapi_schema.model_dump(exclude_unset=True):
        differing.append("form")
    there = {schedule.slug: _meaning(schedule) for schedule in before.schedules}
    if any(there.get(schedule.slug) != _meaning(schedule) for schedule in wanted.schedules or []):
        differing.append("schedule")
    return tuple(name.replace("_", " ") for name in differing)


def _meaning(schedule: Any) -> tuple[object, ...]:
    plan = schedule.schedule
    return (
        getattr(plan, "cron", None),
        getattr(plan, "timezone", None),
        getattr(plan, "day_or", None),
        schedule.parameters,
    )


def _slugs(wanted: RunnerDeployment) -> set[str | None]:
    return {schedule.slug for schedule in wanted.schedules or []}


def _keeping_decisions(before: Iterable[DeploymentSchedule], wanted: Iterable[Any]) -> list[Any]:
    """Ours, as active as they are now, and those that people added, which Prefect would otherwise drop."""
    known = {schedule.slug: schedule for schedule in before if schedule.slug}
    ours = [
        schedule.model_copy(update={"active": known[schedule.slug].active}) if schedule.slug in known else schedule
        for schedule in wanted
    ]
    theirs = [
        DeploymentScheduleCreate(schedule=item.schedule, active=item.active, parameters=item.parameters)
        for item in before
        if not item.slug
    ]
    return [*ours, *theirs]


def _decisions(before: DeploymentResponse, wanted: RunnerDeployment) -> Iterable[DeployedRow]:
    for schedule in before.schedules:
        name = f"{wanted.full_name}/{schedule.slug or 'unnamed'}"
        if schedule.slug in _slugs(wanted) and (before.paused or not schedule.active):
            yield DeployedRow(
                "schedule", name, Done.WARNING, "paused in Prefect: nothing runs by it until it is resumed"
            )
        elif not schedule.slug:
            yield DeployedRow("schedule", name, Done.KEPT, f"{_text(schedule)}, added in Prefect")


def _text(schedule: DeploymentSchedule) -> str:
    plan = schedule.schedule
    return str(getattr(plan, "cron", None) or getattr(plan, "rrule", None) or getattr(plan, "interval", ""))

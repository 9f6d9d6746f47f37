"""The runs of a small system that are looked at, played once: each begins a process, which takes seconds."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule

from deployments.draining import drain
from deployments.processes import Process, children_of, wait_until_gone
from tests.prefect.desk import PATIENCE_SECONDS, until
from tests.prefect.real_install import Install

BACKUP = "daily-backup"


@dataclass(frozen=True, slots=True)
class Nightly:
    """A backup that the scheduler created and the worker took. It was held up in the midst of its dump, and then was
    in ``state``, with so many ``percent`` shown. A ``second`` one began and ended meanwhile; then this one went on.
    """

    run: FlowRun
    state: str | None
    percent: object
    second: FlowRun


@dataclass(frozen=True, slots=True)
class Broken:
    """A backup that was ended in the midst of its dump. ``left`` are the processes it had begun that outlived it.

    ``manifests`` says whether there are as many as before.
    """

    run: FlowRun
    begun: tuple[Process, ...]
    left: tuple[Process, ...]
    manifests: bool
    ended: int


def nightly(install: Install) -> Nightly:
    """By a schedule that comes up in a moment."""
    client, desk = install.desk.client, install.desk
    deployment = client.read_deployment_by_name(f"{BACKUP}/{desk.system}").id
    with install.holding_up():
        soon = IntervalSchedule(interval=timedelta(days=1), anchor_date=datetime.now(UTC) + timedelta(seconds=8))  # type: ignore[arg-type]
        (added,) = client.create_deployment_schedules(
            deployment, [DeploymentScheduleCreate(schedule=soon, active=True, slug="in-a-moment")]
        )
        install.wait_until_held_up()
        run = _begun_by(install, deployment, added.id)
        percent = until(lambda: desk.shown(run.id).get("progress-dump"), PATIENCE_SECONDS, desk.log)
        state = client.read_flow_run(run.id).state_name
        client.delete_deployment_schedule(deployment, added.id)
        second = desk.ended(desk.begin(BACKUP))
    return Nightly(desk.ended(run.id), state, percent, second)


def killed(install: Install) -> Broken:
    """SIGKILL, as the kernel does it when memory runs out."""
    with _held_up(install) as (run, process, begun):
        before = len(install.manifests())
        os.kill(process.pid, signal.SIGKILL)
        return _broken(install, run, begun, before)


def drained(install: Install) -> Broken:
    """As whoever is to stop the worker does it."""
    with _held_up(install) as (run, _, begun):
        before = len(install.manifests())
        ended = drain(install.worker_pid, seconds=0.5)
        return _broken(install, run, begun, before, ended)


def _begun_by(install: Install, deployment: UUID, schedule: UUID) -> FlowRun:
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    (run,) = (
        run
        for run in install.desk.client.read_flow_runs(deployment_filter=only)
        if run.created_by is not None and run.created_by.id == schedule and run.state_name != "Scheduled"
    )
    return run


@contextmanager
def _held_up(install: Install) -> Iterator[tuple[UUID, Process, tuple[Process, ...]]]:
    """A run in the midst of its dump, its process, and what that one has begun."""
    with install.holding_up():
        run = install.desk.begin(BACKUP)
        install.wait_until_held_up()
        (process,) = children_of(install.worker_pid)
        yield run, process, children_of(process.pid)


def _broken(install: Install, run: UUID, begun: tuple[Process, ...], before: int, ended: int = 0) -> Broken:
    over = install.desk.ended(run)
    wait_until_gone(begun, seconds=10)
    left = tuple(one for one in begun if one.alive)
    return Broken(over, begun, left, len(install.manifests()) == before, ended)

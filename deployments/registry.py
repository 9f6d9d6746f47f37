"""From the table of procedures to Prefect's deployments, one per protected system.

The deployment bears the system's name: ``daily-backup/coreflow360``. The worker imports the flow by its module path, so
nothing depends on where a checkout lies, and the same deployment runs from an image with another work pool.

Decided: no concurrency limit of Prefect's. Its slot is a lease on the server, by default in memory: a server that is
restarted during a restore loses it, and the run that did its work ends as crashed; a run stranded before it began keeps
it, and every later backup waits. One run at a time is our own lease, kept in the repository, where it also holds off
runs that Prefect knows nothing of (``tasks.exclusive``). The second run fails at once and says who is at work.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, cast

from prefect import Flow
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.annotations import freeze

from deployments.schedules import PROCEDURES, Procedure, Schedule
from dr import __version__

WORK_POOL = "dr"
# Relative paths that people type into the form then lie where the worker was begun. Prefect's default is a temporary
# directory that it removes after the run, with whatever was restored into it.
JOB_VARIABLES = {"working_dir": "."}


def deployments_of(system: str, procedures: Iterable[Procedure] = PROCEDURES) -> tuple[RunnerDeployment, ...]:
    """Every procedure's deployment for one system."""
    return tuple(_deployment(procedure, system) for procedure in procedures)


def load_flow(procedure: Procedure) -> Flow[..., Any]:
    """The flow that a worker would import."""
    module, _, name = procedure.entrypoint.rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    if not isinstance(flow, Flow):
        raise TypeError(f"{procedure.entrypoint} is a {type(flow).__name__}: Prefect's runner was not in charge")
    return flow


def _deployment(procedure: Procedure, system: str) -> RunnerDeployment:
    # Frozen: the deployment is this system's, and its form offers no other.
    made = load_flow(procedure).to_deployment(
        system,
        parameters={**procedure.parameters, "system": freeze(system)},
        tags=[*procedure.tags, f"system:{system}"],
        version=__version__,
        schedules=[_schedule(schedule) for schedule in procedure.schedules],
        work_pool_name=WORK_POOL,
        job_variables=dict(JOB_VARIABLES),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment = cast("RunnerDeployment", made)
    # Prefect applies the freeze when something is assigned after it has read the flow's form, so this comes last.
    deployment.description = procedure.description
    return deployment


def _schedule(schedule: Schedule) -> Any:
    return Cron(
        schedule.cron, timezone=schedule.timezone, slug=schedule.slug, parameters=dict(schedule.parameters), active=True
    )

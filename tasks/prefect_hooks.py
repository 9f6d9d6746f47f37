"""People hear at once of a deployment's run that failed, crashed or was cancelled: hooks of every flow.

A crash is told by the worker, since the run itself is dead. Runs that a person began at the terminal are his to see.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from dr.configuration import load
from dr.errors import LeaseHeld
from dr.operations.alert.runs import tell_run_ended_well, tell_run_failed
from tasks.prefect_patience import UNREACHED, ask

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

    from dr.configuration.model import System

logger = logging.getLogger(__name__)


def tell_failed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """After the last attempt failed. That another run of its kind was at work is no failure."""
    if not isinstance(state.data, LeaseHeld):
        _tell(flow, flow_run, state, "timed out" if state.name == "TimedOut" else "failed")


def tell_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The process died, or its host did and came back."""
    _tell(flow, flow_run, state, "crashed")


def tell_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Somebody ended it."""
    _tell(flow, flow_run, state, "was cancelled")


def tell_completed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """An earlier failure is over."""
    if not _is_deployments(flow_run):
        return
    try:
        tell_run_ended_well(_system(flow_run), flow.name)
    except Exception:
        logger.exception("that %s ended well was not told", flow.name)


def _tell(flow: Flow[..., Any], run: FlowRun, state: State[Any], ending: str) -> None:
    if not _is_deployments(run):
        return
    try:
        tell_run_failed(_system(run), flow.name, ending, run.name, state.message or "")
    except Exception:  # the run has ended; whatever is wrong with telling it must not hide how
        logger.exception("that %s %s was not told", flow.name, ending)


def _is_deployments(run: FlowRun) -> bool:
    """Neither begun at the terminal, nor a part of another run, which tells for itself."""
    return run.deployment_id is not None and run.parent_task_run_id is None


def _system(run: FlowRun) -> System:
    """As the run saw it; by file and environment alone where Prefect's server does not answer any more."""
    from tasks.systems import load_system  # which needs the runner that this is a part of

    name = str(run.parameters.get("system") or "")
    try:
        return ask(partial(load_system, name, require_postgres=False))
    except UNREACHED:
        return load(name or None, require_postgres=False).system

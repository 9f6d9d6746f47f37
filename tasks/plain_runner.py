"""The plain runner: the same steps in this process, with the same retries, deadlines and record, without Prefect.

It is what brings the system back when Prefect, its database or its dependencies are what broke.
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from dr.errors import TargetRefused
from dr.evidence.approvals import NOTHING, Asked, Reply
from tasks import record
from tasks.artifacts import markdown_record, table_record
from tasks.deadline import deadline
from tasks.retrying import RetryPolicy, is_retryable
from tasks.run import CurrentRun, RunRecord, run_name, sortable_id

P = ParamSpec("P")
R = TypeVar("R")
RUNNER = "plain"

logger = logging.getLogger(__name__)


def task(
    *,
    name: str,
    retries: int = 0,
    timeout_seconds: float | None = None,
    retry_base_seconds: float = 1.0,
    retry_cap_seconds: float = 60.0,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a step: named, recorded, tried again while its error says that this can help, cut at a deadline.

    ``retries`` counts the attempts after the first; each attempt has ``timeout_seconds``.
    """
    policy = RetryPolicy(retries, retry_base_seconds, retry_cap_seconds)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def step(*args: P.args, **kwargs: P.kwargs) -> R:
            delays = policy.delays()
            for attempt, delay in enumerate(delays, start=1):
                try:
                    with record.attempting(name, attempt), deadline(name, timeout_seconds):
                        return function(*args, **kwargs)
                except Exception as error:
                    if not is_retryable(error):
                        raise
                    logger.warning("%s failed and is tried again in %.1f s: %s", name, delay, error)
                time.sleep(delay)
            with record.attempting(name, len(delays) + 1), deadline(name, timeout_seconds):
                return function(*args, **kwargs)

        return step

    return decorate


def flow(
    *,
    name: str,
    flow_run_name: str | None = None,
    when_done: Callable[[RunRecord], None] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a procedure: named, recorded. ``flow_run_name`` may name parameters in braces.

    ``when_done`` gets the closed record, however the run ended.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def procedure(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            now = datetime.now(UTC)
            with record.recording(
                id=sortable_id(now),
                name=run_name(flow_run_name, name, bound.arguments, now),
                flow=name,
                runner=RUNNER,
                parameters=bound.arguments,
                when_done=when_done,
            ):
                return function(*args, **kwargs)

        return procedure

    return decorate


def current_run() -> CurrentRun:
    """The run that this code is part of. Raises RuntimeError outside of one."""
    run = record.current_record()
    return CurrentRun(run.id, run.name, run.runner)


def publish_table(key: str, rows: Sequence[Mapping[str, object]], description: str) -> None:
    """Keep a table with the run. ``key`` is lower-case letters, digits and dashes."""
    record.recorder().add_artifact(table_record(key, rows, description))


def publish_markdown(key: str, text: str, description: str) -> None:
    """Keep a text with the run. ``key`` is lower-case letters, digits and dashes."""
    record.recorder().add_artifact(markdown_record(key, text, description))


def ask_person(asked: Asked, seconds: float) -> Reply:
    """There is nobody to ask here: who began the run typed the system's name beforehand, or it is refused."""
    raise TargetRefused(
        f"{asked.what} wants the name of the system, and none was typed",
        detail=NOTHING,
        hint=f"Say --confirm {asked.system}, or set AUTO_CONFIRM=true for automation.",
    )

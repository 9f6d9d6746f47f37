"""Prefect's runner: the same steps as Prefect flows and tasks, with the same retries, deadlines and record.

Flows stay Prefect flows, for deployments. Steps are called directly, never submitted: only then does a deadline cut
them and a cancellation run their ``finally``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar, cast

from tasks.prefect_logging import announce_loggers, show_loggers

announce_loggers()  # Prefect reads it when it is imported

import prefect  # noqa: E402
from prefect.artifacts import create_markdown_artifact, create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.client.orchestration import SyncPrefectClient  # noqa: E402
from prefect.client.schemas.objects import State, TaskRun  # noqa: E402
from prefect.context import FlowRunContext, TaskRunContext  # noqa: E402

from dr import __version__  # noqa: E402
from dr.progress import reporter, reporting_to  # noqa: E402
from tasks import record  # noqa: E402
from tasks.artifacts import markdown_record, table_record  # noqa: E402
from tasks.deadline import deadline  # noqa: E402
from tasks.fences import ON_A_PAGE, folded  # noqa: E402
from tasks.prefect_approval import ask_person  # noqa: E402
from tasks.prefect_hooks import tell_cancelled, tell_completed, tell_crashed, tell_failed  # noqa: E402
from tasks.prefect_patience import UNREACHED, ask, end_soon, end_without, still_there  # noqa: E402
from tasks.prefect_progress import ProgressArtifacts  # noqa: E402
from tasks.progress import ThrottledProgress  # noqa: E402
from tasks.retrying import RetryPolicy, is_retryable  # noqa: E402
from tasks.run import ArtifactRecord, CurrentRun, RunRecord, run_name  # noqa: E402

P = ParamSpec("P")
R = TypeVar("R")
RUNNER = "prefect"
__all__ = ["RUNNER", "ask_person", "current_run", "flow", "publish_markdown", "publish_table", "task"]

show_loggers()
end_soon()


def _may_try_again(task: object, run: TaskRun, state: State[Any]) -> bool:
    return is_retryable(state.data)


def task(
    *,
    name: str,
    retries: int = 0,
    timeout_seconds: float | None = None,
    retry_base_seconds: float = 1.0,
    retry_cap_seconds: float = 60.0,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The plain runner's ``task``, as a Prefect task."""
    policy = RetryPolicy(retries, retry_base_seconds, retry_cap_seconds)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
            context = TaskRunContext.get()
            attempt = context.task_run.run_count if context else 1
            with record.attempting(name, attempt), deadline(name, timeout_seconds):
                return function(*args, **kwargs)

        # A cached or persisted result would be a backup that did not happen, or plaintext on a disk.
        prefect_task = prefect.task(
            name=name,
            retries=retries,
            retry_condition_fn=_may_try_again,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(recorded)

        @functools.wraps(function)
        def step(*args: P.args, **kwargs: P.kwargs) -> R:
            drawn = prefect_task.with_options(retry_delay_seconds=list(policy.delays()))
            return drawn(*args, **kwargs)

        return step

    return decorate


def flow(
    *,
    name: str,
    flow_run_name: str | None = None,
    when_done: Callable[[RunRecord], None] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The plain runner's ``flow``, as a Prefect flow: what is returned is a ``prefect.Flow``."""

    def name_of_run() -> str:
        context = FlowRunContext.get()
        parameters = (context.parameters if context else None) or {}
        return run_name(flow_run_name, name, parameters, datetime.now(UTC))

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function, eval_str=True)

        @functools.wraps(function)
        def procedure(*args: P.args, **kwargs: P.kwargs) -> R:
            context = FlowRunContext.get()
            if context is None or context.flow_run is None:
                raise RuntimeError(f"{name} was called without Prefect's engine")
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            with (
                record.recording(
                    id=str(context.flow_run.id),
                    name=context.flow_run.name,
                    flow=name,
                    runner=RUNNER,
                    parameters=bound.arguments,
                    when_done=when_done,
                ),
                _ending(context),
                _progress() as progress,
                reporting_to(progress),
            ):
                return function(*args, **kwargs)

        # Prefect resolves annotations in the module of what it is given, which is this one and not the flow's.
        procedure.__signature__ = signature  # type: ignore[attr-defined]
        # The version would otherwise be a hash of this file.
        made = prefect.flow(
            name=name,
            version=__version__,
            flow_run_name=name_of_run,
            validate_parameters=True,
            persist_result=False,
            on_failure=[tell_failed],
            on_crashed=[tell_crashed],
            on_cancellation=[tell_cancelled],
            on_completion=[tell_completed],
        )(procedure)
        return cast("Callable[P, R]", made)

    return decorate


def current_run() -> CurrentRun:
    """The run that this code is part of. Raises RuntimeError outside of one."""
    run = record.current_record()
    return CurrentRun(run.id, run.name, run.runner)


def publish_table(key: str, rows: Sequence[Mapping[str, object]], description: str) -> None:
    """Keep a table with the run and show it in Prefect's UI. ``key`` is lower-case letters, digits and dashes."""
    table = table_record(key, rows, description)
    shown = [dict(row) for row in table.rows]
    _publish(table, lambda: create_table_artifact(table=shown, key=key, description=description))


def publish_markdown(key: str, text: str, description: str) -> None:
    """Keep a text with the run and show it in Prefect's UI. ``key`` is lower-case letters, digits and dashes."""
    note = markdown_record(key, text, description)
    shown = folded(note.text, ON_A_PAGE)
    _publish(note, lambda: create_markdown_artifact(markdown=shown, key=key, description=description))


def _publish(artifact: ArtifactRecord, deliver: Callable[[], object]) -> None:
    """Telling people may fail without failing the run: the record keeps what was to be told, and why it was not.

    Prefect's client would wait a minute for a server that is gone, and a recovery has no minute for that.
    """
    keeper = record.recorder()
    try:
        ask(deliver)
    except UNREACHED as error:
        reason = f"{type(error).__name__}: {error}"
        keeper.add_artifact(replace(artifact, undelivered=reason))
        keeper.add_undelivered(f"artifact {artifact.key}: {reason}")
    else:
        keeper.add_artifact(artifact)


@contextmanager
def _ending(context: FlowRunContext) -> Iterator[None]:
    """What is inside ends by its own outcome, whether or not Prefect's server hears of it."""
    client = cast("SyncPrefectClient", context.client)  # an asynchronous flow alone has another
    end_without(client)
    try:
        yield
    finally:
        silence = still_there(client)
        if silence:
            record.recorder().add_undelivered(f"the end of this run: {silence}")


def _progress() -> ThrottledProgress:
    return ThrottledProgress(ProgressArtifacts(), reporter(), record.recorder().add_undelivered)

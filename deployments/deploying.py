"""Registering everything with Prefect: Blocks, work pool, deployments; then reading back that it will run.

May be run at any time and as often as one likes: what is as wanted already is not touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SyncClientContext
from prefect.exceptions import PrefectException, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from deployments.applying import apply_deployment, ensure_pool
from deployments.automations import apply_automations, remove_orphans
from deployments.registry import WORK_POOL, deployments_of
from deployments.rows import DeployedRow, Done, Say
from deployments.scheduler_check import PATIENCE_SECONDS, check_schedules
from deployments.system_blocks import as_deployed, register_system, register_types
from deployments.workers import online_workers
from dr.configuration import system_name
from dr.configuration.file import find_file, read_file
from dr.errors import DrError


class PrefectUnavailable(DrError):
    """Prefect's server does not answer, refuses us, or is none that keeps anything."""

    retryable = True


def deploy(
    system: str | None,
    *,
    file: Path | None,
    say: Say,
    replace_blocks: bool = False,
    patience_seconds: float = PATIENCE_SECONDS,
) -> tuple[DeployedRow, ...]:
    """Register ``system`` with the Prefect server of PREFECT_API_URL; None registers every system of the file.

    ``say`` is told each row at once; ``replace_blocks`` makes the Blocks anew even where they were edited in the UI.
    Raises ConfigurationError, PrefectUnavailable, or SchedulerSilent when a schedule gets no run in
    ``patience_seconds``.
    """
    rows: list[DeployedRow] = []

    def note(*found: DeployedRow) -> None:
        for row in found:
            rows.append(row)
            say(str(row))

    systems = _systems(system, file)
    with _prefect() as client:
        register_types()
        note(ensure_pool(client))
        names = []
        for name in systems:
            note(register_system(name, file, replace=replace_blocks))
            for deployment in deployments_of(name):
                note(*apply_deployment(client, deployment))
                names.append(deployment.full_name)
            note(*apply_automations(client, as_deployed(name, file)))
        note(*remove_orphans(client))
        note(*check_schedules(client, names, patience_seconds))
        note(_worker(client))
    return tuple(rows)


def _systems(system: str | None, file: Path | None) -> tuple[str, ...]:
    """The named one; otherwise all that the file describes, or the one that the environment does."""
    path = find_file(file, os.environ)
    if system or path is None or os.environ.get("DR_SYSTEM", "").strip():
        return (system_name(system, file=file),)
    return tuple(sorted(read_file(path).systems)) or (system_name(None, file=file),)


@contextmanager
def _prefect() -> Iterator[SyncPrefectClient]:
    """The server's API, known to answer. Without an address Prefect would register with a server that ends with us."""
    address = PREFECT_API_URL.value()
    if not address:
        raise PrefectUnavailable(
            "no Prefect server is configured",
            hint="Set PREFECT_API_URL=http://HOST:4200/api, or run `make up` for a local server.",
        )
    with get_client(sync_client=True) as client:
        refusal = client.api_healthcheck()
        if refusal is not None:
            raise PrefectUnavailable(
                f"Prefect's server at {address} does not answer",
                detail=f"{type(refusal).__name__}: {refusal}",
                hint="Start it (`make up`, or coreflow360-prefect-server.service), or correct PREFECT_API_URL.",
            )
        try:
            # Every Block and deployment would open a client of its own, and read all certificates of this host for it.
            with SyncClientContext.get_or_create() as context:
                yield context.client
        except (httpx.HTTPError, PrefectException) as error:
            raise PrefectUnavailable(
                f"Prefect's server at {address} refused or broke off",
                detail=_explain(error),
                hint="What was registered so far stays; run it again. 401: set PREFECT_API_AUTH_STRING.",
            ) from error


def _explain(error: Exception) -> str:
    if isinstance(error, PrefectHTTPStatusError):
        return f"HTTP {error.response.status_code}: {error.response.text[:500]}"
    return f"{type(error).__name__}: {error}"


def _worker(client: SyncPrefectClient) -> DeployedRow:
    """Whether anybody takes runs from the pool. None is no error: it may be started after this."""
    names = online_workers(client)
    if names:
        return DeployedRow("worker", ", ".join(names), Done.CHECKED, "at work")
    return DeployedRow(
        "worker", WORK_POOL, Done.WARNING, f"none yet; begin one: prefect worker start --pool {WORK_POOL}"
    )

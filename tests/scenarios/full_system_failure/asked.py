"""A full recovery from its form in Prefect's UI, on a host that has a worker and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from deployments.applying import apply_deployment, ensure_pool
from deployments.registry import deployments_of
from deployments.system_blocks import register_system
from dr.configuration.procedures.incident import IncidentSettings
from tests.prefect.desk import PATIENCE_SECONDS, Desk, until
from tests.prefect.server_fixture import real_server, real_worker
from tests.prefect.speaking import speaking_to
from tests.scenarios.lost_host import Host, LostHost, stored_in
from tests.scenarios.machine import machine

FLOW = "full-recovery"
_SILENCE_MINUTES = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """A run: what it asked, how it ended, what it shows, what we keep of it in the bucket."""

    question: str
    run: FlowRun
    shown: dict[str, object]
    record: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.run.state and self.run.state.message)

    @property
    def approvals(self) -> list[dict[str, Any]]:
        """Who agreed, by our own record."""
        return [row for item in self.record["artifacts"] if item["key"] == "approval" for row in item["rows"]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Nobody answered the first run; the second was refused while the third was waiting; that one was agreed to.

    ``before`` is what was there before the first, ``waiting`` while all of the others waited for their answers,
    ``refused`` when the second had ended. ``incident`` is the third's, as it lies in the bucket.
    """

    host: Host
    before: tuple[object, ...]
    silent: Ended
    unanswered: tuple[object, ...]
    declined: Ended
    refused: tuple[object, ...]
    approved: Ended
    incident: dict[str, Any]


@contextmanager
def asked(lost: LostHost, directory: Path) -> Iterator[Asked]:
    """A server elsewhere, a worker on the clean host that learns everything from the Blocks."""
    with real_server(directory) as server, speaking_to(server.api), get_client(sync_client=True) as client:
        port = urlsplit(server.api).port
        assert port is not None
        with machine(lost.port, port) as there:
            host = lost.host("form", there, incident=IncidentSettings(approval_minutes=_SILENCE_MINUTES))
            file = Path(host.environment["DR_CONFIG"])
            bare = {"HOME": str(host.home), "PREFECT_HOME": str(host.home / "prefect"), "PATH": os.environ["PATH"]}
            ensure_pool(client)
            register_system(host.system.name, file)
            (wanted,) = (one for one in deployments_of(host.system.name) if one.flow_name == FLOW)
            apply_deployment(client, wanted)
            with real_worker(server, host.home, bare, there.within):
                yield _play(Desk(client, host.system.name, host.home / "worker.log"), host, file)


def _play(desk: Desk, host: Host, file: Path) -> Asked:
    before = _what_is_there(host)
    run = desk.begin(FLOW)
    silent = _ended(desk, host, run, desk.question(run))
    unanswered = _what_is_there(host)

    file.write_text(file.read_text().replace(f"approval_minutes = {_SILENCE_MINUTES}", "approval_minutes = 30.0"))
    register_system(host.system.name, file, replace=True)
    second = desk.begin(FLOW, without="logs")
    third = desk.begin(FLOW, without="logs, code", disaster_at=host.lost.disaster_at.isoformat())
    questions = {run: desk.question(run) for run in (second, third)}
    desk.answer(second, "reject")
    declined = _ended(desk, host, second, questions[second])
    refused = _what_is_there(host)
    desk.answer(third, "approve")
    approved = _ended(desk, host, third, questions[third])
    (incident,) = _kept(host, "/incident_")
    return Asked(host, before, silent, unanswered, declined, refused, approved, incident)


def _ended(desk: Desk, host: Host, run: UUID, question: str) -> Ended:
    desk.ended(run)
    # Of a run that waited for too long Prefect tells the end before the run itself has, and has kept its record.
    (record,) = until(lambda: _kept(host, f"/run_{run}.") or None, PATIENCE_SECONDS, desk.log)
    return Ended(question, desk.ended(run), desk.shown(run), record)


def _kept(host: Host, name: str) -> list[dict[str, Any]]:
    """The evidence in the bucket that has this in its name and came after the host was lost."""
    lost = host.lost
    keys = [key for key in stored_in(lost.amazon, lost.cloud) - lost.stored if name in key and key.endswith(".json")]
    bodies = [lost.amazon.client().get_object(Bucket=lost.cloud.bucket, Key=key)["Body"].read() for key in keys]
    return [msgspec.json.decode(body) for body in bodies]


def _what_is_there(host: Host) -> tuple[object, ...]:
    """Of the product: its files, the procedures that this host knows of, the bucket but for evidence, and its name."""
    product = host.lost.product.directory
    files = sorted(str(path) for path in product.rglob("*") if not path.is_relative_to(host.home))
    procedures = sorted(str(path) for path in (host.state() / "procedures").rglob("*"))
    stored = sorted(key for key in stored_in(host.lost.amazon, host.lost.cloud) if "/evidence/" not in key)
    return files, procedures, stored, host.lost.record()

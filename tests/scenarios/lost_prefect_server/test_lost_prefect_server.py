"""Prefect's server dies in the midst of a recovery, its database with it: the recovery goes on without it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from dr.evidence.journal import read_journal
from dr.evidence.journal_events import Event
from tests.prefect.server_fixture import RealServer, real_server
from tests.scenarios.lost_host import AFTER, Host, LostHost
from tests.scenarios.machine import ROOT, machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # whoever is the first waits for all of it
_PATIENCE_SECONDS = 280
_LINGERING_SECONDS = 100
"""With a record and an incident to keep, on a machine that is busy; Prefect alone takes nearly four minutes."""


@dataclass(frozen=True, slots=True)
class Orphaned:
    """How the run ended whose server was killed: ``lingering`` are the seconds from the end of its work to its own.

    Then what the next command said, without a server too.
    """

    host: Host
    code: int
    lingering: float
    answer: dict[str, Any]
    second: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def orphaned(lost: LostHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orphaned]:
    """Begun under Prefect; as soon as the database is there, the server is killed and all that it had is deleted."""
    with real_server(tmp_path_factory.mktemp("prefect")) as server:
        port = urlsplit(server.api).port
        assert port is not None
        with machine(lost.port, port) as there:
            host = lost.host("orphaned", there)
            environment = host.environment | {
                "PYTHONPATH": str(ROOT),
                "PREFECT_API_URL": server.api,
                "PREFECT_HOME": str(host.home / "prefect"),
                "DO_NOT_TRACK": "1",
            }
            argv = (sys.executable, "-m", "dr.cli", "full-recovery", "--confirm", host.system.name, "--json")
            run = subprocess.Popen(
                there.within(*argv), env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            try:
                _wait_for_database(host, run)
                _kill(server)
                said, _ = run.communicate(timeout=_PATIENCE_SECONDS)
                ended = datetime.now(UTC)
            finally:
                run.kill()
                run.wait()
            lingering = (ended - _events(host)[-1].at).total_seconds()
            second = host.dr("full-recovery", "--dry-run", PREFECT_API_URL=server.api)
            yield Orphaned(host, run.returncode, lingering, json.loads(said or "{}"), second)


def _events(host: Host) -> tuple[Event, ...]:
    found = sorted((host.state() / "procedures" / host.system.name).glob("full-recovery_*"))
    return read_journal(found[0]) if found else ()


def _wait_for_database(host: Host, run: subprocess.Popen[str]) -> None:
    _wait_until(lambda: any((event.what, event.step) == ("end", "database") for event in _events(host)), run)


def _wait_until(met: Callable[[], bool], run: subprocess.Popen[str] | None = None) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not met():
        assert run is None or run.poll() is None, "the recovery ended early"
        assert time.monotonic() < until
        time.sleep(0.02)


def _kill(server: RealServer) -> None:
    """All processes of the server, and its files."""
    for process in server.processes():
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(server.home)


def test_the_product_is_recovered_with_the_server_gone(orphaned: Orphaned, lost: LostHost) -> None:
    """By the run itself, whose exit code and answer say so."""
    missing = orphaned.host.missing()

    assert (orphaned.code, bool(orphaned.answer)) == (0, True)
    assert _events(orphaned.host)[-1].what == "close"
    assert {order.reference for order in missing} <= {order.reference for order in lost.acknowledged[lost.shipped :]}
    assert lost.leads_to() == AFTER


def test_the_process_ends_soon_after_its_work(orphaned: Orphaned) -> None:
    """Prefect's client would go on asking for its server for minutes."""
    assert 0 <= orphaned.lingering < _LINGERING_SECONDS


def test_a_server_that_does_not_answer_is_said_in_a_line(orphaned: Orphaned) -> None:
    """And nobody waits for it."""
    assert "does not answer" in orphaned.second.stderr

"""Prefect's server dies in the midst of a recovery, its database with it: the recovery goes on without it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dr.evidence.journal import read_journal
from dr.evidence.journal_events import Event
from tests.prefect.server_fixture import RealServer, real_server
from tests.scenarios.lost_host import AFTER, Host, LostHost
from tests.scenarios.machine import ROOT, machine

_PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Orphaned:
    """How the run ended whose server was killed, and how the one after it did."""

    host: Host
    second: subprocess.CompletedProcess[str]
    events: tuple[Event, ...]


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
            argv = (sys.executable, "-m", "dr.cli", "full-recovery", "--confirm", host.system.name)
            run = subprocess.Popen(
                there.within(*argv), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
            )
            try:
                _wait_for_database(host, run)
                _kill(server)
                _wait_until(lambda: run.poll() is not None or _events(host)[-1].what == "close")
            finally:
                run.kill()
                run.wait()
            first_events = _events(host)
            # Prefect's client goes on asking for its server for minutes after all has been done.
            second = host.dr("full-recovery", "--confirm", host.system.name, PREFECT_API_URL=server.api)
            yield Orphaned(host, second, first_events)


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
    """All processes of the server, by what their environment says, and its files."""
    home = f"PREFECT_HOME={server.home}".encode()
    for process in Path("/proc").iterdir():
        try:
            mine = process.name.isdigit() and home in (process / "environ").read_bytes().split(b"\0")
            if mine:
                os.kill(int(process.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue
    shutil.rmtree(server.home)


@pytest.mark.slow
def test_the_product_is_recovered_with_the_server_gone(orphaned: Orphaned, lost: LostHost) -> None:
    """By the run itself, or by the next one without a server, which does only what was left."""
    missing = orphaned.host.missing()

    assert _events(orphaned.host)[-1].what == "close", orphaned.second.stderr
    assert {order.reference for order in missing} <= {order.reference for order in lost.acknowledged[lost.shipped :]}
    assert lost.leads_to() == AFTER


@pytest.mark.slow
def test_what_was_done_under_prefect_is_not_done_again(orphaned: Orphaned) -> None:
    """The journal lies on the host, not in Prefect's database."""
    events = _events(orphaned.host)

    assert [event.step for event in events if event.what == "end"].count("database") == 1
    assert events[-1].what == "close"


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_said_in_a_line(orphaned: Orphaned) -> None:
    """And nobody waits for it."""
    assert "does not answer" in orphaned.second.stderr

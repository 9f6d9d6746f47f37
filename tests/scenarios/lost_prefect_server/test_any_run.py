"""Prefect's server hangs, or is killed, in the midst of a run: the run goes on, and ends soon with its own outcome."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from dr.errors import RecoveryFailed
from tasks.run import RunRecord
from tests.prefect.server_fixture import ROOT, RealServer, die_with_parent, real_server
from tests.scenarios.lost_prefect_server.sixteen_steps import GO, PUBLISHING, RECORD, STEPS, TIMES, WAITING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LINGERING_SECONDS = 45.0
"""Under ten where the machine is quiet; Prefect alone takes nearly four minutes."""

_PATIENCE_SECONDS = 280


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: ``lingering`` are the seconds from the end of its last step to the end of its process."""

    code: int
    said: str
    lingering: float
    record: RunRecord
    seconds: tuple[float, ...]

    @property
    def after_the_third(self) -> float:
        """What the steps took that came after the server went away."""
        return sum(self.seconds[3:])


@dataclass(frozen=True, slots=True)
class Running:
    """A run in a process of its own, which waits after its third step."""

    process: subprocess.Popen[str]
    place: Path

    def wait_for_third(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not (self.place / WAITING).exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)

    def go_on(self) -> Ended:
        (self.place / GO).touch()
        try:
            said, complaints = self.process.communicate(timeout=_PATIENCE_SECONDS)
        finally:
            self.process.kill()
        ended = datetime.now(UTC)
        kept = self.place / RECORD
        assert kept.is_file(), complaints
        record = msgspec.json.decode(kept.read_bytes(), type=RunRecord)
        times = self.place / TIMES
        return Ended(
            self.process.returncode,
            said,
            (ended - record.begin).total_seconds() - (record.steps[-1].end_seconds or 0),
            record,
            tuple(msgspec.json.decode(times.read_bytes(), type=list[float])) if times.is_file() else (),
        )


@dataclass(frozen=True, slots=True)
class Played:
    """The same run with a server, with one that hangs, with one that was killed; and one that fails without it."""

    served: Ended
    hung: Ended
    killed: Ended
    failed: Ended
    shown: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One server: answering, then stopped as if it hung, then killed for good."""
    directory = tmp_path_factory.mktemp("lost-server")
    with real_server(directory) as server:
        served = _begun(server, directory / "served")
        served.wait_for_third()
        well = served.go_on()
        with temporary_settings({PREFECT_API_URL: server.api}), get_client(sync_client=True) as client:
            shown = str(client.read_flow_run(well.record.id).state_name)  # type: ignore[arg-type]
        others = [_begun(server, directory / name, failing) for name, failing in _OTHERS]
        for run in others:
            run.wait_for_third()
        _signal(server, signal.SIGSTOP)
        hung = others[0].go_on()
        _signal(server, signal.SIGKILL)
        yield Played(well, hung, others[1].go_on(), others[2].go_on(), shown)


_OTHERS = (("hung", ""), ("killed", ""), ("failed", STEPS[-1]))


def _begun(server: RealServer, place: Path, failing: str = "") -> Running:
    place.mkdir()
    environment = server.environment({"DR_RUNNER": "prefect", "FAILING": failing, "PREFECT_HOME": str(place / "home")})
    argv = (sys.executable, "-m", "tests.scenarios.lost_prefect_server.sixteen_steps", str(place))
    process = subprocess.Popen(
        argv,
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    )
    return Running(process, place)


def _signal(server: RealServer, number: signal.Signals) -> None:
    for process in server.processes():
        os.kill(process, number)


def test_with_a_server_everything_is_told(played: Played) -> None:
    """Against which the others are measured."""
    assert (played.served.code, played.served.said) == (0, "16 steps done")
    assert all(not artifact.undelivered for artifact in played.served.record.artifacts)
    assert not any("the end of this run" in reason for reason in played.served.record.undelivered)
    assert played.shown == "Completed"


@pytest.mark.parametrize("how", ["hung", "killed"])
def test_a_run_whose_server_is_gone_ends_soon_and_well(played: Played, how: str) -> None:
    """Its exit code is its own, and nobody waits for minutes."""
    ended: Ended = getattr(played, how)

    assert (ended.code, ended.said) == (0, "16 steps done")
    assert ended.lingering < LINGERING_SECONDS


def test_a_run_that_fails_without_its_server_says_its_own_error(played: Played) -> None:
    """Not that the server does not answer."""
    assert played.failed.code == RecoveryFailed.exit_code
    assert played.failed.said.startswith(f"{STEPS[-1]} failed")
    assert played.failed.lingering < LINGERING_SECONDS


@pytest.mark.parametrize("how", ["hung", "killed"])
def test_steps_are_not_slowed_by_a_server_that_is_gone(played: Played, how: str) -> None:
    """Thirteen steps and three tables: one wait of a few seconds, not sixteen."""
    ended: Ended = getattr(played, how)

    assert len(ended.seconds) == len(STEPS)
    assert ended.after_the_third < played.served.after_the_third + 20


@pytest.mark.parametrize("how", ["hung", "killed"])
def test_the_record_is_whole_and_says_what_prefect_was_not_told(played: Played, how: str) -> None:
    """Every step, every table, and that the server did not hear of the end."""
    record = getattr(played, how).record

    assert (record.outcome, record.runner) == ("completed", "prefect")
    assert [(step.name, step.outcome) for step in record.steps] == [("a step", "completed")] * len(STEPS)
    assert [artifact.rows for artifact in record.artifacts] == [({"step": name},) for name in PUBLISHING]
    assert all(artifact.undelivered for artifact in record.artifacts)
    assert any(reason.startswith("the end of this run: ") for reason in record.undelivered)

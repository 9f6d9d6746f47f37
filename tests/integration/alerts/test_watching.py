"""Whatever dies, somebody hears of it: worker and server killed in turn, runs that fail, crash and are cancelled.

Played once on a real server with a real worker, run by run: a busy machine has no time for many.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from deployments import automations
from deployments.applying import apply_deployment, ensure_pool
from deployments.automations import Awaited, apply_automations, remove_automations, remove_orphans
from deployments.processes import children_of
from deployments.registry import deployments_of
from deployments.rows import DeployedRow
from deployments.system_blocks import as_deployed
from dr.operations.measure.schedules import measure_schedules
from tests.endpoints.deadman import Deadman, deadman
from tests.endpoints.receivers import Receivers, receivers
from tests.prefect.server_fixture import RealServer, real_server, real_worker
from tests.quick_key import quick_encryption

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SYSTEM = "shop"
SOON = timedelta(seconds=20)
AFTER = ("CRITICAL shop: no run of monitoring has ended well for", "WARNING shop: a run is late")
"""What Prefect itself says once the worker is dead."""


@dataclass(slots=True)
class Story:
    """What was seen while it was played."""

    rows: dict[str, tuple[DeployedRow, ...]] = field(default_factory=dict)
    seen: dict[str, bool] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    active: dict[str, float] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)


class Stage:
    """The server, and everything around it."""

    def __init__(self, server: RealServer, directory: Path, post: Receivers, switch: Deadman) -> None:
        self.server, self.directory, self.post, self.switch = server, directory, post, switch
        self.file = _configure(directory, post, switch)

    def texts(self) -> list[str]:
        """What the webhook was told, by us and by Prefect."""
        return [str(entry["body"]["text"]) for entry in self.post.received("webhook")]

    def tests(self) -> list[str]:
        """Of these what tries the path; others may come at any time, for Prefect tells what it likes when it likes."""
        return [text for text in self.texts() if "of the alert path, nothing is wrong" in text]

    def wait(self, holds: Callable[[], Any], seconds: float = 240) -> None:
        """Until it holds; otherwise the logs tell why not."""
        end = time.monotonic() + seconds
        while not holds():
            logs = [self.directory / "worker.log", self.server.log]
            told = "\n".join(log.read_text(errors="replace")[-3000:] for log in logs if log.exists())
            assert time.monotonic() < end, f"it did not come to that; told: {self.texts()[-5:]}\n{told}"
            time.sleep(0.2)


def _configure(directory: Path, post: Receivers, switch: Deadman) -> Path:
    key = quick_encryption()
    file = directory / "dr.toml"
    (directory / "copies").mkdir()
    secrets = {
        "webhook": f"{post.url}/hook/of-the-shop",
        "teams": f"{post.url}/teams/of-the-shop",
        "watcher": switch.address("monitoring"),
    }
    for name, value in secrets.items():
        (directory / name).write_text(value)
    file.write_text(
        f'[system.{SYSTEM}]\nstate_directory = "{directory}/state"\n'
        f'[system.{SYSTEM}.postgres]\nurl = "postgresql://backup@127.0.0.1:1/shop"\n'
        f'[system.{SYSTEM}.stores.local]\npath = "{directory}/copies"\n'
        f"[system.{SYSTEM}.encryption]\nrecipients = {json.dumps(key.recipients)}\n"
        f"gnupg_home = {json.dumps(str(key.gnupg_home))}\n"
        f'[system.{SYSTEM}.notifications]\nwebhook_file = "{directory}/webhook"\n'
        f'[system.{SYSTEM}.teams]\nwebhook_file = "{directory}/teams"\n'
        f'[system.{SYSTEM}.pings]\nmonitoring_file = "{directory}/watcher"\n'
    )
    return file


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Everything in turn, on one server."""
    directory = tmp_path_factory.mktemp("watching")
    with (
        receivers(directory) as post,
        deadman(directory) as switch,
        real_server(directory) as server,
        temporary_settings({PREFECT_API_URL: server.api}),
        get_client(sync_client=True) as client,
    ):
        stage, told = Stage(server, directory, post, switch), Story()
        _deploy(client, stage, told)
        _play_a_worker(client, stage, told)
        _play_the_end(client, stage, told)
        yield told


def _deploy(client: SyncPrefectClient, stage: Stage, told: Story) -> None:
    ensure_pool(client)
    system = as_deployed(SYSTEM, stage.file)
    awaited = (Awaited("monitoring", SOON),)
    for deployment in deployments_of(SYSTEM):
        if deployment.flow_name in ("monitoring", "alert-self-test"):
            apply_deployment(client, deployment)
    told.rows["first"] = apply_automations(client, system, awaited)
    told.rows["again"] = apply_automations(client, system, awaited)
    told.rows["other"] = apply_automations(client, system, (Awaited("monitoring", SOON * 2),))
    told.rows["back"] = apply_automations(client, system, awaited)


def _begin(client: SyncPrefectClient, procedure: str) -> UUID:
    """A run of its deployment, now."""
    return client.create_flow_run_from_deployment(client.read_deployment_by_name(f"{procedure}/{SYSTEM}").id).id


def _run(client: SyncPrefectClient, stage: Stage, procedure: str) -> str:
    """A run to its end; how it ended."""
    run = _begin(client, procedure)
    stage.wait(lambda: _state(client, run).is_final())
    return str(_state(client, run).name)


def _state(client: SyncPrefectClient, run: UUID) -> State[Any]:
    state = client.read_flow_run(run).state
    assert state is not None
    return state


def _hanging(client: SyncPrefectClient, stage: Stage) -> UUID:
    """A test of the alert path that waits for an answer which does not come."""
    stage.post.set_mood("webhook", "slow")
    before = len(stage.tests())
    run = _begin(client, "alert-self-test")
    stage.wait(lambda: len(stage.tests()) > before)
    stage.post.set_mood("webhook", "well")
    return run


def _play_a_worker(client: SyncPrefectClient, stage: Stage, told: Story) -> None:
    post, switch = stage.post, stage.switch
    with real_worker(stage.server, stage.directory, {"DR_CONFIG": str(stage.file)}) as worker:
        post.set_mood("teams", "401")
        told.ended.append(_run(client, stage, "alert-self-test"))
        stage.wait(lambda: _says(stage, "the last run of alert-self-test failed"))
        post.set_mood("teams", "well")
        told.ended.append(_run(client, stage, "alert-self-test"))
        stage.wait(lambda: _says(stage, "RESOLVED", "the last run of alert-self-test failed"))

        crashed = _hanging(client, stage)
        for child in children_of(worker.pid):
            os.kill(child.pid, signal.SIGKILL)
        stage.wait(lambda: _says(stage, "the last run of alert-self-test crashed"))
        stage.wait(lambda: _says(stage, "a run crashed: alert-self-test"))
        _run(client, stage, "alert-self-test")  # the same alert is told once: it has to be over first
        cancelled = _hanging(client, stage)
        client.set_flow_run_state(cancelled, Cancelling(), force=True)
        stage.wait(lambda: _says(stage, "the last run of alert-self-test was cancelled"))
        # The worker tells first, and then says what became of the run.
        stage.wait(lambda: _state(client, cancelled).is_final())
        told.ended += [str(_state(client, run).name) for run in (crashed, cancelled)]

        switch.arm("monitoring", 600)
        told.ended.append(_run(client, stage, "monitoring"))
        told.seen["alarmed while all was well"] = switch.has_alarmed("monitoring")
        worker.kill()
        worker.wait()
    told.said["before"] = stage.texts()
    switch.arm("monitoring", 5)
    _begin(client, "monitoring")
    stage.wait(lambda: switch.has_alarmed("monitoring"))
    told.seen["worker"] = True


def _play_the_end(client: SyncPrefectClient, stage: Stage, told: Story) -> None:
    heard = len(told.said["before"])
    stage.wait(lambda: all(_says(stage, words, since=heard) for words in AFTER))
    told.said["all"], told.said["after"] = stage.texts(), stage.texts()[heard:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", stage.server.api)
        # A worker that is gone for an hour, without the hour.
        found = list(measure_schedules(as_deployed(SYSTEM, stage.file), datetime.now(UTC) + timedelta(hours=1)))
    told.active = {item.labels[1]: item.value for item in found if item.name == "schedule_active"}
    told.active["late"] = sum(item.value for item in found if item.name == "schedule_late_runs")

    with real_worker(stage.server, stage.directory, {"DR_CONFIG": str(stage.file)}):
        before = len(stage.switch.pings("monitoring"))
        stage.wait(lambda: len(stage.switch.pings("monitoring")) > before)
        told.rows["orphans"] = remove_orphans(client)
        for procedure in ("monitoring", "alert-self-test"):
            client.delete_deployment(client.read_deployment_by_name(f"{procedure}/{SYSTEM}").id)
        told.rows["removed with it"] = remove_orphans(client)
        told.rows["nothing left"] = remove_automations(client, SYSTEM)
        for process in stage.server.processes():  # and not the worker, which has the same home
            if b"server" in Path(f"/proc/{process}/cmdline").read_bytes():
                os.kill(process, signal.SIGKILL)
        stage.switch.arm("monitoring", 5)
        stage.wait(lambda: stage.switch.has_alarmed("monitoring"))
        told.seen["server"] = True


def _says(stage: Stage, *words: str, since: int = 0) -> bool:
    return any(all(word in text for word in words) for text in stage.texts()[since:])


def test_automations_are_made_once_changed_in_place_and_removed_with_the_system(story: Story) -> None:
    """Registering again changes nothing; nothing stays behind that tells of a system that is gone."""
    outcome = {name: {str(row.done) for row in rows} for name, rows in story.rows.items()}
    assert outcome == {
        "first": {"created"},
        "again": {"unchanged"},
        "other": {"unchanged", "updated"},
        "back": {"unchanged", "updated"},
        "orphans": set(),
        "removed with it": {"removed"},
        "nothing left": set(),
    }
    assert len(story.rows["first"]) == len(story.rows["removed with it"]) == 3
    assert {row.kind for row in story.rows["first"]} == {automations.KIND}


def test_the_runs_ended_as_they_were_meant_to(story: Story) -> None:
    """One that failed, one well again, one killed, one cancelled, and a round of monitoring."""
    assert story.ended == ["Failed", "Completed", "Crashed", "Cancelled", "Completed"]


@pytest.mark.parametrize("ending", ["failed", "crashed", "was cancelled"])
def test_a_run_that_does_not_end_well_is_an_alert(story: Story, ending: str) -> None:
    """By the hook of the run, or of the worker where the run is dead; with the command to run."""
    (first, *_) = [text for text in story.said["all"] if f"the last run of alert-self-test {ending}" in text]

    assert first.startswith("WARNING shop:")
    assert "Run: dr assess --system shop" in first


def test_an_alert_of_a_run_is_over_with_the_next_that_ends_well(story: Story) -> None:
    """And said so."""
    assert any("RESOLVED shop: the last run of alert-self-test failed" in text for text in story.said["all"])


@pytest.mark.incident("I26")
@pytest.mark.parametrize("words", AFTER)
def test_prefect_itself_tells_of_what_did_not_come(story: Story, words: str) -> None:
    """On the open-source server: proactive and reactive triggers really fire, with the worker dead."""
    assert any(words in text for text in story.said["after"])


def test_prefect_itself_tells_of_a_crash(story: Story) -> None:
    """Beside our own hook, which needs the worker."""
    assert any("WARNING shop: a run crashed: alert-self-test" in text for text in story.said["all"])


@pytest.mark.incident("I26")
def test_late_runs_and_schedules_are_measured_of_the_real_server(story: Story) -> None:
    """Monitoring is active and late; what was never deployed has no active schedule."""
    assert story.active["monitoring"] == 1
    assert story.active["daily-backup"] == 0
    assert story.active["late"] >= 1


@pytest.mark.parametrize("killed", ["worker", "server"])
def test_the_outside_watcher_notices_whoever_is_killed(story: Story, killed: str) -> None:
    """kill -9, and nobody says goodbye; while they lived it was silent."""
    assert story.seen[killed]
    assert not story.seen["alarmed while all was well"]

"""A destructive run waits for somebody who agrees, and unless somebody does nothing is touched."""

from __future__ import annotations

import contextvars
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import resume_flow_run
from prefect.settings import PREFECT_API_URL

from dr.errors import TargetRefused
from tests.prefect.speaking import speaking_to
from tests.prefect.test_runner_parity import Relay

ROOT = Path(__file__).parents[2]
AGREED = {"approver": "the tester", "system": "shop", "decision": "approve", "reason": "a test"}
PAUSED = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))


@dataclass(frozen=True, slots=True)
class Asking:
    """A run in a thread, and the file that it destroys once it may."""

    run: Future[str]
    victim: Path

    def refusal(self) -> str:
        """What it was refused with; the file is still there."""
        with pytest.raises(TargetRefused) as told:
            self.run.result(60)
        assert self.victim.exists()
        return str(told.value)


@pytest.fixture
def place(own_directory: Path) -> Path:
    """A system's configuration in a directory of its own, and what is to be destroyed."""
    (own_directory / "passphrase").write_text("of no importance here")
    (own_directory / "passphrase").chmod(0o600)
    configure(own_directory, minutes=1.0)
    (own_directory / "victim").write_text("still here")
    return own_directory


def configure(directory: Path, minutes: float) -> None:
    """How long a run waits for its approval."""
    (directory / "dr.toml").write_text(
        '[system.shop]\nstate_directory = "state"\n'
        '[system.shop.postgres]\nurl = "postgresql://backup@localhost/shop"\n'
        '[system.shop.stores.local]\npath = "copies"\n'
        '[system.shop.encryption]\npassphrase_file = "passphrase"\n'
        f"[system.shop.incident]\napproval_minutes = {minutes}\n"
    )


@contextmanager
def begun(place: Path, typed: str = "") -> Iterator[Asking]:
    """The destroying flow in a thread; ``typed`` is the system's name as the run was given it."""
    from tests.prefect.approval_flow import destroying

    victim = place / "victim"
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        yield Asking(pool.submit(context.run, destroying, str(victim), confirm_name=typed), victim)


@pytest.fixture
def asking(place: Path) -> Iterator[Asking]:
    """It has nobody's word, so it asks."""
    with begun(place) as one:
        yield one


def run_plainly(place: Path, *typed: str, **extra: str) -> tuple[int, str]:
    """The same without Prefect, in a process of its own: exit code and what it said."""
    done = subprocess.run(
        (sys.executable, "-m", "tests.prefect.approval_flow", str(place / "victim"), *typed),
        cwd=place,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain", **extra},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def paused(client: SyncPrefectClient, asking: Asking) -> FlowRun:
    """The run, as soon as it waits."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert not asking.run.done(), asking.run.result()
        runs = client.read_flow_runs(flow_run_filter=PAUSED)
        if found := [run for run in runs if run.parameters.get("file") == str(asking.victim)]:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("the run does not wait")


def entries(place: Path, what: str) -> list[dict[str, Any]]:
    """What the incident says of one kind, as it lies in the store."""
    (file,) = place.glob("copies/shop/evidence/*/incident_*.json")
    return [entry for entry in json.loads(file.read_text())["entries"] if entry["what"] == what]


def test_an_approved_run_goes_on_and_says_who_agreed(client: SyncPrefectClient, asking: Asking, place: Path) -> None:
    """While it waits nothing is touched; afterwards who, when, how and why are in the incident's record.

    The waiting is a step of its own: nobody takes it for slowness of the recovery.
    """
    run = paused(client, asking)
    untouched = asking.victim.exists()

    resume_flow_run(run.id, run_input=AGREED)

    by = asking.run.result(60)
    assert by == "the tester"
    assert untouched
    assert not asking.victim.exists()
    (ended,), (agreed,) = entries(place, "run-end"), entries(place, "approval")
    assert [step["name"] for step in ended["steps"]] == ["wait for approval", "destroy"]
    assert (agreed["by"], agreed["how"], agreed["reason"]) == ("the tester", "a form in Prefect's UI", "a test")


def test_the_form_shows_the_plan_and_fills_in_nothing(client: SyncPrefectClient, asking: Asking) -> None:
    """Whoever answers reads what will happen; name and system have to be typed, and the answer at hand is no."""
    run = paused(client, asking)

    form = json.loads(client.read_flow_run_input(run.id, key=f"{_keyset(run)}-schema"))
    shown = json.loads(client.read_flow_run_input(run.id, key=f"{_keyset(run)}-description"))
    resume_flow_run(run.id, run_input=AGREED)
    asking.run.result(60)

    assert set(form["required"]) == {"approver", "system"}
    assert "default" not in form["properties"]["system"]
    assert form["properties"]["decision"]["default"] == "reject"
    assert f"removes `{asking.victim}`" in shown
    assert "**shop**" in shown


def _keyset(run: FlowRun) -> str:
    assert run.state is not None
    keyset = run.state.state_details.run_input_keyset
    assert keyset is not None
    return keyset["schema"].removesuffix("-schema")


@pytest.mark.incident("I4")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({**AGREED, "decision": "reject"}, "rejected by the tester (a test)"),
        ({**AGREED, "system": "shop-test"}, "typed 'shop-test', and the system is 'shop'"),
        ({**AGREED, "approver": "  "}, "gave no name"),
    ],
    ids=["rejected", "another name", "nobody"],
)
def test_any_other_answer_touches_nothing(
    client: SyncPrefectClient, asking: Asking, answer: dict[str, str], told: str
) -> None:
    """It is refused, the file is there, and the run has failed."""
    run = paused(client, asking)

    resume_flow_run(run.id, run_input=answer)

    said = asking.refusal()
    assert told in said
    assert "nothing was touched" in said
    assert client.read_flow_run(run.id).state_name == "Failed"


def test_an_answer_that_lacks_a_field_leaves_the_run_waiting(client: SyncPrefectClient, asking: Asking) -> None:
    """Prefect refuses it, and the next answer counts."""
    run = paused(client, asking)

    with pytest.raises(RuntimeError, match="Cannot resume"):
        resume_flow_run(run.id, run_input={"approver": "the tester", "decision": "approve"})
    waiting = client.read_flow_run(run.id).state_name
    resume_flow_run(run.id, run_input=AGREED)

    assert waiting == "Paused"
    assert asking.run.result(60) == "the tester"


def test_silence_is_no_consent(client: SyncPrefectClient, place: Path) -> None:
    """When the time is over the run ends, nothing was touched, and Prefect shows these words and not its own."""
    configure(place, minutes=0.02)

    with begun(place) as asking:
        said = asking.refusal()

    (run,) = [run for run in client.read_flow_runs() if run.parameters.get("file") == str(asking.victim)]
    assert "nobody approved within 0.02 minutes" in said
    assert run.state_name == "Failed"
    assert "nobody approved within 0.02 minutes" in str(run.state and run.state.message)


def test_a_server_that_goes_away_is_no_consent(client: SyncPrefectClient, place: Path) -> None:
    """Nobody can be asked any more, so nothing is done."""
    address = urlsplit(str(PREFECT_API_URL.value()))
    assert address.hostname is not None
    assert address.port is not None
    relay = Relay((address.hostname, address.port))
    relay.open()
    with speaking_to(f"http://127.0.0.1:{relay.port}/api", retries=0), begun(place) as asking:
        paused(client, asking)

        relay.close()

        assert isinstance(asking.run.exception(60), TargetRefused)
    (ended,) = entries(place, "run-end")
    assert "nobody could be asked through Prefect" in ended["error"]
    assert asking.victim.exists()


@pytest.mark.parametrize(
    ("typed", "auto", "how"),
    [("shop", "false", "the system's name, typed"), ("", "true", "AUTO_CONFIRM")],
    ids=["typed", "AUTO_CONFIRM"],
)
def test_who_has_said_so_beforehand_is_not_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch, typed: str, auto: str, how: str
) -> None:
    """The name typed for this run, or AUTO_CONFIRM; either is in the record."""
    monkeypatch.setenv("AUTO_CONFIRM", auto)
    with begun(place, typed) as asking:
        asking.run.result(60)

    assert not asking.victim.exists()
    assert [entry["how"] for entry in entries(place, "approval")] == [how]


def test_a_name_that_was_mistyped_is_refused_even_for_automation(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody meant another system."""
    monkeypatch.setenv("AUTO_CONFIRM", "true")
    with begun(place, "shoq") as asking:
        said = asking.refusal()

    assert "typed 'shoq'" in said
    assert run_plainly(place, "shoq", AUTO_CONFIRM="true")[0] == TargetRefused.exit_code
    assert asking.victim.exists()


def test_without_prefect_and_without_a_name_nobody_is_asked(place: Path) -> None:
    """The plain runner refuses at once, and says what to type; with the name it goes on."""
    refused, said = run_plainly(place)
    untouched = (place / "victim").exists()
    done, _ = run_plainly(place, "shop")

    assert (refused, untouched) == (TargetRefused.exit_code, True)
    assert "--confirm shop" in said
    assert "nothing was touched" in said
    assert (done, (place / "victim").exists()) == (0, False)

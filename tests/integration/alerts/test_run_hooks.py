"""The hooks of flows, called as Prefect calls them, with a server that is gone: by file and environment people hear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Completed, Crashed, Failed

from dr.errors import LeaseHeld, StoreFull
from tasks import prefect_hooks as hooks
from tests.endpoints.receivers import Receivers
from tests.quick_key import quick_encryption


@flow(name="daily-backup")
def backup(system: str = "shop") -> None:
    """Only its name counts here."""


@pytest.fixture
def post(running: Receivers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Receivers:
    """One webhook, and a configuration that leads to it; Prefect's server refuses."""
    running.forget()
    key = quick_encryption()
    file = tmp_path / "dr.toml"
    (tmp_path / "copies").mkdir()
    file.write_text(
        f'[system.shop]\nstate_directory = "state"\n[system.shop.stores.local]\npath = "copies"\n'
        f"[system.shop.encryption]\nrecipients = {json.dumps(key.recipients)}\n"
        f"gnupg_home = {json.dumps(str(key.gnupg_home))}\n"
        f'[system.shop.notifications]\nwebhook_env = "HOOK"\n'
    )
    monkeypatch.setenv("DR_CONFIG", str(file))
    monkeypatch.setenv("HOOK", f"{running.url}/hook/x")
    return running


def ended(hook: Any, state: State[Any], **changes: Any) -> None:
    """A run of the deployment ended so."""
    given = {"flow_id": uuid4(), "name": "nightly", "deployment_id": uuid4(), "parameters": {"system": "shop"}}
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        hook(backup, FlowRun(**(given | changes)), state)


def texts(post: Receivers) -> list[str]:
    """What the webhook was told, first lines only."""
    return [entry["body"]["text"].splitlines()[0] for entry in post.received("webhook")]


def test_a_run_that_fails_crashes_or_is_cancelled_is_told_and_is_over_with_a_good_one(post: Receivers) -> None:
    """One alert for one procedure, however often it fails; passwords in Prefect's words are hidden."""
    ended(hooks.tell_failed, Failed(message="no connection to postgresql://app:hunter2@db/shop", data=StoreFull("x")))
    ended(hooks.tell_crashed, Crashed(message="exit code -9"))
    ended(hooks.tell_cancelled, Cancelled())
    ended(hooks.tell_completed, Completed())

    assert texts(post) == [
        "WARNING shop: the last run of daily-backup failed",
        "RESOLVED shop: the last run of daily-backup was cancelled",
    ]
    assert "hunter2" not in str(post.received("webhook"))
    assert "why: no connection to postgresql://app:********@db/shop" in str(post.received("webhook"))


def test_a_run_that_timed_out_says_so(post: Receivers) -> None:
    """Which is another thing to look for."""
    ended(hooks.tell_failed, State(type=StateType.FAILED, name="TimedOut"))

    assert texts(post) == ["WARNING shop: the last run of daily-backup timed out"]


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (Failed(data=LeaseHeld("another is at work")), {}),
        (Failed(), {"deployment_id": None}),  # a person began it at the terminal, and sees it
        (Failed(), {"parent_task_run_id": uuid4()}),  # the run that it is a part of tells
        (Failed(), {"parameters": {"system": "unknown"}}),  # logged; a hook that fails hides nothing
    ],
)
def test_what_is_no_failure_of_a_deployment_is_not_told(
    post: Receivers, state: State[Any], changes: dict[str, Any]
) -> None:
    """Nor does the hook raise."""
    ended(hooks.tell_failed, state, **changes)

    assert texts(post) == []


def test_a_good_run_with_nothing_to_settle_says_nothing(post: Receivers) -> None:
    """Ninety-six times a day."""
    ended(hooks.tell_completed, Completed())

    assert texts(post) == []

"""How long a run waits for Prefect's server, without one."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.responses import OrchestrationResult
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Paused

from tasks.prefect_patience import Patience, end_without

ADDRESS = "http://server.invalid/api"


def refused() -> str:
    """Nobody listens."""
    raise httpx.ConnectError("connection refused")


def answered() -> str:
    """The server is there."""
    return "yes"


def denied() -> str:
    """The server is there, and will not."""
    request = httpx.Request("POST", ADDRESS)
    raise httpx.HTTPStatusError("422", request=request, response=httpx.Response(422, request=request))


def test_a_question_that_hangs_is_waited_for_until_its_deadline() -> None:
    """Whatever it hangs in: a resolver, a retry, a lock."""
    patience, never = Patience(lambda: False), threading.Event()
    begin = time.monotonic()

    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        patience.ask(never.wait, 0.05)
    took = time.monotonic() - begin
    never.set()

    assert patience.lost
    assert took < 20


def test_after_a_silence_nobody_waits_again_for_a_while() -> None:
    """Not even for a server that would answer by now, unless it is the last question."""
    patience, asked = Patience(lambda: False), []
    with pytest.raises(httpx.ConnectError):
        patience.ask(refused)

    with pytest.raises(TimeoutError, match="was not asked again"):
        patience.ask(lambda: asked.append("again"))

    assert asked == []
    assert patience.ask(answered, insist=True) == "yes"
    assert not patience.lost
    assert patience.ask(answered) == "yes"


def test_a_server_that_is_busy_is_waited_for() -> None:
    """It is there, and will answer."""
    answers = threading.Event()

    def is_busy() -> bool:
        answers.set()
        return True

    patience = Patience(is_busy)

    assert patience.ask(answers.wait, 0.05) is True
    assert not patience.lost


def test_a_refusal_is_an_answer() -> None:
    """The server is there: what it refuses does not keep it from being asked the next question."""
    patience = Patience(lambda: False)

    with pytest.raises(httpx.HTTPStatusError):
        patience.ask(denied)

    assert not patience.lost
    assert patience.ask(answered) == "yes"


def test_a_defect_of_ours_is_no_silence() -> None:
    """It is raised as it is."""
    patience = Patience(lambda: False)

    with pytest.raises(ZeroDivisionError):
        patience.ask(lambda: 1 // 0)

    assert not patience.lost


def test_a_run_ends_without_its_server_and_is_not_paused_without_it() -> None:
    """What a server would have to keep for a person to answer is not made up."""
    run = UUID(int=7)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        client = get_client(sync_client=True)
        end_without(client)
        ended: OrchestrationResult[Any] = client.set_flow_run_state(run, Completed())

        with pytest.raises(httpx.ConnectError):
            client.set_flow_run_state(run, Paused(timeout_seconds=10))

    assert ended.status == "ACCEPT"
    assert ended.state is not None
    assert ended.state.is_completed()

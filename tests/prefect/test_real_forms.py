"""A product's procedures from their forms, by a real server and worker: what is asked, refused and agreed to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.client.orchestration import get_client

from tests.prefect.desk import APPROVER, Desk
from tests.prefect.real_procedures import Played, play, register
from tests.prefect.server_fixture import real_server, real_worker
from tests.prefect.speaking import speaking_to
from tests.scenarios.product import product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A product whose application was killed, brought back by a worker that knows nothing but the server's address."""
    directory = tmp_path_factory.mktemp("server")
    with (
        product(tmp_path_factory.mktemp("product") / "here", kinds=()) as shop,
        real_server(directory) as server,
        speaking_to(server.api),
        get_client(sync_client=True) as client,
    ):
        register(client, shop)
        with real_worker(server, directory, {"DR_RETRY_BASE_SECONDS": "0.01"}):
            yield play(Desk(client, shop.system.name, directory / "worker.log"), shop)


def test_a_recovery_that_is_declined_in_its_form_touches_nothing(played: Played) -> None:
    """The form shows the plan; refused, the run says who it was, and everything is as it was."""
    declined = played.declined

    assert "Start: application" in declined.question
    assert (declined.run.state_name, declined.record["outcome"]) == ("Failed", "failed")
    assert f"rejected by {APPROVER} (a test)" in str(declined.run.state and declined.run.state.message)
    assert declined.approvals == []
    assert played.untouched


def test_an_application_is_recovered_from_its_form(played: Played) -> None:
    """Agreed to, it answers again, and who agreed is kept."""
    approved = played.approved

    assert approved.run.state_name == "Completed", approved.run.state and approved.run.state.message
    assert played.answers
    assert [(row["by"], row["reason"]) for row in approved.approvals] == [(APPROVER, "a test")]
    assert {"application-plan", "approval", "application", "application-report"} <= set(approved.shown)


def test_a_recovered_system_is_verified_from_the_form(played: Played) -> None:
    """With a backup of it and its WAL seen to arrive, and nobody asked."""
    verified = played.verified

    assert verified.run.state_name == "Completed", verified.run.state and verified.run.state.message
    assert {"recovered-answers", "recovered-report"} <= set(verified.shown)
    assert verified.record["outcome"] == "completed"


def test_a_database_is_exchanged_from_its_form(played: Played) -> None:
    """Production's data directory is replaced after somebody agreed, and takes orders again."""
    exchanged = played.exchanged

    assert exchanged.run.state_name == "Completed", exchanged.run.state and exchanged.run.state.message
    assert [row["by"] for row in exchanged.approvals] == [APPROVER]
    assert {"recovery-phases", "recovery-checks", "in-place-report"} <= set(exchanged.shown)
    assert played.missing == 0

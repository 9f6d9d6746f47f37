"""A whole product known to the real server: its procedures begun as Prefect's form begins them, and their questions
answered as people answer them, through the API.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import resume_flow_run

from deployments.applying import apply_deployment
from deployments.registry import deployments_of
from deployments.system_blocks import register_system
from dr.operations.application.health import ask_application, is_healthy
from tests.prefect.real_install import Install, artifacts, final, until
from tests.scenarios.product import Product

FLOWS = ("recover-application", "verify-recovery", "recover-database")
APPROVER = "the tester"


@dataclass(frozen=True, slots=True)
class Ended:
    """One run from its form: how it ended, what it shows, what we keep of it, and the plan that was asked about."""

    run: FlowRun
    shown: dict[str, object]
    record: dict[str, Any]
    question: str = ""

    @property
    def approvals(self) -> list[dict[str, Any]]:
        """Who agreed, by our own record."""
        return [row for item in self.record["artifacts"] if item["key"] == "approval" for row in item["rows"]]


@dataclass(frozen=True, slots=True)
class Played:
    """The application was killed; nobody was allowed to restart it, then somebody was. Then all of it was verified,
    and the database recovered by an exchange, after which it took orders again. ``untouched``: after the refusal
    everything was as before. ``missing``: orders that were acknowledged and are not there.
    """

    shop: Product
    declined: Ended
    untouched: bool
    approved: Ended
    answers: bool
    verified: Ended
    exchanged: Ended
    missing: int


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at Prefect's UI."""

    client: SyncPrefectClient
    install: Install
    shop: Product

    def register(self) -> None:
        """The product's Blocks, and deployments of what is played here."""
        register_system(self.shop.system.name, Path(self.shop.environment["DR_CONFIG"]))
        for deployment in deployments_of(self.shop.system.name):
            if deployment.flow_name in FLOWS:
                apply_deployment(self.client, deployment)

    def run(self, flow: str, decision: str = "", **filled: object) -> Ended:
        """Submit the form with these fields filled in; answer the run's question, if it is to have one."""
        deployment = self.client.read_deployment_by_name(f"{flow}/{self.shop.system.name}")
        schema = deployment.parameter_openapi_schema
        assert schema is not None
        # As the form does it: every field, with what stands in it by default.
        fields = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
        given = {**fields, **{name: value for name, value in filled.items() if name in fields}}
        assert filled.items() <= given.items(), "the form has no such field"
        run = self.client.create_flow_run_from_deployment(
            deployment.id, parameters={**given, **(deployment.parameters or {})}
        )
        question = self._answer(run.id, decision) if decision else ""
        ended = until(lambda: final(self.client, run.id), 400, self.install)
        return Ended(ended, artifacts(self.client, run.id), self._record(run.id), question)

    def _answer(self, run: UUID, decision: str) -> str:
        def asked() -> str | None:
            now = self.client.read_flow_run(run)
            assert now.state is not None
            assert not now.state.is_final(), now.state.message
            keys = now.state.state_details.run_input_keyset
            if now.state_name != "Paused" or keys is None:
                return None
            # Prefect keeps the form in pieces, after it has paused the run; what is shown comes last.
            kept = self.client.filter_flow_run_input(run, key_prefix=keys["description"], limit=1, exclude_keys=set())
            return str(json.loads(kept[0].value)) if kept else None

        question = until(asked, 300, self.install)
        filled = {"approver": APPROVER, "system": self.shop.system.name, "decision": decision, "reason": "a test"}
        resume_flow_run(run, run_input=filled)
        return question

    def _record(self, run: UUID) -> dict[str, Any]:
        store = next(store for store in self.shop.system.stores if store.path is not None)
        assert store.path is not None
        (file,) = store.path.rglob(f"run_{run}.json")
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return record


def play(client: SyncPrefectClient, install: Install, shop: Product) -> Played:
    """Everything, in the order in which it would come."""
    operator = Operator(client, install, shop)
    operator.register()
    shop.back_up()
    shop.writer.wait_for_more(3)

    shop.kill("application")
    before = _state(shop)
    declined = operator.run("recover-application", "reject")
    untouched = _state(shop) == before
    approved = operator.run("recover-application", "approve")
    answers = is_healthy(ask_application(shop.system, 5))
    shop.writer.wait_for_more(3)

    shop.writer.stop()
    verified = operator.run("verify-recovery", may_shrink=5.0)  # which takes a backup
    exchanged = operator.run("recover-database", "approve", swap=True, no_emergency_copy="it is sound")
    missing = len(shop.lost())
    shop.stop_writing()
    shop.writer.wait_for_more(3)
    return Played(shop, declined, untouched, approved, answers, verified, exchanged, missing)


def _state(shop: Product) -> tuple[object, ...]:
    """What runs, and which procedures have begun on this host."""
    journals = shop.system.state_directory / "procedures"
    return (*(shop.told(item.name) for item in shop.system.procedures.services), sorted(journals.rglob("*")))

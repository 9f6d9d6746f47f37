"""A whole product known to a real server: its procedures begun as Prefect's form begins them, and their questions
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

from deployments.applying import apply_deployment, ensure_pool
from deployments.registry import deployments_of
from deployments.system_blocks import register_system
from dr.operations.application.health import ask_application, is_healthy
from tests.prefect.desk import Desk
from tests.scenarios.product import Product

FLOWS = ("recover-application", "verify-recovery", "recover-database")


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
    """The application was killed; two asked to restart it, one was refused, then the other was agreed to. Then all of
    it was verified, and the database recovered by an exchange, after which it took orders again. ``untouched``: after
    the refusal everything was as before. ``missing``: orders that were acknowledged and are not there.
    """

    shop: Product
    declined: Ended
    untouched: bool
    approved: Ended
    answers: bool
    verified: Ended
    exchanged: Ended
    missing: int


def register(client: SyncPrefectClient, shop: Product) -> None:
    """The product's Blocks, and deployments of what is played here."""
    ensure_pool(client)
    register_system(shop.system.name, Path(shop.environment["DR_CONFIG"]))
    for deployment in deployments_of(shop.system.name):
        if deployment.flow_name in FLOWS:
            apply_deployment(client, deployment)


def play(desk: Desk, shop: Product) -> Played:
    """Everything, in the order in which it would come."""
    shop.back_up()
    shop.writer.wait_for_more(3)
    shop.kill("application")
    before = _state(shop)
    one, other = desk.begin("recover-application"), desk.begin("recover-application")
    questions = {run: desk.question(run) for run in (one, other)}
    desk.answer(one, "reject")
    declined = _ended(desk, shop, one, questions[one])
    untouched = _state(shop) == before
    desk.answer(other, "approve")
    approved = _ended(desk, shop, other, questions[other])
    answers = is_healthy(ask_application(shop.system, 5))
    shop.writer.wait_for_more(3)

    shop.writer.stop()
    verified = _ended(desk, shop, desk.begin("verify-recovery", may_shrink=5.0))  # which takes a backup
    run = desk.begin("recover-database", swap=True, no_emergency_copy="it is sound")
    question = desk.question(run)
    desk.answer(run, "approve")
    exchanged = _ended(desk, shop, run, question)
    missing = len(shop.lost())
    shop.stop_writing()
    shop.writer.wait_for_more(3)
    return Played(shop, declined, untouched, approved, answers, verified, exchanged, missing)


def _ended(desk: Desk, shop: Product, run: UUID, question: str = "") -> Ended:
    ended = desk.ended(run)
    store = next(store for store in shop.system.stores if store.path is not None)
    assert store.path is not None
    (file,) = store.path.rglob(f"run_{run}.json")
    return Ended(ended, desk.shown(run), json.loads(file.read_text(encoding="utf-8")), question)


def _state(shop: Product) -> tuple[object, ...]:
    """What runs, and which procedures have begun on this host."""
    journals = shop.system.state_directory / "procedures"
    return (*(shop.told(item.name) for item in shop.system.procedures.services), sorted(journals.rglob("*")))

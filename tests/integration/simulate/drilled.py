"""The quarterly drill of all four scenarios, one after the other, on one product while a customer orders."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dr.configuration.procedures.simulation import SimulationSettings
from dr.demo.second_region import STANDBY, SecondRegion, lay_replica, second_region, with_second_region
from dr.errors import TargetRefused
from dr.evidence.incident import Incident
from dr.operations.incident.find import incidents
from dr.operations.simulate.quarantine import quarantine_of
from dr.policy.objectives import Scenario
from dr.secret import Secret
from dr.services.registry import service
from tests.integration.simulate.conftest import make_breakable
from tests.integration.simulate.test_undone import states
from tests.scenarios.product import Product, product
from tests.scenarios.product_writer import Order

AGAIN = "application-failure again"
"""A second drill of one scenario, which has one before it."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill: what ``dr`` answered, its incident, and the acknowledged orders that were lacking afterwards."""

    answer: dict[str, Any]
    incident: Incident
    lacking: tuple[Order, ...]

    @property
    def report(self) -> str:
        return str(self.answer["report"])

    @property
    def objectives(self) -> dict[str, dict[str, str]]:
        return {row["what"]: row for row in self.answer["quarterly-objectives"]}

    @property
    def comparison(self) -> dict[str, dict[str, str]]:
        return {row["what"]: row for row in self.answer["quarterly-comparison"]}


@dataclass(frozen=True, slots=True)
class Unprepared:
    """A drill that nobody had confirmed to be prepared: its answer, the services afterwards, and what was taken."""

    answer: dict[str, Any]
    states: dict[str, str]
    taken: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Drilled:
    """The product in its second region in the end, and the drill of each scenario (and ``AGAIN``) by its name.

    ``named`` and ``unnamed`` came before them: with the system's name typed, and without.
    """

    shop: Product
    region: SecondRegion
    named: Unprepared
    unnamed: Unprepared
    drills: dict[str, Drill]


@contextmanager
def drilled(directory: Path) -> Iterator[Drilled]:
    """Play all of it."""
    with product(directory, simulation=SimulationSettings(allowed=True)) as shop:
        make_breakable(shop)
        named, unnamed = _unprepared(shop, "--confirm", "demo"), _unprepared(shop)
        shop.back_up()
        shop.writer.wait_for_more(3)
        drills: dict[str, Drill] = {}
        for scenario in (Scenario.APPLICATION_FAILURE, Scenario.DATABASE_CORRUPTION, Scenario.FULL_SYSTEM_FAILURE):
            drills[scenario] = _drill(shop, scenario)
            shop.writer.wait_for_more(3)
        drills[AGAIN] = _drill(shop, Scenario.APPLICATION_FAILURE)
        with _second_region(shop) as region:
            drills[Scenario.DATA_CENTER_OUTAGE] = _drill(shop, Scenario.DATA_CENTER_OUTAGE, region.url)
            yield Drilled(shop, region, named, unnamed, drills)


def _unprepared(shop: Product, *typed: str) -> Unprepared:
    answer = shop.dr("quarterly-drill", "--scenario", "application-failure", *typed, code=TargetRefused.exit_code)
    return Unprepared(answer, states(shop), tuple(quarantine_of(shop.system).glob("*")))


def _drill(shop: Product, scenario: Scenario, url: Secret | None = None) -> Drill:
    """``url``: where the database answers afterwards, if elsewhere."""
    answer = shop.dr("quarterly-drill", "--scenario", scenario, "--yes", "--confirm", "demo")
    return Drill(answer, incidents(shop.system)[0], shop.lost(url))


@contextmanager
def _second_region(shop: Product) -> Iterator[SecondRegion]:
    """A replica that streams, and names that lead to either region."""
    with second_region(shop.place, shop.port) as region:
        system = with_second_region(shop.place, shop.system, region)
        procedures = system.procedures
        sections = {field.name: getattr(procedures, field.name) for field in dataclasses.fields(procedures)}
        shop.reconfigure(postgres=system.postgres, **sections)
        lay_replica(shop.place, region)
        service(shop.system, STANDBY).start(30)
        yield region

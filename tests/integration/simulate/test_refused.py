"""No disaster is made on what might be production: one doubt is enough, and then nothing is touched."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.components.files import FilesSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.simulation import SimulationSettings
from dr.errors import ConfigurationError, TargetRefused
from dr.operations.repositories import open_repository
from dr.operations.simulate.make import make_disaster
from dr.operations.simulate.others import other_systems
from dr.operations.simulate.permission import require_test_system
from dr.operations.simulate.plan import plan_simulation
from dr.policy.objectives import Scenario
from dr.postgres.cluster import create_cluster
from dr.postgres.connection import connected
from dr.postgres.inspection import read_facts
from dr.secret import Secret
from tests.integration.simulate.conftest import mark
from tests.scenarios.product import Product

pytestmark = pytest.mark.incident("I4")


@pytest.fixture
def marked(shop: Product) -> Iterator[Product]:
    """The test system, whose mark a test may change, and which a test has to leave running."""
    yield shop
    mark(shop, "demo")
    with connected(shop.superuser_url) as connection:
        connection.execute("SELECT 1")
    assert shop.pid("application")


def changed(system: System, **sections: object) -> System:
    """The same system with other sections of its procedures."""
    return dataclasses.replace(system, procedures=dataclasses.replace(system.procedures, **sections))  # type: ignore[arg-type]


def neighbour(directory: Path, url: str = "postgresql://nobody@127.0.0.1:9/none", **procedures: object) -> System:
    """Another system of this host, which is no test system."""
    return System(
        name="prod",
        postgres=PostgresSettings(Secret(url)),
        stores=(StoreSettings("local", "local", path=directory / "copies"),),
        encryption=EncryptionSettings(),
        procedures=ProcedureSettings(**procedures),  # type: ignore[arg-type]
        state_directory=directory / "state",
    )


def claim(system: System, identifier: str) -> None:
    """Its repository says that it is this cluster."""
    repository = open_repository(system, cloud=False)
    assert not repository.claim(identifier, datetime.now(UTC), repository.stores)


def refusal(system: System, *others: System) -> str:
    """What it is refused with."""
    with pytest.raises(TargetRefused) as told:
        require_test_system(system, others)
    assert "nothing was touched" in told.value.detail
    return str(told.value)


def test_a_system_whose_configuration_does_not_allow_it(shop: Product) -> None:
    """The default is no."""
    assert "simulation.allowed is not true" in refusal(changed(shop.system, simulation=SimulationSettings()))


@pytest.mark.parametrize(("name", "said"), [("", "does not say so"), ("another", "says 'another'")])
def test_a_database_without_its_mark(marked: Product, name: str, said: str) -> None:
    """A mark that belongs to another system, as on a copy, is none; the statement that sets it is told."""
    mark(marked, name)

    told = refusal(marked.system)

    assert said in told
    assert """ALTER DATABASE "shop" SET dr.test_system = 'demo'""" in told


def test_a_database_that_does_not_answer(shop: Product) -> None:
    """It cannot say that it is a test system."""
    silent = dataclasses.replace(shop.system, postgres=PostgresSettings(Secret("postgresql://a@127.0.0.1:9/shop")))

    assert "cannot be asked" in refusal(silent)


def test_a_cluster_that_another_repository_knows_as_production(shop: Product, tmp_path: Path) -> None:
    """By its system identifier, as of a test system that was made from production's base backup."""
    identifier = read_facts(shop.system.postgres.url).system_identifier
    prod = neighbour(tmp_path)
    claim(prod, identifier)

    told = refusal(shop.system, prod)

    assert f"its system identifier {identifier} is that of prod" in told
    allowed = changed(prod, simulation=SimulationSettings(allowed=True))
    assert require_test_system(shop.system, [allowed]).system_identifier == identifier


def test_a_server_that_is_production_s_by_configuration(shop: Product, tmp_path: Path) -> None:
    """The same address under another name, though nothing was ever backed up of it."""
    prod = neighbour(tmp_path, url=shop.superuser_url.reveal())

    told = refusal(shop.system, prod)

    assert "prod, which is no test system, has the same server" in told


def test_a_directory_that_is_production_s_by_configuration(shop: Product, tmp_path: Path) -> None:
    """Whatever the servers' addresses are: what lies there would be gone."""
    link = tmp_path / "the same by another name"
    link.symlink_to(shop.place.production)

    told = refusal(shop.system, neighbour(tmp_path, recovery=RecoverySettings(data_directory=link)))

    assert "prod, which is no test system, has its data in" in told


def test_a_store_that_knows_this_name_as_another_cluster(shop: Product, tmp_path: Path) -> None:
    """Somebody has given a test system production's name."""
    elsewhere = dataclasses.replace(shop.system, stores=(StoreSettings("old", "local", path=tmp_path / "copies"),))
    claim(elsewhere, "7000000000000000001")

    assert "store old knows demo as another cluster (7000000000000000001)" in refusal(elsewhere)


def test_a_data_directory_that_is_another_cluster_s(shop: Product, tmp_path: Path) -> None:
    """What was asked over the connection is not what would be broken on disk."""
    create_cluster(tmp_path / "data", shop.place.installation)
    recovery = dataclasses.replace(shop.system.procedures.recovery, data_directory=tmp_path / "data")

    assert "belongs to cluster" in refusal(changed(shop.system, recovery=recovery))


def test_another_system_whose_settings_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It might be the production of what is to be broken."""
    file = tmp_path / "dr.toml"
    file.write_text('[system.demo]\n[system.prod]\nstate_directory = "state"\n[system.prod.recovery]\nsurprise = 1\n')
    monkeypatch.setenv("DR_CONFIG", str(file))

    with pytest.raises(TargetRefused, match="cannot be told whether demo is the production of prod"):
        other_systems("demo")


@pytest.mark.parametrize("what", ["state", "backups", "."])
def test_a_directory_that_holds_what_recovers(shop: Product, what: str) -> None:
    """Uploads that are said to lie above the state directory or a store do not take it along."""
    files = FilesSettings(directories=(shop.directory / what,))
    greedy = dataclasses.replace(shop.system, components=dataclasses.replace(shop.system.components, files=files))

    with pytest.raises(TargetRefused, match="nobody means to lose") as told:
        plan_simulation(greedy, Scenario.FULL_SYSTEM_FAILURE, ())
    assert "the state directory" in told.value.detail or "store local" in told.value.detail


@pytest.mark.parametrize("scenario", [Scenario.FULL_SYSTEM_FAILURE, Scenario.DATABASE_CORRUPTION])
def test_a_disaster_that_would_take_production_s_along(shop: Product, tmp_path: Path, scenario: Scenario) -> None:
    """Another system keeps something within what would be taken away, or damaged."""
    inside = RecoverySettings(redis_directory=shop.place.production / "redis")

    with pytest.raises(TargetRefused, match="what another system lives on") as told:
        plan_simulation(shop.system, scenario, [neighbour(tmp_path, recovery=inside)])

    assert f"prod's {shop.place.production / 'redis'}" in told.value.detail
    assert "nothing was touched" in told.value.detail


def test_a_disaster_that_would_stop_production_s_service(shop: Product, tmp_path: Path) -> None:
    """Another system has the same command as its own service, under another name."""
    theirs = next(item for item in shop.system.procedures.services if item.name == "application")
    prod = neighbour(tmp_path, services=(dataclasses.replace(theirs, name="web", after=()),))

    with pytest.raises(TargetRefused, match="what another system lives on") as told:
        plan_simulation(shop.system, Scenario.APPLICATION_FAILURE, [prod])

    assert "service application is prod's web (process)" in told.value.detail


def test_a_plan_that_no_longer_fits(marked: Product) -> None:
    """Approved an hour ago, and another system's by now: it is looked at again right before."""
    plan = plan_simulation(marked.system, Scenario.APPLICATION_FAILURE, ())
    mark(marked, "")

    with pytest.raises(TargetRefused, match="no disaster is made"):
        make_disaster(marked.system, plan, (), by="the test")
    mark(marked, "demo")
    other = dataclasses.replace(plan, system_identifier="1")
    with pytest.raises(TargetRefused, match="not any more what the plan was made for"):
        make_disaster(marked.system, other, (), by="the test")


def test_a_system_with_nothing_to_break_is_told_so(shop: Product) -> None:
    """No services: an application failure would be a disaster of nothing."""
    with pytest.raises(ConfigurationError, match="nothing that application-failure"):
        plan_simulation(changed(shop.system, services=()), Scenario.APPLICATION_FAILURE, ())


@pytest.mark.parametrize(("typed", "told"), [(("--confirm", "demmo"), "demmo"), ((), "nobody to ask")])
def test_a_name_that_is_not_typed_as_it_is(marked: Product, typed: tuple[str, ...], told: str) -> None:
    """Exit code 11; services run, and no quarantine was made."""
    kept = sorted((marked.directory / "state").glob("quarantine/*/*"))

    answer = marked.dr("simulate-disaster", "--scenario", "full-system-failure", *typed, code=TargetRefused.exit_code)

    assert told in str(answer["error"])
    assert sorted((marked.directory / "state").glob("quarantine/*/*")) == kept


def test_production_is_refused_by_the_command_whatever_is_typed(marked: Product) -> None:
    """Not even the plan is made, nor for automation."""
    mark(marked, "")

    answer = marked.dr(
        *("simulate-disaster", "--scenario", "application-failure", "--confirm", "demo"),
        code=TargetRefused.exit_code,
        AUTO_CONFIRM="true",
    )

    assert "does not say so" in str(answer["error"])

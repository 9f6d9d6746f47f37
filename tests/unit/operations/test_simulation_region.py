"""A simulated outage takes what is the region's alone, and is not undone while the other region is in charge."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.components import ComponentSettings
from dr.configuration.components.files import FilesSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.region import RegionSettings
from dr.configuration.procedures.simulation import SimulationSettings
from dr.errors import TargetRefused
from dr.operations.simulate.plan import to_take
from dr.operations.simulate.quarantine import Book, Simulation, Taken, quarantine_of
from dr.operations.simulate.undo import undo_simulation
from dr.policy.objectives import Scenario
from dr.secret import Secret

NOBODY = Secret("postgresql://nobody@127.0.0.1:9/none")


def region(directory: Path, **simulation: object) -> System:
    """A system with data, Redis and uploads that are there, and a second region whose server does not answer."""
    for name in ("data", "redis", "uploads", "store", "second"):
        (directory / name).mkdir()
    return System(
        name="shop",
        postgres=PostgresSettings(NOBODY),
        stores=(),
        encryption=EncryptionSettings(),
        components=ComponentSettings(files=FilesSettings(directories=(directory / "uploads",))),
        procedures=ProcedureSettings(
            recovery=RecoverySettings(
                data_directory=directory / "data",
                database_service="database",
                redis_directory=directory / "redis",
                redis_service="redis",
            ),
            region=RegionSettings(standby_url=NOBODY, standby_directory=directory / "second"),
            simulation=SimulationSettings(allowed=True, **simulation),  # type: ignore[arg-type]
        ),
        state_directory=directory / "state",
    )


def taken(system: System, scenario: Scenario) -> list[str]:
    """The names of what goes."""
    return [path.name for path in to_take(system, scenario)]


def test_an_outage_takes_the_data_of_the_services_that_are_the_region_s(tmp_path: Path) -> None:
    """Uploads that both regions have stay; a full system failure takes all there is."""
    system = region(tmp_path, region_services=("database",), region_paths=(tmp_path / "store",))

    assert taken(system, Scenario.DATA_CENTER_OUTAGE) == ["data", "store"]
    assert taken(system, Scenario.FULL_SYSTEM_FAILURE) == ["data", "redis", "uploads"]
    assert taken(system, Scenario.APPLICATION_FAILURE) == []


def test_an_outage_where_no_service_is_named_takes_all_there_is(tmp_path: Path) -> None:
    """Then there is only one region."""
    system = region(tmp_path, region_paths=(tmp_path / "store",))

    assert taken(system, Scenario.DATA_CENTER_OUTAGE) == ["data", "redis", "uploads", "store"]


@pytest.mark.parametrize("follows", [True, False])
def test_it_is_undone_only_where_the_second_region_follows(tmp_path: Path, follows: bool) -> None:
    """Its server does not answer: its directory says whether it was promoted. Refused, nothing was put back."""
    system = region(tmp_path)
    if follows:
        (tmp_path / "second" / "standby.signal").touch()
    simulation = Simulation("1", "shop", Scenario.DATA_CENTER_OUTAGE, datetime.now(UTC), "the test", done=True)
    kept = quarantine_of(system) / "1" / "00-data"
    Book(kept.parent, simulation).write(
        dataclasses.replace(simulation, taken=(Taken(str(tmp_path / "data"), str(kept)),))
    )
    (tmp_path / "data").rename(kept)

    if follows:
        undo_simulation(system)
    else:
        with pytest.raises(TargetRefused, match="must not come up beside it"):
            undo_simulation(system)

    assert (tmp_path / "data").exists() is follows
    assert kept.exists() is not follows

"""The whole way, on a real server, scheduler and worker: registered, begun by its schedule, done, and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prefect.client.schemas.objects import FlowRun

from deployments.schedules import PROCEDURES
from tests.prefect import real_runs
from tests.prefect.desk import until
from tests.prefect.real_install import SYSTEM, Install, real_install
from tests.prefect.real_runs import Broken, Nightly

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recovery from its form into a directory that was given by a relative path."""

    run: FlowRun
    shown: dict[str, object]


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    """Begun once for all tests here."""
    with real_install(tmp_path_factory.mktemp("install")) as made:
        yield made


@pytest.fixture(scope="module")
def nightly(install: Install) -> Nightly:
    """The first backup, which all others come after."""
    return real_runs.nightly(install)


@pytest.fixture(scope="module")
def recovered(install: Install, nightly: Nightly) -> Recovered:
    """From what the nightly run has made."""
    run = install.desk.begin("recover-database", to="beside")
    return Recovered(install.desk.ended(run), install.desk.shown(run))


@pytest.fixture(scope="module")
def drained(install: Install, recovered: Recovered) -> Broken:
    """Its worker was drained."""
    return real_runs.drained(install)


@pytest.fixture(scope="module")
def killed(install: Install, drained: Broken) -> Broken:
    """Its process died."""
    return real_runs.killed(install)


def test_registering_again_finds_everything_as_it_should_be(install: Install) -> None:
    """Created the first time, unchanged the second, and the schedule has a run to come both times."""
    made, scheduled = len(PROCEDURES), sum(bool(one.schedules) for one in PROCEDURES)

    assert [str(row.done) for row in install.rows] == ["created"] * (2 + made) + ["checked"] * scheduled + ["warning"]
    assert [(row.kind, str(row.done)) for row in install.again] == [
        ("work pool", "unchanged"),
        ("block", "unchanged"),
        *[("deployment", "unchanged")] * made,
        *[("schedule", "checked")] * scheduled,
        ("worker", "checked"),
    ]
    assert any(row.detail.endswith("02:00 UTC") for row in install.again if row.kind == "schedule")
    assert len(install.before) == made
    assert [(one.id, one.updated) for one in install.after] == [(one.id, one.updated) for one in install.before]
    assert [one.schedules for one in install.after] == [one.schedules for one in install.before]


def test_the_schedule_begins_a_backup_that_completes(nightly: Nightly) -> None:
    """Created by the scheduler, taken by the worker, named by system and time."""
    run = nightly.run

    assert run.state_name == "Completed", run.state and run.state.message
    assert run.created_by is not None
    assert run.created_by.type == "SCHEDULE"
    assert run.name.startswith(f"daily-backup-{SYSTEM}-")
    assert {"dr", "backup", f"system:{SYSTEM}"} <= set(run.tags)


def test_the_steps_of_the_backup_are_task_runs(install: Install, nightly: Nightly) -> None:
    """As the flow's page names them, each completed."""
    assert sorted(install.desk.steps(nightly.run.id)) == sorted(
        (name, "Completed")
        for name in (
            "check the source",
            "dump the database",
            "read it back",
            "publish the backup",
            "copy the cluster",
            "read it back",
            "publish the backup",
            "expire local copies",
        )
    )


def test_progress_is_shown_while_the_bytes_move(nightly: Nightly) -> None:
    """The artifact is there before the step is over, and not yet at its end."""
    assert nightly.state == "Running"
    assert isinstance(nightly.percent, int | float)
    assert nightly.percent < 100


def test_a_second_backup_is_refused_and_says_who_is_at_work(nightly: Nightly) -> None:
    """By our own lease, not by a limit of Prefect's (I25)."""
    second = nightly.second

    assert second.state_name == "Failed"
    assert second.state is not None
    assert "LeaseHeld" in str(second.state.message)
    assert str(nightly.run.id) in str(second.state.message)


def test_the_backup_shows_its_tables_and_its_progress(install: Install, nightly: Nightly) -> None:
    """What was made and how far it is proven, what is kept and why, and how far the bytes were."""
    shown = install.desk.shown(nightly.run.id)

    assert {"backups", "retention", "progress-dump", "progress-base-backup", "progress-read-back"} <= set(shown)
    backups = shown["backups"]
    assert isinstance(backups, list)
    assert [(row["kind"], row["stores"], row["problems"]) for row in backups] == [
        ("base", "local", ""),
        ("dump", "local", ""),
    ]


def test_the_backup_is_in_the_store_with_manifest_and_evidence(install: Install, nightly: Nightly) -> None:
    """Two manifests that name this run, and our own record of it, whatever Prefect may forget."""
    manifests = [json.loads(file.read_text()) for file in install.manifests()]
    record = install.evidence(nightly.run.id)

    assert {manifest["run"] for manifest in manifests} == {str(nightly.run.id)}
    assert (record["outcome"], record["runner"], record["flow"]) == ("completed", "prefect", "daily-backup")
    assert record["name"] == nightly.run.name


def test_our_own_log_is_in_the_log_of_the_run(install: Install, nightly: Nightly) -> None:
    """Lines of ``dr`` are there to be read in the UI."""

    def dumping() -> str | None:
        lines = install.desk.lines(nightly.run.id)
        return next((line for line in lines if line.startswith("dr.operations.") and "dumping database" in line), None)

    assert until(dumping, 30, install.desk.log)


def test_a_recovery_from_the_form_completes_and_shows_its_phases(install: Install, recovered: Recovered) -> None:
    """Ad hoc, into a directory: phases, RTO and RPO against the objective."""
    assert recovered.run.state_name == "Completed", recovered.run.state and recovered.run.state.message
    phases = recovered.shown["recovery-phases"]
    assert isinstance(phases, list)
    totals = {row["phase"]: (row["target"], row["met"]) for row in phases}
    assert totals["RTO"] == (900, "yes")
    assert "RPO" in totals
    assert {"find", "fetch", "decrypt", "decompress", "restore", "replay", "boot", "check"} <= set(totals)
    assert {"recovery-plan", "recovery-report", "recovery-checks"} <= set(recovered.shown)
    assert install.evidence(recovered.run.id)["outcome"] == "completed"


def test_a_relative_target_lies_where_the_worker_was_begun(install: Install, recovered: Recovered) -> None:
    """Not in a temporary directory that Prefect removes after the run, with the restored database in it."""
    assert recovered.run.parameters["to"] == "beside"
    assert (install.directory / "beside" / "PG_VERSION").is_file()


def test_a_worker_can_be_drained_before_it_is_stopped(install: Install, drained: Broken) -> None:
    """The run ends in order: shown as crashed, kept as interrupted, nothing half-made and no child left."""
    assert drained.ended == 1
    assert drained.run.state_name == "Crashed"
    assert install.evidence(drained.run.id)["outcome"] == "interrupted"
    assert drained.begun
    assert not drained.left
    assert install.unfinished() == []


def test_a_killed_backup_is_shown_as_crashed_and_leaves_no_child(killed: Broken) -> None:
    """SIGKILL, as the kernel does it when memory runs out: the dump dies too, and no manifest appears."""
    assert killed.run.state_name == "Crashed"
    assert killed.begun
    assert not killed.left
    assert killed.manifests

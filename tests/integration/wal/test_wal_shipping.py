"""The procedure of every 15 minutes, as a process of its own, on a server that archives into the spool."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.wal_names import Segment
from dr.configuration.model import StoreSettings, WalSettings
from dr.demo.configuration_file import write_configuration
from dr.operations.repositories import open_repository
from dr.operations.wal.archive_line import archive_line
from dr.operations.wal.known_holes import new_holes
from dr.operations.wal.window import find_window
from dr.storage.wal_catalogue import WalCatalogue
from tests.endpoints.serving import Endpoint
from tests.integration.conftest import ROOT
from tests.integration.wal.plant import NAME, Plant, Site, majors, new_plant
from tests.unit.crypto.keyrings import People

PROGRAM = """
import json, sys
from dr.errors import DrError
from flows.daily_backup import daily_backup
from flows.wal_shipping import wal_shipping
from tasks.runner import last_record
call = json.loads(sys.argv[1])
result = {"error": "", "detail": ""}
try:
    {"backup": daily_backup, "ship": wal_shipping}[call.pop("flow")](**call)
except DrError as error:
    result |= {"error": f"{type(error).__name__}: {error.message}", "detail": error.detail}
record = last_record()
result["steps"] = [step.name for step in record.steps]
result["seconds"] = record.seconds
result["artifacts"] = {item.key: [dict(row) for row in item.rows] or item.text for item in record.artifacts}
print(json.dumps(result))
"""


@dataclass(slots=True)
class Told:
    """What a run left behind."""

    error: str
    detail: str
    steps: list[str]
    seconds: float
    artifacts: dict[str, object]

    @property
    def rows(self) -> list[dict[str, object]]:
        """The line of each store."""
        rows = self.artifacts["wal-stores"]
        assert isinstance(rows, list)
        return rows

    @property
    def report(self) -> str:
        return str(self.artifacts["wal-report"])


@dataclass(slots=True)
class Archive:
    """A site whose server archives into its spool, in two stores, and processes that run procedures for it."""

    site: Site
    environment: dict[str, str]

    def run(self, flow: str, **arguments: object) -> Told:
        done = subprocess.run(
            (sys.executable, "-c", PROGRAM, json.dumps({"flow": flow, **arguments})),
            env=self.environment,
            cwd=self.site.directory,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Told(**json.loads(done.stdout.splitlines()[-1]))

    def ship(self, **arguments: object) -> Told:
        return self.run("ship", **arguments)

    def base(self) -> None:
        told = self.run("backup", kind="base")
        assert not told.error, told


def _configured(site: Site, directory: Path, url: str = "", objective: str = "") -> Archive:
    directory.mkdir()
    file = write_configuration(directory, site.system)
    text = re.sub(rf"\n\[system\.{NAME}\.wal\][^\[]*", "\n", file.read_text(encoding="utf-8"))
    wal = site.system.wal
    text += f'\n[system.{NAME}.wal]\nmethod = "{wal.method}"\nspool = "{site.spool}"\n{objective}'
    file.write_text(text, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    if url:
        (directory / "secrets" / "database_url").write_text(url, encoding="utf-8")
    return Archive(
        site,
        {
            **kept,
            "PYTHONPATH": str(ROOT),
            "DR_CONFIG": str(file),
            "DR_SYSTEM": NAME,
            "DR_RUNNER": "plain",
            "DR_RETRY_BASE_SECONDS": "0.05",
        },
    )


@pytest.fixture
def archiving_site(tmp_path: Path, people: People, moto_endpoint: Endpoint) -> Iterator[Site]:
    """The newest server, archiving into the spool of a system with a local and a cloud store."""
    stores = (
        StoreSettings("local", "local", path=tmp_path / "backups"),
        moto_endpoint.settings(moto_endpoint.new_bucket()),
    )
    wal = WalSettings(method="archive", spool=tmp_path / "spool")
    with new_plant(tmp_path / "server", majors()[-1]) as plant:
        site = Site(plant, people, tmp_path, stores, wal)
        site.spool.mkdir(mode=0o700)
        account = plant.directory.stat()
        os.chown(site.spool, account.st_uid, account.st_gid)
        plant.end()
        plant.begin(archive_mode="on", archive_command=archive_line(site.system))
        yield site


@pytest.fixture
def archive(archiving_site: Site, tmp_path: Path) -> Archive:
    """Such a site, with its configuration."""
    return _configured(archiving_site, tmp_path / "host")


def _forget(site: Site, store: str, *names: str) -> None:
    """Take segments out of a store, object and entry, as if they had never come."""
    repository = open_repository(site.system)
    for block in site.index(store).blocks:
        kept = tuple(item for item in block.segments if item.name not in names)
        WalCatalogue(NAME, repository.stores.values()).write_block(store, replace(block, segments=kept))
    for name in names:
        repository.store(store).delete(labels.wal_key(NAME, Segment.parse(name)))


@pytest.mark.incident("I17", "I24")
def test_a_run_ships_switches_levels_and_measures_and_the_next_has_nothing_to_do(archive: Archive) -> None:
    """Commits hidden in the open segment are brought out; both stores have all; the RPO is seconds, and measured."""
    site = archive.site
    archive.base()
    site.plant.fill(2)
    archive.ship()
    site.plant.execute("CREATE TABLE hidden AS SELECT 1 AS one")
    for store in ("local", "cloud"):
        _age(site, store)
    hidden_at = site.plant.flushed()

    told = archive.ship()
    late = archive.ship()

    assert not told.error, told.detail
    assert "WAL switched at" in told.report
    assert {row["store"] for row in told.rows} == {"local", "cloud"}
    assert all(row["gaps"] == 0 and row["lacking"] == 0 and row["backlog"] == 0 for row in told.rows)
    assert all(0 <= float(str(row["RPO now"])) < 15 for row in told.rows)
    assert site.end_of_index("local") == site.end_of_index("cloud") >= hidden_at.position
    proofs = told.artifacts["wal-proofs"]
    assert isinstance(proofs, list)
    assert {row["proven"] for row in proofs} == {"decrypted"}
    assert {str(row["newest WAL"]) for row in told.rows} <= {row["segment"] for row in proofs}
    assert not late.error, late.detail
    assert "shipped by this run: 0" in late.report
    assert late.seconds < 10


def _age(site: Site, store: str) -> None:
    """Let the index say that its newest segments were stored two minutes ago."""
    catalogue = WalCatalogue(NAME, open_repository(site.system).stores.values())
    for block in site.index(store).blocks:
        older = tuple(replace(item, stored_at=item.stored_at - timedelta(minutes=3)) for item in block.segments)
        catalogue.write_block(store, replace(block, segments=older))


def test_a_store_that_stayed_behind_is_brought_level(archive: Archive) -> None:
    """Segments that only one store has are copied, as they are stored, to the other."""
    site = archive.site
    archive.base()
    site.plant.fill(2)
    archive.ship()
    names = sorted(site.segments("cloud"))
    _forget(site, "cloud", names[-1], names[-2])

    told = archive.ship()

    assert not told.error, told.detail
    assert site.segments("cloud").keys() == site.segments("local").keys()
    assert "levelled: 2 objects" in told.report


@pytest.mark.incident("I18")
def test_lost_wal_is_told_and_the_window_begins_anew_with_a_base_backup(archive: Archive) -> None:
    """A segment that is nowhere: the run fails and says so, makes a base backup, and later runs are well again."""
    site = archive.site
    archive.base()
    site.plant.fill(3)
    archive.ship()
    lost = sorted(site.segments())[-2]
    for store in ("local", "cloud"):
        _forget(site, store, lost)

    told = archive.ship()
    after = archive.ship()

    assert told.error.startswith("PartialBackup")
    assert f"1 WAL segments from {lost} to {lost} are in no store" in told.detail
    assert "a new base backup was needed, and made: base_" in told.detail
    assert told.steps.count("copy the cluster") == 1
    assert not after.error, after.detail
    assert "copy the cluster" not in after.steps
    assert f"known gap: 1 WAL segments from {lost}" in after.report
    whole = find_window(site.system)
    assert not whole.together.broken
    assert [item.gap is not None for item in whole.together.intervals] == [True, False]
    assert new_holes(site.system, ["another"]) == ("another",)


def test_a_damaged_newest_segment_is_found(archive: Archive) -> None:
    """One flipped bit in the cloud's copy: the sample always has the newest, and the run fails naming it."""
    site = archive.site
    archive.base()
    site.plant.fill(1)
    archive.ship()
    newest = sorted(site.segments("cloud"))[-1]
    store = open_repository(site.system).store("cloud")
    key = labels.wal_key(NAME, Segment.parse(newest))
    data = bytearray(store.read_bytes(key))
    data[len(data) // 2] ^= 1
    store.put_bytes(key, bytes(data))

    told = archive.ship(sample=1)

    assert told.error.startswith("PartialBackup")
    assert f"{newest} in cloud" in told.detail
    assert "is damaged" in told.detail


@pytest.mark.incident("I17")
def test_an_archive_command_that_fails_is_told(archive: Archive) -> None:
    """The server cannot put its WAL into the spool: the run fails, and says where to look."""
    archive.base()
    archive.ship()
    plant = archive.site.plant
    os.chown(archive.site.spool, os.getuid(), os.getgid())
    archive.site.spool.chmod(0o500)
    plant.fill(1)
    deadline = time.monotonic() + 30
    while plant.scalar("SELECT failed_count FROM pg_stat_archiver") == "0" and time.monotonic() < deadline:
        time.sleep(0.2)

    told = archive.ship()

    assert told.error.startswith("PartialBackup")
    assert "archive_command fails" in told.detail


@pytest.mark.incident("I17")
def test_a_system_without_receiver_is_told(plant: Plant, people: People, tmp_path: Path) -> None:
    """Nobody streams and nothing is stored: that is never a quiet run."""
    site = Site(plant, people, tmp_path, (StoreSettings("local", "local", path=tmp_path / "backups"),))

    told = _configured(site, tmp_path / "host").ship()

    assert told.error.startswith("PartialBackup")
    assert "no receiver has run on this host" in told.detail
    assert "no store holds any WAL yet" in told.detail


def test_a_system_that_keeps_no_wal_is_left_alone(plant: Plant, people: People, tmp_path: Path) -> None:
    """wal.method = none: the schedule runs, and there is nothing to say."""
    site = Site(plant, people, tmp_path, (StoreSettings("local", "local", path=tmp_path / "backups"),))
    site.wal = WalSettings(method="none", spool=tmp_path / "spool")

    told = _configured(site, tmp_path / "host").ship()

    assert (told.error, told.steps) == ("", ["watch the intake"])


def test_a_role_that_may_not_switch_wal_is_told_and_the_rest_is_done(archiving_site: Site, tmp_path: Path) -> None:
    """What was archived is shipped all the same; what is missing is named with the GRANT that helps."""
    site = archiving_site
    archive = _configured(site, tmp_path / "host")
    archive.base()
    site.plant.fill(1)
    archive.ship()
    site.plant.execute("CREATE ROLE clerk LOGIN", "CREATE TABLE hidden AS SELECT 1 AS one")
    for store in ("local", "cloud"):
        _age(site, store)
    clerk = _configured(
        replace(site, plant=site.plant), tmp_path / "clerk", f"postgresql://clerk@127.0.0.1:{site.plant.port}/postgres"
    )

    told = clerk.ship()

    assert "GRANT EXECUTE ON FUNCTION pg_switch_wal()" in told.detail
    assert "check for gaps" in told.steps


def test_an_rpo_beyond_the_objective_fails_the_run(archiving_site: Site, tmp_path: Path) -> None:
    """Held against 0.001 minutes: what is measured is above it, so the run fails and gives both figures."""
    objective = f"\n[system.{NAME}.objectives.database-corruption]\nrto_minutes = 15\nrpo_minutes = 0.0001\n"
    archive = _configured(archiving_site, tmp_path / "host", objective=objective)
    archive.base()
    archiving_site.plant.fill(1)
    archive.ship()
    archiving_site.plant.execute("CREATE TABLE hidden AS SELECT 1 AS one")

    told = archive.ship()

    assert told.error.startswith("PartialBackup")
    assert "the objective is 0 s" in told.detail

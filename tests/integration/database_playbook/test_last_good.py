"""Somebody has emptied a table, nobody knows when: copies on trial find the very transaction."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import EncryptionSettings, System
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.keys import key_pair
from dr.errors import ConfigurationError
from dr.operations.database.trials import GoodWhen, ask_copy, check_condition, commits_of, marks_of, newest_bases
from dr.policy.last_good import LastGood, find_last_good
from dr.policy.recovery_target import RecoveryTarget
from dr.postgres.cluster import create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import Installation
from tests.integration.conftest import ROOT
from tests.integration.engine.procedures import make
from tests.integration.pitr.conftest import system_in
from tests.integration.pitr.shelf import Moment, primary, put_archive

pytestmark = [pytest.mark.slow, pytest.mark.incident("I7")]

GOOD = "SELECT count(*) > 3 FROM moments"
NO_CONDITIONS = ("SELECT count(*) FROM", "SELECT count(*) FROM moments", "SELECT true, true", "DELETE FROM moments")


@dataclass(frozen=True, slots=True)
class Emptied:
    """What was committed before and after the transaction that emptied the table, and what was found."""

    system: System
    before: list[Moment]
    culprit: int
    answer: dict[str, Any]
    on_disk: LastGood
    production: str
    refused: list[str]


def _search_pages(system: System) -> LastGood:
    """Without a condition: for damage that pages show."""
    good_when = GoodWhen()
    return find_last_good(
        newest_bases(system),
        lambda trial: ask_copy(system, trial, good_when),
        lambda label: marks_of(system, label),
        lambda label, low, high: commits_of(system, label, low, high),
        limit=4,
        on_disk=good_when.on_disk,
    )


def _recover(system: System, directory: Path) -> dict[str, Any]:
    """As an operator does it, beside."""
    (directory / "private").mkdir(mode=0o700)
    environment = environment_for(write_configuration(directory / "private", system), system)
    argv = ("recover-db", "--before-corruption", "--good-when", GOOD, "--trials", "12", "--yes", "--json")
    ended = subprocess.run(
        (sys.executable, "-m", "dr.cli", *argv),
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answer = json.loads(ended.stdout)
    assert isinstance(answer, dict)
    return answer


def _refused(system: System, sql: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_condition(system, GoodWhen(sql))
    return str(caught.value)


@pytest.fixture(scope="module")
def emptied(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emptied]:
    """Five rows, a backup, rows in three segments; in the second of them the table is emptied, and others follow."""
    directory = tmp_path_factory.mktemp("emptied")
    create_cluster(directory / "data", installation)
    with key_pair() as keys:
        with primary(directory / "data", installation, directory / "archive") as origin:
            origin.prepare()
            encryption = EncryptionSettings(recipients=(keys.fingerprint,), gnupg_home=keys.home)
            system = system_in(directory, origin.server.url, encryption=encryption)
            before = origin.commit(5)
            make(system, Kind.BASE)
            before += origin.commit(3)
            origin.switch()
            before += origin.commit(4)
            with connected(origin.server.url) as connection, connection.transaction():
                row = connection.execute("SELECT pg_current_xact_id()::text AS xid").fetchone()
                connection.execute("TRUNCATE moments")
            origin.commit(2)
            origin.switch()
            origin.commit(1)
            origin.switch()
            put_archive(system, origin)
            production = check_condition(system, GoodWhen(GOOD))
            refused = [_refused(system, sql) for sql in NO_CONDITIONS]
        culprit = int(row["xid"]) if row else 0
        yield Emptied(system, before, culprit, _recover(system, directory), _search_pages(system), production, refused)


def test_the_transaction_is_named(emptied: Emptied) -> None:
    """With few copies, though nobody knew when."""
    notes = emptied.answer["notes"]

    assert notes[0].startswith(f"transaction {emptied.culprit}, committed at ")
    assert 3 <= sum(note.startswith("asked base_") for note in notes) <= 8
    assert emptied.production == "production answers: not good"


def test_all_that_was_committed_before_it_is_recovered(emptied: Emptied, installation: Installation) -> None:
    """To the last row."""
    with (
        running(Path(emptied.answer["target"]), installation) as server,
        connected(server.url_for("postgres")) as connection,
    ):
        ids = [row["id"] for row in connection.execute("SELECT id FROM moments ORDER BY id")]

    assert ids == [moment.id for moment in emptied.before]


def test_what_a_statement_did_is_no_damage_of_pages(emptied: Emptied) -> None:
    """Without a condition the newest copy is good, and one trial says so."""
    assert emptied.on_disk.until == RecoveryTarget()
    assert len(emptied.on_disk.asked) == 1
    assert emptied.on_disk.exact


def test_no_copy_on_trial_is_left(emptied: Emptied) -> None:
    """Each is the database in plain."""
    place = emptied.system.state_directory / "recovery" / emptied.system.name

    assert not [path for path in place.rglob("*") if path.is_file()]


def test_what_is_no_condition_is_told_instead_of_searched_for(emptied: Emptied) -> None:
    """It would be answered no by every copy; production is asked first, before anything is copied."""
    assert ["good-when" in said or "true or false" in said for said in emptied.refused] == [True] * len(NO_CONDITIONS)

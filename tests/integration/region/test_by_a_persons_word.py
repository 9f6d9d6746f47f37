"""A failover that nothing but a person's word allows, and that leaves out WAL and backup because somebody said so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dr.catalog.lsn import Lsn
from dr.operations.region.witnesses import quiet_seconds, wait_until_quiet
from dr.operations.wal.hurry import hurry
from dr.operations.wal.status import read_status
from dr.pipeline.process import Child
from dr.pipeline.process_table import session_members
from dr.postgres.standby import ServerRole, server_role, set_system
from dr.services.process.files import read_told
from tests.integration.region.command import ROOT, dr, environment, second_host
from tests.integration.region.pair import PRIMARY, Pair, pair

pytestmark = pytest.mark.slow
KEPT, ONLY_STORED = 5, 10
WHO = "A N Other"


@dataclass(frozen=True, slots=True)
class Vouched:
    """How ``dr failover`` ended without anybody's word and with it, and what is there afterwards."""

    refused: dict[str, Any]
    standby: ServerRole
    answer: dict[str, Any]
    promoted: ServerRole
    rows: int
    backups: list[dict[str, Any]]
    incident: dict[str, Any]


@pytest.fixture(scope="module")
def vouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vouched]:
    """The replica is cut off, the primary goes on and ships, and is killed; nothing here can see that it is dead."""
    with pair(tmp_path_factory.mktemp("word") / "here") as made:
        made.write(made.first.url, KEPT)
        made.level()
        with _shipping(made):
            set_system(made.second.url, {"primary_conninfo": "host=127.0.0.1 port=1"})
            made.wait(lambda: not server_role(made.second.url).streaming)
            made.write(made.first.url, ONLY_STORED)
            _ship(made, server_role(made.first.url).end)
        _kill(made, PRIMARY)
        # Until then the stores speak against it, and no word would help.
        wait_until_quiet(made.system, quiet_seconds(made.system))
        system = second_host(made)
        refused = dr(system, "failover", "--confirm", "pair", code=21)
        standby = server_role(made.second.url)
        word = ("--i-have-fenced-it", WHO, "--without-archive", "--no-backup")
        answer = dr(system, "failover", "--confirm", "pair", *word)
        yield Vouched(
            refused=refused,
            standby=standby,
            answer=answer,
            promoted=server_role(made.second.url),
            rows=made.rows(made.second.url),
            backups=dr(system, "list")["backups"],
            incident=dr(system, "incident", "status"),
        )


def _shipping(made: Pair) -> Child:
    """The primary's WAL receiver, at work as long as the context lasts."""
    argv = (sys.executable, "-m", "dr.cli", "wal", "receive")
    return Child("dr wal receive", argv, environment=environment(made.system), directory=ROOT)


def _ship(made: Pair, until: Lsn) -> None:
    def shipped() -> bool:
        hurry(made.system, 1.0)
        status = read_status(made.system)
        return status is not None and status.stored_lsn is not None and status.stored_lsn >= until

    made.wait(shipped, 120)


def _kill(made: Pair, name: str) -> None:
    told = read_told(made.system.state_directory / "services" / made.system.name / name)
    assert told is not None
    assert told.child is not None
    for process in (told.supervisor, told.child):
        for pid in {process.pid, *session_members(process.pid, process.start)}:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, 9)


@pytest.mark.incident("I10")
def test_without_proof_and_without_a_word_nothing_is_promoted(vouched: Vouched) -> None:
    """Exit code 21; that nobody answers proves nothing."""
    assert vouched.refused["error"]["type"] == "NotFenced"
    assert "nothing proves" in vouched.refused["error"]["detail"]
    assert "--i-have-fenced-it" in vouched.refused["error"]["hint"]
    assert vouched.standby.standby


def test_a_persons_word_stands_in_for_the_proof_and_is_recorded_by_name(vouched: Vouched) -> None:
    """In the incident, as a decision and as what it was allowed by."""
    entries = [str(entry) for entry in vouched.incident["entries"]]

    assert not vouched.promoted.standby
    assert vouched.promoted.timeline == 2
    assert any(f"{WHO} says that the first region's server is fenced" in entry for entry in entries)
    assert any("allowed because" in entry and WHO in entry for entry in entries)


def test_without_archive_the_stored_wal_is_left_out_and_said_to_be_lost(vouched: Vouched) -> None:
    """What only the stores had is not there; how much that was is in the answer."""
    assert vouched.rows == KEPT
    assert "left out (--without-archive): they are lost" in json.dumps(vouched.answer)


def test_without_a_backup_the_next_one_is_left_to_its_schedule(vouched: Vouched) -> None:
    """None was taken, of the new primary or of anything, and the answer says so."""
    (told,) = [row["detail"] for row in vouched.answer["region-failover"] if row["what"] == "backup"]

    assert vouched.backups == []
    assert told == "none yet"

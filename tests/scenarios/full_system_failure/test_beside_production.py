"""A full recovery beside another region that is in charge: refused; as an exercise: it changes nothing there.

The other region is a real replica at first, which somebody promotes while this host restores.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dr.configuration.procedures.region import RegionSettings
from dr.evidence.journal import read_journal
from dr.operations.full_recovery.places import EXERCISE, PROCEDURE
from dr.postgres.connection import connected
from dr.postgres.standby import promote, server_role
from dr.secret import Secret
from tests.integration.region.pair import Pair, pair
from tests.scenarios.full_system_failure.recovered import Look, look, nobody
from tests.scenarios.lost_host import Host, LostHost
from tests.scenarios.machine import machine

pytestmark = [pytest.mark.timeout(900), pytest.mark.incident("I4")]

NOT_FENCED = 21


@dataclass(frozen=True, slots=True)
class Refusal:
    """Exit code and JSON of a run; ``steps`` are those of its journal, with how each ended.

    ``data``: there is a data directory afterwards; ``served``: PostgreSQL was started in it.
    """

    code: int
    answer: dict[str, Any]
    steps: dict[str, str]
    data: bool
    served: bool

    @property
    def error(self) -> str:
        return json.dumps(self.answer["error"])


@dataclass(frozen=True, slots=True)
class Practice:
    """What there was around the host and in the bucket before an exercise and after it, and what was shown."""

    host: Host
    answer: dict[str, Any]
    before: Look
    after: Look
    stored_before: dict[str, str]
    stored_after: dict[str, str]
    backup: subprocess.CompletedProcess[str]
    canary: subprocess.CompletedProcess[str]
    serves: dict[str, str]
    second: str

    @property
    def report(self) -> str:
        return "\n".join(self.answer["report"] if "report" in self.answer else [json.dumps(self.answer["outcome"])])


@dataclass(frozen=True, slots=True)
class Played:
    """All that was done beside the other region, one after the other."""

    overtaken: Refusal
    beside: Refusal
    practice: Practice


@pytest.fixture(scope="module")
def played(lost: LostHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Taken over while it restored; begun beside the one that has taken over; and as an exercise."""
    with ExitStack() as stack:
        away = stack.enter_context(pair(tmp_path_factory.mktemp("away") / "here"))
        there = stack.enter_context(machine(lost.port, *lost.around.ports, _port(away)))
        region = RegionSettings(primary_url=nobody("192.0.2.1"), standby_url=away.second.url)
        procedures = lost.product.system.procedures
        sections = lost.around.led_by_amazon(procedures.dns, procedures.recovery) | {"region": region}
        overtaken = _overtaken(lost.host("overtaken", there, **sections), away)
        host = lost.host("refusing", there, **sections)
        beside = _refused(host, host.dr("full-recovery", "--confirm", host.system.name))
        recovery = replace(sections["recovery"], exercise_services=("application",))
        host = lost.host("practising", there, **sections | {"recovery": recovery})
        yield Played(overtaken, beside, _practised(lost, host, away))


def _port(away: Pair) -> int:
    words = dict(word.split("=", 1) for word in away.second.url.reveal().split())
    return int(words["port"])


def _overtaken(host: Host, away: Pair) -> Refusal:
    """It stands still from the moment at which it has begun until the other region has a new primary."""
    argv = (sys.executable, "-m", "dr.cli", "full-recovery", "--confirm", host.system.name, "--json")
    running = subprocess.Popen(
        host.machine.within(*argv),
        env=host.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not list(host.state().glob(f"procedures/*/{PROCEDURE}_*")):
            assert running.poll() is None, running.communicate()
            time.sleep(0.01)
        os.kill(running.pid, signal.SIGSTOP)
        promote(away.second.url, 60)
        os.kill(running.pid, signal.SIGCONT)
        said, complained = running.communicate(timeout=400)
    finally:
        running.kill()
        running.wait()
    return _refused(host, subprocess.CompletedProcess(argv, running.returncode, said, complained))


def _refused(host: Host, ended: subprocess.CompletedProcess[str]) -> Refusal:
    assert ended.stdout, ended.stderr
    steps = {}
    for journal in host.state().glob(f"procedures/*/{PROCEDURE}_*"):
        for event in read_journal(journal):
            if event.step:
                steps[event.step] = event.what
    data = host.system.procedures.recovery.data_directory
    assert data is not None
    served = (data / "postmaster.pid").exists()
    return Refusal(ended.returncode, json.loads(ended.stdout), steps, data.exists(), served)


def _practised(lost: LostHost, host: Host, away: Pair) -> Practice:
    before, stored = look(lost), _stored(lost)
    answer = host.recover("--exercise", "--disaster-at", lost.disaster_at.isoformat())
    stored_after = _stored(lost)
    backup = host.dr("backup", "--cloud", "--kind", "base")
    canary = host.dr("canary", "--once")
    return Practice(
        host=host,
        answer=answer,
        before=before,
        after=look(lost).since(before),
        stored_before=stored,
        stored_after=stored_after,
        backup=backup,
        canary=canary,
        serves=host.here(_settings, lost.product.superuser_url),
        second="primary" if not server_role(away.second.url).standby else "standby",
    )


def _stored(lost: LostHost) -> dict[str, str]:
    """Every object of the bucket with its content's tag, but for the records of runs and incidents."""
    pages = lost.amazon.client().get_paginator("list_objects_v2").paginate(Bucket=lost.cloud.bucket)
    found = {item["Key"]: str(item["ETag"]) for page in pages for item in page.get("Contents", ())}
    return {key: tag for key, tag in found.items() if "/evidence/" not in key}


def _settings(url: Secret) -> dict[str, str]:
    """How the recovered server is set."""
    with connected(url) as connection:
        names = ["archive_mode", "max_wal_senders", "max_logical_replication_workers", "coreflow360_dr.exercise"]
        rows = connection.execute(
            "SELECT name, current_setting(name, true) AS value FROM unnest(%s::text[]) AS name", (names,)
        ).fetchall()
    return {row["name"]: row["value"] for row in rows}


def test_what_was_taken_over_while_it_restored_is_not_put_into_service(played: Played) -> None:
    """It is restored, nothing of it runs, and the refusal says who is in charge and what can be done."""
    found = played.overtaken

    assert found.code == NOT_FENCED, found.answer
    assert "is in charge" in found.error
    assert found.steps["database"] == "end"
    assert found.steps["see who is in charge"] == "fail"
    assert "start data services" not in found.steps
    assert "start the application" not in found.steps
    assert (found.data, found.served) == (True, False)


def test_beside_a_primary_nothing_is_begun(played: Played) -> None:
    """Not even a journal; whoever wants to practise is told how."""
    found = played.beside

    assert found.code == NOT_FENCED, found.answer
    assert "nothing was touched" in found.error
    assert "dr failback" in found.error
    assert "--exercise" in found.error
    assert (found.steps, found.data) == ({}, False)


def test_an_exercise_recovers_everything_and_verifies_it(played: Played, lost: LostHost) -> None:
    """Beside the primary, with the application that may be started."""
    found = played.practice
    outcome = found.answer["outcome"]

    assert outcome["exercise"] is True
    assert outcome["blocked"] == []
    assert outcome["verified"] != "not recovered"
    assert not any(part["failed"] for part in outcome["parts"]), outcome["parts"]
    assert len(lost.acknowledged) - len(found.host.missing()) >= lost.shipped
    assert {phase["name"] for phase in outcome["phases"]} >= {"start the application", "wait until healthy"}


def test_an_exercise_leaves_everything_around_the_host_as_it_was(played: Played) -> None:
    """By every provider's own account: names, balancer, cache, status page, machines."""
    before, after = played.practice.before, played.practice.after

    assert (after.name, after.targets) == (before.name, before.targets)
    assert (after.invalidations, after.incidents, after.launched) == ([], [], [])
    assert played.practice.answer["outcome"]["switched"] == []
    assert played.practice.second == "primary"


def test_nothing_of_an_exercise_comes_into_the_repository(played: Played) -> None:
    """What it has recovered sends no WAL, lets nobody copy it, and is refused by who would back it up or follow it."""
    found = played.practice
    (opened,) = found.host.state().glob(f"procedures/*/{EXERCISE}_*")

    assert found.stored_after == found.stored_before
    assert found.serves == {
        "archive_mode": "off",
        "max_wal_senders": "0",
        "max_logical_replication_workers": "0",
        "coreflow360_dr.exercise": opened.name,
    }
    assert found.backup.returncode == 13, found.backup.stdout + found.backup.stderr
    assert "exercise" in found.backup.stdout
    assert found.canary.returncode == 13, found.canary.stdout + found.canary.stderr


def test_every_screen_and_the_evidence_say_that_it_was_an_exercise(played: Played, lost: LostHost) -> None:
    """The plan, the report, the incident, which is a drill's, and the record of the run."""
    host, answer = played.practice.host, played.practice.answer
    plan = answer["plan"]
    (listed,) = json.loads(host.dr("incident", "list").stdout)["incidents"]
    report = host.dr("incident", "report").stdout
    keys = lost.amazon.client().list_objects_v2(Bucket=lost.cloud.bucket, Prefix=f"{host.system.name}/evidence/")
    bodies = [
        json.loads(lost.amazon.client().get_object(Bucket=lost.cloud.bucket, Key=item["Key"])["Body"].read())
        for item in keys["Contents"]
        if "/run_" in item["Key"]
    ]
    runs = [one for one in bodies if one["flow"] == "full-recovery" and one["parameters"].get("exercise") is True]

    assert plan["exercise"] is True
    assert any("is in charge" in line for line in plan["elsewhere"])
    assert any("the status page" in line for line in plan["left_out"])
    assert "drill" in report
    assert "EXERCISE" in json.dumps(listed)
    assert any(one["outcome"] == "completed" for one in runs)
    assert any("EXERCISE" in artifact["text"] for one in runs for artifact in one["artifacts"] if artifact.get("text"))
    assert any("end the exercise" in line for line in answer["outcome"]["todo"])


def test_who_does_not_answer_is_told_of_and_holds_nobody_up(played: Played) -> None:
    """The first region's server is gone for good: whether it is in charge is not known, and that is said."""
    told = [line for line in played.practice.answer["plan"]["elsewhere"] if "192.0.2.1" in line]

    assert len(told) == 1
    assert "is not known" in told[0]
    assert any("192.0.2.1" in note for note in played.practice.answer["outcome"]["notes"])

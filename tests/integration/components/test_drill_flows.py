"""A component's drill as operators and schedules make it: the command, the procedures, and what is left of either."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dr.operations.drill_outlook import Drillable
from dr.policy.drill_method import Method
from dr.secret import Secret
from tests.endpoints.serving import Endpoint
from tests.integration.cli.command import Dr, is_alive, wait_until
from tests.integration.components.gits import new_repository
from tests.integration.flows.host import Host

BACK_UP = """
from dr.catalog.labels import Kind
from dr.configuration import load
from dr.operations.component.back_up import back_up_component
from dr.operations.prove import prove
from dr.operations.publish import publish
system = load("shop", require_postgres=False).system
draft = back_up_component(system, Kind.CODE, run="test", cloud=True)
print(publish(system, draft, prove(system, draft, run="test")).label)
"""
HELD = """#!/bin/sh
case "$*" in
*fsck*) echo $$ > '{pid}.new'; mv '{pid}.new' '{pid}'; exec sleep 60 ;;
*) exec '{git}' "$@" ;;
esac
"""


class CodeHost(Host):
    """A backup host that has code; its database answers nobody, as after a disaster."""

    def __init__(self, directory: Path) -> None:
        super().__init__(Secret("postgresql://nobody@127.0.0.1:1/shop"), directory)
        repository = new_repository(directory / "code" / "shop")
        self.settings = f'[system.shop.wal]\nmethod = "none"\n[system.shop.code]\nrepositories = ["{repository}"]\n'
        self.configure(self.settings)

    @property
    def dr(self) -> Dr:
        """The command line there."""
        return Dr(self.environment, self.directory)

    @property
    def drills(self) -> list[Path]:
        """What lies in the drill directory."""
        place = self.directory / "state" / "drills"
        return sorted(place.iterdir()) if place.exists() else []

    def back_up(self) -> str:
        """The code; its label."""
        done = subprocess.run((sys.executable, "-c", BACK_UP), env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def outcomes(self, flow: str, **arguments: object) -> dict[str, str]:
        """How each drill of a procedure ended."""
        artifacts: Any = self.run(flow, **arguments)["artifacts"]
        return {row["drill"]: row["outcome"] for row in artifacts["drills"]}


@pytest.fixture
def host(tmp_path: Path) -> CodeHost:
    """A host of the test's own."""
    return CodeHost(tmp_path)


def test_the_command_drills_a_component_and_leaves_only_its_evidence(host: CodeHost) -> None:
    """Green with its report, in the history with the command that repeats it, a proof beside the copy, and no copy."""
    label = host.back_up()

    done = host.dr("drill", "--component", "code", "--json")

    assert done.code == 0, done.err
    assert "recoverable, queried" in done.document["drill"]["report"]
    phases = {row["phase"] for row in done.document["drill"]["phases"]}
    assert phases == {"RTO", "RPO", "choose", "fetch", "decrypt", "decompress", "restore", "question"}
    (record,) = host.dr("drills", "--json").document["drills"]
    assert (record["method"], record["kind"], record["label"]) == ("code", "code", label)
    assert (record["procedure"], record["scenario"]) == ("component-drill", "full-system-failure")
    proofs = host.dr("show", label, "--json").document["verifications"]
    assert [item["level"] for item in proofs if item["run"] == record["run"]] == ["queried"]
    assert host.drills == []


@pytest.mark.slow
def test_a_red_copy_is_kept_for_people_and_its_backup_no_longer_counts_as_proven(host: CodeHost) -> None:
    """Exit code 15 with the directory; repeated by the command on record, the next red copy takes its place."""
    host.configure(host.settings + "[system.shop.drill]\nkeep_failed = 1\n")
    host.back_up()
    (manifest,) = host.files("code.manifest.json")
    text = manifest.read_text()
    (digest,) = {part for part in text.split('"') if len(part) == 64 and f'"digest": "{part}"' in text}
    manifest.write_text(text.replace(digest, "0" * 64))

    done = host.dr("drill", "--component", "code")
    (kept,) = host.drills
    (record,) = host.dr("drills", "--json").document["drills"]
    listed = host.dr("list").out
    again = host.dr(*record["repeat"][1:])

    assert done.code == again.code == 15, done.err
    assert "level queried is not reached" in done.err
    assert str(kept / "data") in done.err.replace("\n", "")
    assert "NOT PROVEN" in listed
    (later,) = host.drills
    assert later != kept
    assert {file.name for file in later.iterdir()} == {"data", "KEPT.txt"}
    assert any((later / "data").iterdir())


def test_what_is_asked_of_the_database_alone_is_refused(host: CodeHost) -> None:
    """Nothing is restored, and the message says what to use instead."""
    for option in (("--method", "logical"), ("--exclusive",)):
        done = host.dr("drill", "--component", "code", *option)
        assert done.code == 3
        assert "--backup" in done.err
    assert not host.files("drills")


def test_a_component_that_the_system_has_not_is_no_verdict(host: CodeHost) -> None:
    """Exit code 3, and nothing on record."""
    host.configure('[system.shop.wal]\nmethod = "none"\n')

    done = host.dr("drill", "--component", "code")

    assert done.code == 3, done.err
    assert "has no code repositories" in done.err
    assert not host.files("drills")


@pytest.mark.slow
def test_of_a_drill_that_is_ended_nothing_is_left_and_of_one_that_is_killed_the_next_removes_it(
    host: CodeHost, tmp_path: Path
) -> None:
    """SIGTERM removes the copy itself; SIGKILL leaves it until somebody drills again."""
    host.back_up()
    programs, pid = tmp_path / "programs", tmp_path / "pid"
    programs.mkdir()
    (programs / "git").write_text(HELD.format(pid=pid, git=shutil.which("git")))
    (programs / "git").chmod(0o755)
    path = f"{programs}:{host.environment['PATH']}"
    left = {}
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid.unlink(missing_ok=True)
        with host.dr.begun("drill", "--component", "code", PATH=path) as process:
            wait_until(pid.exists, "git fsck begins")
            assert len(host.drills) == 1
            process.send_signal(number)
            process.wait(30)
            left[number] = len(host.drills)
        if is_alive(int(pid.read_text())):
            os.kill(int(pid.read_text()), signal.SIGKILL)

    assert left == {signal.SIGTERM: 0, signal.SIGKILL: 1}
    # The lease of the killed one is for its lifetime; the directory is what this is about.
    shutil.rmtree(next((host.directory / "backups").rglob("leases")))
    assert host.dr("drill", "--component", "code").code == 0
    assert host.drills == []


def test_the_monthly_test_drills_every_component_after_the_database(host: CodeHost) -> None:
    """The database has no backup at all and is red; the component is drilled all the same, and is green."""
    host.back_up()

    assert list(host.outcomes("full_dr_test").items()) == [
        ("physical", "RecoveryFailed"),
        ("logical", "RecoveryFailed"),
        ("reconcile", "not applicable"),
        ("code", "recoverable"),
    ]


@pytest.mark.slow
def test_a_data_centre_outage_takes_components_from_the_other_region_alone(
    host: CodeHost, moto_endpoint: Endpoint
) -> None:
    """The local copy would be nearest, and the first region's is there too: neither is used."""
    buckets = {name: moto_endpoint.new_bucket() for name in ("cloud", "second")}
    stores = f'[system.shop.stores.local]\npath = "{host.directory / "backups"}"\n'
    for name, region in (("cloud", "eu-central-1"), ("second", "us-west-2")):
        stores += (
            f'[system.shop.stores.{name}]\nkind = "s3"\nbucket = "{buckets[name]}"\nregion = "{region}"\n'
            f'endpoint_url = "{moto_endpoint.url}"\naccess_key_id = "{moto_endpoint.access_key_id}"\n'
            f'secret_access_key_env = "STORE_SECRET"\n'
        )
    host.environment["STORE_SECRET"] = moto_endpoint.secret_access_key.reveal()
    host.configure(host.settings + stores)
    label = host.back_up()

    assert host.outcomes("dr_test")["code"] == "recoverable"
    record = next(one for one in host.dr("drills", "--json").document["drills"] if one["method"] == "code")
    assert (record["label"], record["store"], record["rto_target"]) == (label, "second", 3600)


def _drawn(seed: int) -> Drillable | str:
    return random.Random(seed).choice([Method.PHYSICAL, Method.LOGICAL, "code"])


@pytest.mark.incident("I3")
def test_the_weekly_verification_may_draw_a_component_and_misses_what_has_no_backup(host: CodeHost) -> None:
    """Its copies are read, the sample is restored, the table shows it; what was never backed up is a problem."""
    host.back_up()

    found: Any = host.run("verification", seed=next(seed for seed in range(1, 99) if _drawn(seed) == "code"))

    shown = found["artifacts"]
    assert [(row["drill"], row["outcome"]) for row in shown["drills"]] == [("code", "recoverable")]
    assert [row["outcome"] for row in shown["verification-copies"]] == ["passed"]
    (state,) = (row for row in shown["verification-kinds"] if row["what"] == "code repositories")
    assert (state["proven"], state["problem"]) == ("queried", "")
    assert found["error"] == "BackupNotFound"
    assert "database dump: there is none" in found["message"]
    assert "code" not in found["message"]

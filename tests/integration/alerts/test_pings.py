"""The outside watcher hears of what was proven good, of nothing else, and alarms when it hears nothing any more."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.alerting import AlertingSettings
from dr.configuration.alerting.pings import PingsSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.errors import DrError, LeaseHeld, StoreFull
from dr.notify import ping as pinging
from dr.notify.ping import Event, Turn, ping
from dr.secret import Secret
from tasks import evidence, plain_runner
from tests.endpoints.deadman import Deadman, Ping, deadman
from tests.quick_key import quick_encryption

ONLY_A_DUMP = "only-a-dump"


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deadman]:
    """One for all tests; each uses names of its own."""
    with deadman(tmp_path_factory.mktemp("deadman")) as made:
        yield made


@pytest.fixture
def name() -> str:
    """A check that no other test uses."""
    return secrets.token_hex(8)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once, and a switch that hangs is given up soon."""
    monkeypatch.setattr(pinging, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(pinging, "PATIENCE_SECONDS", 0.5)


def settings(switch: Deadman, name: str) -> PingsSettings:
    """Every event by the one address."""
    here = Secret(switch.address(name))
    return PingsSettings(here, here, here, here, here, here)


def test_a_ping_says_what_became_of_the_run_at_the_address_and_behind_it(switch: Deadman, name: str) -> None:
    """As Healthchecks has it; the end is tied to its beginning; a password in the text is hidden."""
    watcher = settings(switch, name)
    for turn, text in ((Turn.BEGUN, "it begins"), (Turn.GOOD, "3 s"), (Turn.FAILED, "postgresql://a:hunter2@db/x")):
        assert ping(watcher, Event.BACKUP, turn, text, "run-1").done

    assert switch.pings(name) == [
        Ping("start", "run-1", "it begins"),
        Ping("", "run-1", "3 s"),
        Ping("fail", "run-1", "postgresql://a:********@db/x"),
    ]


@pytest.mark.parametrize(
    ("moods", "asked", "done"),
    [
        (("500", "429"), 3, True),
        (("slow", "500"), 3, True),
        (("500", "500", "500"), 3, False),
        (("404",), 1, False),
        (("302", "302", "302"), 3, False),
    ],
)
def test_what_may_pass_is_tried_again_and_what_does_not_is_given_up(
    switch: Deadman, name: str, moods: tuple[str, ...], asked: int, done: bool
) -> None:
    """Three times at the most; a wrong address once. It never raises."""
    switch.set_moods(name, *moods)

    told = ping(settings(switch, name), Event.BACKUP, Turn.GOOD)

    assert (told.done, switch.requests(name)) == (done, asked)
    assert name not in told.detail, "the address is the permission"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://no-such-host.invalid/x", "http://[broken/x"])
def test_a_watcher_that_is_gone_fails_nothing(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Refused, without a name, or no address at all: said in the log, without the address."""
    told = ping(PingsSettings(backup=Secret(address)), Event.BACKUP, Turn.GOOD)

    assert (told.done, told.wanted) == (False, True)
    assert address not in caplog.text
    assert "was not told of backup" in caplog.text


@pytest.fixture
def system(switch: Deadman, name: str, tmp_path: Path) -> System:
    """A system with the watcher and a store."""
    (tmp_path / "store").mkdir()
    return System(
        name="shop",
        postgres=PostgresSettings(Secret("postgresql:///shop")),
        stores=(StoreSettings("local", "local", path=tmp_path / "store"),),
        encryption=EncryptionSettings(passphrase=Secret("a passphrase of the test")),
        alerting=replace(AlertingSettings(), pings=settings(switch, name)),
        state_directory=tmp_path / "state",
    )


def run(system: System, monkeypatch: pytest.MonkeyPatch, flow: str, table: str, error: Exception | None = None) -> None:
    """A run of that name by the plain runner, which publishes that table and ends so."""
    monkeypatch.setattr(evidence, "load_system", lambda name, **_: system)

    @plain_runner.flow(name=flow, when_done=evidence.keep)
    def procedure(system: str = "shop", kind: str = "all") -> None:
        if table:
            plain_runner.publish_table("backups" if table == ONLY_A_DUMP else table, [], "")
        if error is not None:
            raise error

    with suppress(DrError):
        procedure(kind="dump" if table == ONLY_A_DUMP else "all")


TOLD: list[tuple[str, str, Exception | None, list[str]]] = [
    ("daily-backup", "backups", None, [""]),
    ("daily-backup", "", None, []),
    ("daily-backup", ONLY_A_DUMP, None, []),
    ("daily-backup", "backups", StoreFull("full"), ["fail"]),
    ("daily-backup", "", LeaseHeld("another is at work"), []),
    ("wal-shipping", "wal-report", None, [""]),
    ("wal-shipping", "", None, []),
    ("wal-shipping", "wal-report", StoreFull("full"), ["fail"]),
    ("verification", "", None, [""]),
    ("integrity-test", "", StoreFull("full"), ["fail"]),
    ("restore-drill", "", None, [""]),
    ("restore-drill", "", StoreFull("full"), ["fail"]),
    ("component-drill", "", None, []),
    ("fail-back", "", StoreFull("full"), []),
]


@pytest.mark.parametrize(("flow", "table", "error", "turns"), TOLD)
def test_only_what_was_proven_is_told_as_good(
    switch: Deadman,
    name: str,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    flow: str,
    table: str,
    error: Exception | None,
    turns: list[str],
) -> None:
    """A backup that made nothing, a system without WAL, a run that another kept from its work: silence."""
    run(system, monkeypatch, flow, table, error)

    assert [item.turn for item in switch.pings(name)] == turns


def test_a_watcher_that_refuses_does_not_fail_the_backup(
    switch: Deadman, name: str, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends well and its record is kept."""
    switch.set_moods(name, "500", "500", "500")

    run(system, monkeypatch, "daily-backup", "backups")

    (record,) = (system.state_directory.parent / "store").rglob("run_*.json")
    assert b'"outcome": "completed"' in record.read_bytes()


def test_what_could_not_be_kept_as_evidence_is_not_told_as_good(
    switch: Deadman, name: str, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record comes first."""
    system.state_directory.write_text("a file where a directory should be")

    run(system, monkeypatch, "daily-backup", "backups")

    assert "" not in [item.turn for item in switch.pings(name)]


@pytest.mark.slow
def test_an_exporter_that_is_killed_is_noticed(switch: Deadman, name: str, tmp_path: Path) -> None:
    """kill -9: nobody says goodbye, and the switch alarms."""
    (tmp_path / "store").mkdir()
    key = quick_encryption()
    file = tmp_path / "dr.toml"
    file.write_text(
        f'[system.shop]\nstate_directory = "state"\n[system.shop.stores.local]\npath = "store"\n'
        f'[system.shop.encryption]\nrecipients = ["{key.recipients[0]}"]\ngnupg_home = "{key.gnupg_home}"\n'
        f'[system.shop.pings]\nexporter_env = "WATCHER"\nexporter_seconds = 1\n'
    )
    argv = (sys.executable, "-m", "dr.cli", "metrics", "--serve", "127.0.0.1:0", "--config", str(file))
    environment = {**os.environ, "WATCHER": switch.address(name), "DR_RUNNER": "plain"}
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL, env=environment) as exporter:
        try:
            until(lambda: len(switch.pings(name)) >= 2)
            switch.arm(name, 30)
            alarmed_alive = switch.has_alarmed(name)
        finally:
            exporter.send_signal(signal.SIGKILL)
    switch.arm(name, 2)
    until(lambda: switch.has_alarmed(name))

    assert not alarmed_alive


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)

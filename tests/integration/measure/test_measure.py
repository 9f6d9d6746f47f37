"""What monitoring measures of a real server with real backups and WAL, and the rules as faults are made and mended."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.operations.alert.book import read_book
from dr.operations.alert.watch import watch
from dr.operations.measure.exposition import exposition, write_textfile
from dr.operations.measure.gather import Measured, measure
from dr.policy.metric import BY_NAME, Unmeasured
from dr.policy.rule_evaluation import evaluate
from dr.postgres.installations import installed, server_for
from tests.integration.drill.site import Production, production

MAJOR = max(item.major for item in installed() if item.has_server)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """A dump, a base backup and WAL behind it, a moment ago; every store is a directory."""
    with production(tmp_path_factory.mktemp("shop"), server_for(MAJOR)) as made:
        made.back_up()
        yield made


def values(measured: Measured, name: str) -> dict[str, float]:
    """By the labels behind the system's name."""
    return {"/".join(item.labels[1:]): item.value for item in measured.samples if item.name == name}


def rules(system: System, now: datetime, minutes: int = 0) -> set[str]:
    """What fires when it is looked at now and again after ``minutes``."""
    first = evaluate(measure(system, now).samples, (), now)
    later = now + timedelta(minutes=minutes)
    return {alert.rule for alert in evaluate(measure(system, later).samples, first.broken, later).alerts}


def test_a_system_that_was_just_backed_up_is_measured_whole(shop: Production) -> None:
    """Everything is young, proven and without holes; what was never drilled is so for ever."""
    found = measure(shop.system, datetime.now(UTC))

    assert found.problems == ()
    assert set(values(found, "backup_good_age_seconds")) == {"dump", "base"}
    assert all(age < 300 for age in values(found, "backup_good_age_seconds").values())
    assert all(level >= 3 for level in values(found, "backup_verified_level").values())
    assert values(found, "pitr_window_gaps") == {"": 0}
    assert values(found, "wal_lag_seconds")[""] < 60
    assert values(found, "drill_age_seconds") == {"": float("inf")}
    assert set(values(found, "storage_up").values()) == {1}
    assert all(0 < share <= 1 for share in values(found, "storage_free_ratio").values())


def test_a_backup_that_is_missed_for_a_day_is_critical(shop: Production) -> None:
    """After the day and the hour of grace, and not before."""
    now = datetime.now(UTC)

    assert "backup-overdue" not in rules(shop.system, now + timedelta(hours=23), 60)
    assert "backup-overdue" in rules(shop.system, now + timedelta(hours=24, minutes=5), 60)


@pytest.mark.incident("I3")
def test_a_system_that_was_never_drilled_is_overdue(shop: Production) -> None:
    """GitLab's backups had never been restored."""
    assert "drill-overdue" in rules(shop.system, datetime.now(UTC))


@pytest.mark.incident("I17")
def test_wal_that_does_not_reach_the_stores_is_noticed_and_an_idle_server_is_not(shop: Production) -> None:
    """The server writes on and nothing is shipped: by its own clock the lag grows; idle it stays nothing."""
    shop.origin.commit(3)
    behind = values(measure(shop.system, datetime.now(UTC)), "wal_lag_seconds")[""]
    shop.ship()
    idle = values(measure(shop.system, datetime.now(UTC) + timedelta(hours=1)), "wal_lag_seconds")[""]

    assert behind > 0
    assert idle == 0


def test_stores_that_are_gone_are_said_and_nothing_of_theirs_counts_as_well(shop: Production, tmp_path: Path) -> None:
    """Neither young nor overdue: unmeasured, so that no alert ends by it."""
    path = shop.system.stores[0].path
    assert path is not None
    away = path.with_name("away")
    measure(shop.system, datetime.now(UTC))
    path.rename(away)
    try:
        found = measure(shop.system, datetime.now(UTC))
    finally:
        shutil.rmtree(path, ignore_errors=True)
        away.rename(path)

    assert Unmeasured("backup_good_age_seconds") in found.unmeasured
    assert values(found, "measurement_up")["backups"] == 0
    assert any("lost what it held" in text for text in found.problems)
    assert values(found, "storage_up")["local"] == 0


def test_what_is_measured_is_prometheus_text(shop: Production, tmp_path: Path) -> None:
    """With every declared family, each documented; the file is replaced whole and readable by others."""
    found = measure(shop.system, datetime.now(UTC))
    file = tmp_path / "dr.prom"

    write_textfile(found.samples, file)

    text = file.read_text()
    assert text == exposition(found.samples).decode()
    assert 'backup_age_seconds{kind="base",system="shop",tier="local"}' in text
    assert all(f"# HELP {name.removesuffix('_total')}" in text for name in BY_NAME)
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_the_book_remembers_what_is_broken_and_not_yet_for_long_enough(shop: Production, tmp_path: Path) -> None:
    """Over several rounds, each of which may be another process."""
    system = replace(shop.system, state_directory=tmp_path / "state")
    late = datetime.now(UTC) + timedelta(hours=25)
    first = watch(system, measure(system, late), late)
    later = late + timedelta(minutes=60)
    second = watch(system, measure(system, later), later)

    assert "backup-overdue" not in {item.alert.rule for item in first.told.book.open}
    assert {"backup-overdue", "drill-overdue"} <= {item.alert.rule for item in second.told.book.open}
    assert {item.key for item in read_book(system).broken} >= {"shop/backup-overdue/dump"}


def test_an_exporter_that_is_killed_loses_nothing(shop: Production, tmp_path: Path) -> None:
    """It answers over HTTP, and a new one says the same: ages come from the stores."""
    system = shop.system
    ages = []
    for _ in range(2):
        with _exporter(system, tmp_path) as url:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own, on loopback
                text = answer.read().decode()
            line = next(line for line in text.splitlines() if line.startswith('backup_good_age_seconds{kind="dump"'))
            ages.append(float(line.rpartition(" ")[2]))

    assert 0 <= ages[1] - ages[0] < 60


class _exporter:  # noqa: N801 - used as a function
    def __init__(self, system: System, directory: Path) -> None:
        store, key = system.stores[0], system.encryption
        file = directory / "dr.toml"
        file.write_text(
            f'[system.shop]\nstate_directory = "{system.state_directory}"\n'
            f'[system.shop.encryption]\nrecipients = ["{key.recipients[0]}"]\ngnupg_home = "{key.gnupg_home}"\n'
            f'[system.shop.stores.local]\npath = "{store.path}"\n'
        )
        argv = (sys.executable, "-m", "dr.cli", "metrics", "--serve", "127.0.0.1:0", "--config", str(file))
        self._process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> str:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "http://" in line:
                return "http://" + line.strip().rpartition("http://")[2]
        raise AssertionError("the exporter did not start")

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()

"""Somebody drops a table at noon. It comes back beside the running database, and the shop never stops (I7)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dr.demo.dataset import load_dataset
from dr.demo.estate import Estate, estate
from dr.demo.receiver import receiving
from dr.demo.workload import Workload, user_count, writing
from dr.postgres.connection import connected
from dr.postgres.schema_copy import digests_of

pytestmark = [pytest.mark.slow, pytest.mark.incident("I7")]

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop at work whose WAL is received, with one backup, and its documents dropped a moment after ``well``."""

    place: Estate
    workload: Workload
    well: datetime
    rows: int
    digests: dict[str, str]


def dr(place: Estate, *words: str, code: int = 0) -> dict[str, Any]:
    """Run ``dr``; its JSON answer."""
    environment = {**os.environ, **place.environment, "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"}
    environment["SIDE_URL"] = place.superuser_url.reveal()
    argv = (sys.executable, "-m", "dr.cli", *words, "--json")
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    answer = json.loads(ended.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """It keeps writing to the end of the tests."""
    with estate(tmp_path_factory.mktemp("dropped") / "here") as place:
        load_dataset(place, 0.02)
        with receiving(place) as receiver, writing(place, user_count(place)) as workload:
            receiver.wait_until_receiving()
            workload.wait_for_commit()
            dr(place, "backup", "--kind", "base")
            with connected(place.superuser_url) as connection:
                connection.execute("UPDATE shop.documents SET title = title || ' (revised)' WHERE id % 2 = 0")
                digests = {name: item.digest for name, item in digests_of(connection, "shop").items()}
                rows = connection.execute("SELECT count(*) AS n FROM shop.documents").fetchone()
                well = datetime.now(UTC)
                time.sleep(1.5)
                connection.execute("DROP TABLE shop.documents CASCADE")
            yield Shop(place, workload, well, int(rows["n"]) if rows else 0, digests)
            receiver.stop()


def test_the_table_comes_back_as_it_was_while_the_shop_goes_on(shop: Shop) -> None:
    """With its last change after the backup; the shop commits before, during and after; nothing is left over.

    Asked for a second after the drop: the receiver is made to store what the open segment has.
    """
    before = len(shop.workload.journal().acknowledged)

    answer = dr(
        shop.place, "side-restore", "--table", "shop.documents", "--as", "recovered", "--into", "env:SIDE_URL",
        "--target-time", shop.well.isoformat(), "--yes",
    )  # fmt: skip

    during = len(shop.workload.journal().acknowledged)
    with connected(shop.place.superuser_url) as connection:
        back = digests_of(connection, "recovered")
        connection.execute("ALTER TABLE recovered.documents SET SCHEMA shop")
        there = connection.execute("SELECT count(*) AS n FROM shop.documents").fetchone()
    deadline = time.monotonic() + 10
    while len(shop.workload.journal().acknowledged) == during and time.monotonic() < deadline:
        time.sleep(0.05)

    assert back["recovered.documents"].digest == shop.digests["shop.documents"]
    assert there == {"n": shop.rows}
    assert before < during < len(shop.workload.journal().acknowledged)
    assert answer["side_restore"]["checks"][0]["passed"] is True
    assert not list((shop.place.system.state_directory / "side").iterdir())


def test_a_moment_at_which_it_was_gone_is_told(shop: Shop) -> None:
    """The wrong moment costs no data and names what is wrong."""
    with connected(shop.place.superuser_url) as connection:
        connection.execute("CREATE TABLE shop.latecomer (id int)")
        connection.execute("DROP TABLE shop.latecomer")

    answer = dr(
        shop.place, "side-restore", "--table", "shop.latecomer", "--into", "env:SIDE_URL",
        "--target-time", shop.well.isoformat(), "--yes", code=10,
    )  # fmt: skip

    assert "no table shop.latecomer" in answer["error"]["message"]
    assert not list((shop.place.system.state_directory / "side").iterdir())


def test_it_comes_as_a_file_that_stock_programs_open(shop: Shop, tmp_path: Path) -> None:
    """gpg, gunzip and SQL."""
    file = tmp_path / "tenants.sql.gz.gpg"

    dr(
        shop.place, "side-restore", "--table", "shop.tenants", "--as", "old", "--file", str(file),
        "--target-time", shop.well.isoformat(), "--yes",
    )  # fmt: skip

    home = shop.place.system.encryption.gnupg_home
    line = f"gpg --homedir '{home}' --batch --quiet -d '{file}' | gunzip"
    text = subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout  # noqa: S602
    assert "COPY old.tenants" in text
    assert file.stat().st_mode & 0o077 == 0


def test_a_schema_that_is_there_is_refused_before_anything_is_fetched(shop: Shop) -> None:
    """Nothing is restored over what is there."""
    answer = dr(
        shop.place, "side-restore", "--table", "shop.tenants", "--as", "shop", "--into", "env:SIDE_URL", "--yes",
        code=11,
    )  # fmt: skip

    assert "already" in answer["error"]["message"]

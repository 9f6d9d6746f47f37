"""A dump that was killed holds nothing up on the server, even when it was waiting for a lock (I23)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from dr.postgres.connection import connected
from dr.postgres.dump import dump_process, exported_snapshot
from dr.postgres.installations import Installation
from dr.secret import Secret
from tests.integration.conftest import TestServer, made_database

_WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%%'"
)


@pytest.fixture
def database(server: TestServer) -> Iterator[str]:
    """Two tables, nobody's but this test's."""
    with made_database(server) as name:
        yield name


def _waiting(server: TestServer, database: str) -> list[int]:
    with connected(server.admin) as connection:
        return [row["pid"] for row in connection.execute(_WAITING, (database,))]


def _wait_until_one_waits(server: TestServer, database: str) -> None:
    end = time.monotonic() + 20
    while not _waiting(server, database):
        assert time.monotonic() < end, "pg_dump never came to the lock"
        time.sleep(0.05)


@pytest.mark.incident("I23")
@pytest.mark.parametrize("options", ["", "?options=" + quote("-c statement_timeout=61s")])
def test_the_session_of_a_killed_dump_does_not_go_on_waiting_for_its_lock(server, installation, database, options):
    """Otherwise it would stand in the queue, and every reader of the table behind it, until the lock is given."""
    url = Secret(server.url(database) + options)
    with connected(server.server.url_for(database), autocommit=False) as holder, exported_snapshot(url) as snapshot:
        holder.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        with dump_process(url, installation, snapshot) as dump:
            _wait_until_one_waits(server, database)
            dump.kill()

            end = time.monotonic() + 3
            while _waiting(server, database) and time.monotonic() < end:
                time.sleep(0.05)
            assert _waiting(server, database) == []


def test_options_of_the_address_are_kept_and_win(server: TestServer, installation: Installation, database: str) -> None:
    """Ours come first: who sets the same for his server knows better."""
    given = "-c client_connection_check_interval=7s -c work_mem=5MB"
    url = Secret(server.url(database) + "?options=" + quote(given))
    with exported_snapshot(url) as snapshot, dump_process(url, installation, snapshot) as dump:
        options = _options(dump.process.pid)
        dump.stdout.read()
        assert dump.wait(60).ok

    with connected(Secret(server.url(database) + "?options=" + quote(options))) as connection:
        shown = [
            next(connection.execute(f"SHOW {name}".encode()))[name]
            for name in ("client_connection_check_interval", "work_mem")
        ]
    assert shown == ["7s", "5MB"]


def _options(pid: int) -> str:
    """``PGOPTIONS`` of a process; for a moment after its start the kernel shows none of its environment."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for item in file.read().split("\0"):
                if item.startswith("PGOPTIONS="):
                    return item.removeprefix("PGOPTIONS=")
        time.sleep(0.01)
    pytest.fail("the dump has no PGOPTIONS")

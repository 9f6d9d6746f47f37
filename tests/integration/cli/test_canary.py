"""The canary as a service: on time, through restarts of the server, and quick to end."""

from __future__ import annotations

import json
import signal
import time

from dr.errors import ConfigurationError
from dr.postgres.canary import last_beat
from dr.postgres.connection import connected
from tests.integration.cli.command import Dr, finished, send, wait_until
from tests.integration.conftest import TestServer


def rows(server: TestServer, database: str) -> list[float]:
    """The commit times of all canary rows, in seconds."""
    with connected(server.server.url_for(database)) as connection:
        found = connection.execute("SELECT extract(epoch FROM committed_at)::float8 AS at FROM dr_canary ORDER BY seq")
        return [row["at"] for row in found]


def test_the_ticks_do_not_drift(dr: Dr, server: TestServer, small_database: str) -> None:
    """Each commit takes 60 ms of a tick of 100 ms: ten ticks take a second all the same, not 1.6.

    The best ten: what the machine holds up beside is not counted.
    """
    assert dr("canary", "--once").code == 0
    with connected(server.server.url_for(small_database)) as connection:
        connection.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.06); RETURN NULL; END $$"
        )
        connection.execute("CREATE TRIGGER dawdle AFTER INSERT ON dr_canary EXECUTE FUNCTION dawdle()")
    with dr.begun("canary", "--interval", "0.1") as process:
        wait_until(lambda: position(dr) >= 22, "twenty-one rows more")
        send(process, signal.SIGTERM)
        finished(process)
    times = rows(server, small_database)[1:]

    assert min(later - earlier for earlier, later in zip(times, times[10:], strict=False)) < 1.4


def test_it_needs_no_key(dr: Dr, server: TestServer, small_database: str) -> None:
    """The host of the database writes the rows; nothing of the backups' encryption has to be known there."""
    keyless = Dr({name: value for name, value in dr.environment.items() if "ENCRYPTION" not in name}, dr.directory)

    done = keyless("canary", "--once")
    shown = keyless("config", "show")

    assert done.code == 0, done.err
    assert len(rows(server, small_database)) == 1
    assert shown.code == 0, shown.err
    assert "postgres.url" in shown.out
    assert keyless("backup").code == ConfigurationError.exit_code


def test_sigterm_ends_it_cleanly_and_it_tells_what_it_did(dr: Dr, server: TestServer, small_database: str) -> None:
    """A service that was asked to end has not failed: exit code 0, and every row is accounted for."""
    with dr.begun("canary", "--interval", "0.1", "--json") as process:
        wait_until(lambda: position(dr) >= 3, "the third row")
        send(process, signal.SIGTERM)
        ended = finished(process)

    assert ended.code == 0, ended.err
    assert ended.document["beats"] == len(rows(server, small_database))
    assert ended.document["last"]["seq"] == ended.document["beats"]


def test_it_survives_losing_its_connection_and_says_so_once(dr: Dr, server: TestServer, small_database: str) -> None:
    """When the server cuts it off it comes back by itself: two lines, and the rows go on."""
    with dr.begun("canary", "--interval", "0.1", "--json") as process:
        wait_until(lambda: position(dr) >= 3, "the third row")
        with connected(server.admin) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (small_database,)
            )
        before = position(dr)
        wait_until(lambda: position(dr) >= before + 3, "three more rows")
        send(process, signal.SIGINT)
        ended = finished(process)

    assert ended.code == 0, ended.err
    assert ended.document["interruptions"] == 1
    assert ended.err.count("is interrupted") == 1
    assert ended.err.count("goes on") == 1


def test_the_note_outside_never_runs_ahead_of_the_database(dr: Dr, server: TestServer, small_database: str) -> None:
    """Killed at any moment, the note names a row that is committed."""
    with dr.begun("canary", "--interval", "0.05") as process:
        wait_until(lambda: position(dr) >= 5, "the fifth row")
        time.sleep(0.03)
        process.kill()
    with connected(server.server.url_for(small_database)) as connection:
        last = last_beat(connection)

    assert last is not None
    assert position(dr) <= last.seq


def test_old_rows_are_removed(dr: Dr, server: TestServer, small_database: str) -> None:
    """At its beginning it removes what is older than --keep-days, and not what is younger."""
    assert dr("canary", "--once").code == 0
    with connected(server.server.url_for(small_database)) as connection:
        connection.execute("UPDATE dr_canary SET committed_at = now() - interval '3 days'")
        connection.execute("INSERT INTO dr_canary (committed_at) VALUES (now() - interval '1 day')")
    with dr.begun("canary", "--keep-days", "2") as process:
        wait_until(lambda: position(dr) >= 3, "the third row")
        wait_until(lambda: len(rows(server, small_database)) == 2, "the oldest row is removed")
        send(process, signal.SIGTERM)
        assert finished(process).code == 0


def position(dr: Dr) -> int:
    """The number of the last row that was noted; 0 when there is no note."""
    try:
        return int(json.loads((dr.directory / "state" / "canary" / "coreflow360.json").read_text())["seq"])
    except FileNotFoundError:
        return 0

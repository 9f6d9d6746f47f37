"""Ctrl-C, SIGTERM and a closed terminal: children die, leases are released, nothing half-made is listed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.postgres.connection import connected
from tests.integration.cli.command import Dr, descendants, finished, is_alive, send, wait_until
from tests.integration.conftest import TestServer

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture
def stuck(server: TestServer, small_database: str) -> Iterator[None]:
    """A table that nobody else may read: ``pg_dump`` waits for it, and so does the backup."""
    with connected(server.server.url_for(small_database), autocommit=False) as connection:
        connection.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def signals_as_on_a_terminal() -> Iterator[None]:
    """Whoever runs the tests may ignore signals (nohup, a background job), and children inherit that."""
    ignored = [number for number in ENDING if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
@pytest.mark.usefixtures("stuck", "signals_as_on_a_terminal")
def test_a_signal_in_the_midst_of_a_backup_undoes_it(dr: Dr, number: signal.Signals) -> None:
    """The exit code is 128 and the signal's number; no child is left, no object, no lease."""
    with dr.begun("backup", "--kind", "dump", "--json") as process:
        wait_until(lambda: _dumping(process.pid), "pg_dump runs")
        children = descendants(process.pid)
        send(process, number)
        ended = finished(process)

    assert ended.code == 128 + number, ended.err
    assert ended.document["error"]["type"] == "Interrupted"
    assert f"interrupted by {number.name}" in ended.err
    assert not [argv for pid, argv in children.items() if is_alive(pid)]
    assert dr("list", "--json").document["backups"] == []
    assert _objects(dr.directory / "backups") == []
    assert not list((dr.directory / "backups").rglob("*.sql.gz.gpg*"))
    held = [path.read_text() for path in (dr.directory / "backups").rglob("leases/backup/0*.json")]
    assert held
    assert all('"released":true' in text.replace(" ", "") for text in held)


def test_the_next_run_need_not_wait(dr: Dr, server: TestServer, small_database: str) -> None:
    """After an interrupted backup the next one begins at once and succeeds."""
    with connected(server.server.url_for(small_database), autocommit=False) as connection:
        connection.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        with dr.begun("backup", "--kind", "dump") as process:
            wait_until(lambda: _dumping(process.pid), "pg_dump runs")
            send(process, signal.SIGTERM)
            assert finished(process).code == 143
    again = dr("backup", "--kind", "dump")

    assert again.code == 0, again.err


@pytest.mark.usefixtures("stuck")
def test_an_ignored_signal_stays_ignored(dr: Dr) -> None:
    """Under nohup a closed terminal does not end the backup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with dr.begun("backup", "--kind", "dump") as process:
            signal.signal(signal.SIGHUP, before)
            wait_until(lambda: _dumping(process.pid), "pg_dump runs")
            send(process, signal.SIGHUP)
            send(process, signal.SIGTERM)
            ended = finished(process)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert ended.code == 143, ended.err


def _dumping(pid: int) -> bool:
    return any(Path(argv[0]).name == "pg_dump" for argv in descendants(pid).values() if argv)


def _objects(root: Path) -> list[str]:
    """What lies where backups lie."""
    places = (root / "coreflow360" / "database", root / "coreflow360" / "base")
    return [str(path) for place in places if place.exists() for path in place.rglob("*") if path.is_file()]

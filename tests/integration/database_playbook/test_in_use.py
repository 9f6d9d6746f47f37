"""Customers go on writing while the damage is looked for: a row that came in between the two counts is no damage."""

from __future__ import annotations

import threading
from pathlib import Path

from dr.postgres.cluster import create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import Installation
from dr.postgres.read_damage import read_damage
from dr.secret import Secret

LOOKS = 6


def _write(url: Secret, ended: threading.Event, written: list[int]) -> None:
    with connected(url) as connection:
        while not ended.is_set():
            connection.execute("INSERT INTO orders SELECT FROM generate_series(1, 10)")
            written.append(10)


def test_an_index_that_is_written_to_is_not_called_damaged(installation: Installation, tmp_path: Path) -> None:
    """Table and index are counted in one snapshot."""
    data = tmp_path / "data"
    create_cluster(data, installation)
    with running(data, installation) as server:
        url = server.url_for("postgres")
        with connected(url) as connection:
            connection.execute("CREATE TABLE orders (id bigserial PRIMARY KEY)")
            connection.execute("INSERT INTO orders SELECT FROM generate_series(1, 200000)")
        ended = threading.Event()
        written: list[int] = []
        writer = threading.Thread(target=_write, args=(url, ended, written))
        writer.start()
        try:
            found = []
            for _ in range(LOOKS):
                before = len(written)
                found.append(read_damage(url, 60.0)[0])
                assert len(written) > before
        finally:
            ended.set()
            writer.join()

    assert [item for damage in found for item in damage.damaged] == []

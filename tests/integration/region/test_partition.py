"""A partition in which packets vanish: nobody refuses and nothing ends, and nobody is promoted for that silence."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dr.demo.ports import reserved_port
from dr.postgres.connection import connected, parameters
from dr.postgres.standby import ServerRole, server_role, set_system
from tests.integration.region.command import dr, second_host
from tests.integration.region.pair import pair
from tests.integration.region.wire import wire

pytestmark = pytest.mark.slow
ROWS = 5


@dataclass(frozen=True, slots=True)
class Parted:
    """What was seen from the second region while the wire was cut, and how both were afterwards.

    ``vanishes`` is False where this machine has no network of its own to give: then connections were refused.
    """

    vanishes: bool
    refused: dict[str, Any]
    standby: ServerRole
    first: ServerRole
    both: tuple[int, int]


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    """Cut while both live; the first goes on. Then mended."""
    with (
        pair(tmp_path_factory.mktemp("parted") / "here") as made,
        reserved_port() as near,
        wire(near, int(parameters(made.first.url)["port"])) as line,
    ):
        # Who is cut off is to notice within seconds, not within PostgreSQL's minute.
        set_system(made.first.url, {"wal_sender_timeout": "2s"})
        across = f"host=127.0.0.1 port={near} user=postgres sslmode=disable"
        set_system(made.second.url, {"primary_conninfo": across, "wal_receiver_timeout": "2s"})
        made.wait(lambda: _source_port(made.second.url) == near)
        made.write(made.first.url, ROWS)
        made.level()
        line.cut()
        made.wait(lambda: not server_role(made.second.url).streaming)
        made.write(made.first.url, ROWS)
        refused = dr(second_host(made, near), "failover", "--confirm", "pair", code=21)
        standby = server_role(made.second.url)
        line.mend()
        end = server_role(made.first.url).end
        made.wait(lambda: (server_role(made.second.url).replayed or 0) >= end, 120)  # type: ignore[operator]
        rows = made.rows(made.first.url), made.rows(made.second.url)
        yield Parted(line.vanishes, refused, standby, server_role(made.first.url), rows)


def _source_port(url: Any) -> int:
    with connected(url) as connection:
        row = connection.execute("SELECT sender_port FROM pg_stat_wal_receiver WHERE status = 'streaming'").fetchone()
    return int(row["sender_port"]) if row else 0


def test_silence_is_no_proof_and_nobody_is_promoted(parted: Parted) -> None:
    """The other side lives. It ends by itself, with exit code 21, although no address ever answers or refuses."""
    if not parted.vanishes:
        warnings.warn("not proven here: connections were refused, no packets vanished", stacklevel=1)

    assert parted.refused["error"]["type"] == "NotFenced"
    assert "nothing proves" in parted.refused["error"]["detail"]
    assert "does not answer" in str(parted.refused["region-look"])
    assert (parted.standby.standby, parted.standby.timeline) == (True, 1)


def test_when_packets_come_through_again_nothing_has_happened(parted: Parted) -> None:
    """The replica follows the same server on the same timeline, and has what that took meanwhile."""
    assert parted.both == (2 * ROWS, 2 * ROWS)
    assert (parted.first.standby, parted.first.timeline) == (False, 1)

"""A base backup says, by the server's clock and counters, from when on it can be recovered to any point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.operations.find_backup import find_backup
from dr.postgres.connection import connected
from dr.postgres.inspection import scalar
from tests.integration.engine.conftest import Site
from tests.integration.engine.procedures import make


def test_a_base_backup_notes_when_it_ended_and_the_next_transaction(
    any_site: Site, system_for: Callable[..., System]
) -> None:
    """What was committed before the backup lies before both marks, what comes after it lies behind them."""
    system = system_for(any_site.url)
    with connected(any_site.url) as connection:
        earlier = scalar(connection, "SELECT pg_current_xact_id()::text::bigint")
        begin = scalar(connection, "SELECT clock_timestamp()")

        manifest = find_backup(system, make(system, Kind.BASE).label, None).manifest

        end = scalar(connection, "SELECT clock_timestamp()")
        later = scalar(connection, "SELECT pg_current_xact_id()::text::bigint")
        flushed = scalar(connection, "SELECT pg_current_wal_flush_lsn()::text")
    assert isinstance(begin, datetime)
    assert isinstance(end, datetime)
    assert manifest.server_end is not None
    assert begin < manifest.server_end < end
    assert manifest.next_xid is not None
    assert int(str(earlier)) < manifest.next_xid <= int(str(later))
    assert manifest.end_lsn is not None
    assert Lsn.parse(str(flushed)) >= manifest.end_lsn

"""The steps of a backup in a row, as the flow calls them, for tests that look at what lies between."""

from __future__ import annotations

from collections.abc import Callable

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.back_up_database import back_up_database
from dr.operations.draft import Draft
from dr.operations.prove import prove
from dr.operations.publish import Published, publish
from dr.postgres.connection import connected
from dr.postgres.digests import TableDigest, digest_tables, user_tables
from dr.secret import Secret

MAKERS: dict[Kind, Callable[..., Draft]] = {Kind.DUMP: back_up_database, Kind.BASE: back_up_cluster}


def make(system: System, kind: Kind, *, cloud: bool = True) -> Published:
    """One backup, stored, proven and published."""
    draft = MAKERS[kind](system, run="test", cloud=cloud)
    return publish(system, draft, prove(system, draft, run="test"))


def digests(url: Secret) -> tuple[TableDigest, ...]:
    """Rows and content of every table of a database."""
    with connected(url) as connection:
        return tuple(digest_tables(connection, user_tables(connection)))

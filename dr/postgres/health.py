"""Does a server answer, and does it know itself to be damaged? One short question, whatever else it is doing."""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import SourceError
from dr.postgres.connection import connected
from dr.postgres.queries import query
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What the server says. ``damaged_pages`` are checksum failures that it met since its statistics were reset.

    ``read_only``: for every role; ``we_read_only``: for the one alone that asks, by its own settings.
    """

    version: str
    standby: bool
    read_only: bool
    we_read_only: bool
    allowed: int
    connections: int
    damaged_pages: int
    damaged_in: str


def server_health(url: Secret, seconds: float) -> ServerHealth:
    """Raises SourceError when it does not answer. Only the statement has a limit: a silent peer holds the caller."""
    with connected(url) as connection:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", (f"{int(seconds * 1000)}",))
        row = connection.execute(query("server_health")).fetchone()
    if row is None:
        raise SourceError("the server does not tell how it is", hint="Look into its log.")
    return ServerHealth(**row)

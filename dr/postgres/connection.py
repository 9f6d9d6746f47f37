"""Connections to a server, and the same address for PostgreSQL's own client programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn
from psycopg.rows import dict_row

from dr.errors import AuthenticationFailed, ConfigurationError, PrivilegeMissing, ServerUnreachable, SourceError
from dr.secret import Secret

APPLICATION_NAME = "coreflow360-dr"
_CONNECT_SECONDS = "10"
_REFUSED = re.compile(
    r"password authentication failed|no pg_hba\.conf entry|no password supplied|authentication failed|"
    r"role .* does not exist|database .* does not exist|not permitted to log in|permission denied for database|"
    r"pg_hba\.conf rejects|SASL|SSL.* required",
    re.IGNORECASE,
)

Connection = psycopg.Connection[dict[str, Any]]


def parameters(url: Secret) -> dict[str, str]:
    """The keywords of a libpq URL or key=value string."""
    try:
        options = pq.Conninfo.parse(url.reveal().encode())
    except psycopg.OperationalError:
        raise ConfigurationError(
            "the PostgreSQL address is not a libpq URL",
            hint="Use postgresql://USER:PASSWORD@HOST:PORT/DATABASE (percent-encode special characters).",
        ) from None
    return {item.keyword.decode(): item.val.decode() for item in options if item.val is not None}


def client_environment(url: Secret, database: str | None = None) -> dict[str, str]:
    """The address as the environment variables of ``pg_dump`` and ``psql``: the password never reaches their argv."""
    given = parameters(url)
    if database is not None:
        given["dbname"] = database
    given.setdefault("connect_timeout", _CONNECT_SECONDS)
    given.setdefault("application_name", APPLICATION_NAME)
    variables = {item.keyword.decode(): item.envvar.decode() for item in pq.Conninfo.get_defaults() if item.envvar}
    unknown = sorted(set(given) - set(variables))
    if unknown:
        raise ConfigurationError(
            f"the PostgreSQL address uses {', '.join(unknown)}, which pg_dump and psql cannot be given by environment",
            hint="Remove it from the address; put it into a pg_service.conf entry and use service=NAME instead.",
        )
    return {variables[keyword]: value for keyword, value in given.items()}


def with_database(url: Secret, database: str) -> Secret:
    """The same server, role and password, another database."""
    return Secret(psycopg.conninfo.make_conninfo("", **{**parameters(url), "dbname": database}))


def with_options(url: Secret, options: str) -> Secret:
    """The same with these command-line options for the session, instead of any that the address had."""
    return Secret(psycopg.conninfo.make_conninfo("", **{**parameters(url), "options": options}))


def display_name(url: Secret) -> str:
    """Host, port and database for messages; never the password."""
    given = parameters(url)
    return f"{given.get('host', 'local socket')}:{given.get('port', '5432')}/{given.get('dbname', '')}"


def translate(error: psycopg.Error, url: Secret) -> SourceError:
    """A psycopg error as one of ours. A connection that was refused is told from one that found nobody."""
    text = " ".join(str(error).split())
    where = display_name(url)
    state = error.sqlstate or ""
    if state.startswith("28") or state == "3D000" or (not state and _REFUSED.search(text)):
        return AuthenticationFailed(
            f"{where} refuses the connection",
            text,
            "Check user, password and database in DATABASE_URL, and pg_hba.conf.",
        )
    if state == "42501":
        return PrivilegeMissing(f"{where}: the role lacks a privilege", text, "Grant it, or use another role.")
    if isinstance(error, psycopg.OperationalError):
        return ServerUnreachable(
            f"{where} does not answer",
            text,
            "Check that the server runs and that host and port in DATABASE_URL are right.",
        )
    return SourceError(f"{where} reports an error", text, "Look into the server's log.")


@contextmanager
def connected(url: Secret, *, database: str | None = None, autocommit: bool = True) -> Iterator[Connection]:
    """A connection with rows as dicts; every database error inside comes out as one of ours."""
    given = {"connect_timeout": _CONNECT_SECONDS, "application_name": APPLICATION_NAME, **parameters(url)}
    if database is not None:
        given["dbname"] = database
    address = psycopg.conninfo.make_conninfo("", **given)
    try:
        with psycopg.connect(address, autocommit=autocommit, row_factory=dict_row) as connection:
            _want_iso_dates(connection)
            yield connection
    except psycopg.Error as error:
        raise translate(error, url) from error


def _want_iso_dates(connection: Connection) -> None:
    """A database or role may ask for dates as people write them, which nobody can read back."""
    if not (connection.info.parameter_status("DateStyle") or "ISO").startswith("ISO"):
        connection.execute("SET datestyle = 'ISO, YMD'")
        if not connection.autocommit:
            connection.commit()


def replication_connection(url: Secret) -> PGconn:
    """A raw connection that speaks the replication protocol (physical), non-blocking. The caller finishes it."""
    given = parameters(url)
    given |= {"replication": "true", "application_name": APPLICATION_NAME}
    given.setdefault("dbname", "replication")
    given.setdefault("connect_timeout", _CONNECT_SECONDS)
    text = psycopg.conninfo.make_conninfo("", **given)
    connection = pq.PGconn.connect(text.encode())
    if connection.status != pq.ConnStatus.OK:
        message = connection.error_message.decode(errors="replace")
        connection.finish()
        if "must be superuser or replication role" in message or "permission denied to start WAL sender" in message:
            raise PrivilegeMissing(
                f"the role may not make a base backup of {display_name(url)}",
                " ".join(message.split()),
                "ALTER ROLE ... REPLICATION and a 'host replication' line in pg_hba.conf; or set "
                "postgres.physical = false for a server that gives none (then there is no point-in-time recovery).",
            )
        raise translate(psycopg.OperationalError(message), url)
    return connection

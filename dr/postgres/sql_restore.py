"""Putting a logical dump into an empty database by ``psql``, and judging what it says (I13).

psql stops at the first error, so an exit of 0 with a clean stderr means that every statement ran. The globals are the
exception: a new server always has its own superuser, so "already exists" is expected there and nothing else is.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

from psycopg import sql

from dr.catalog.manifest import DatabaseShape
from dr.errors import RecoveryFailed, StoreFull, TargetRefused
from dr.pipeline.messages import DROPPED
from dr.pipeline.process import Child, Exit
from dr.postgres.connection import client_environment, connected
from dr.postgres.inspection import user_object_count
from dr.postgres.installations import Installation
from dr.secret import Secret

_FAST = "-c synchronous_commit=off -c maintenance_work_mem=256MB -c client_min_messages=warning"
_DATABASE_PART = re.compile(r"^-- PostgreSQL database dump$", re.MULTILINE)
# Verbose psql puts the SQLSTATE behind the severity, which a server writes in its own language.
# Reading a file it says in front where the statement stands.
_MESSAGE = re.compile(r"^(?:psql:.*?: )?\w+: +(?P<state>[0-9A-Z]{5}): ")
_HARMLESS_CLASSES = ("00", "01", "02")
_ALREADY_THERE = {"42710", "42P04"}
_SETTING = re.compile(rb"^SET (\w+) = .*;\n", re.MULTILINE)


def psql(
    url: Secret, client: Installation, database: str, *, stop_on_error: bool = True, options: str = _FAST
) -> Child:
    """A running psql that executes its stdin quietly, without the user's own psqlrc; ``options`` are its session's."""
    argv = (
        client.program("psql"),
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--output=/dev/null",
        f"--set=ON_ERROR_STOP={int(stop_on_error)}",
        "--set=VERBOSITY=verbose",
    )
    environment = {**client_environment(url, database), "PGOPTIONS": options}
    return Child("psql", argv, environment=environment, stdin=subprocess.PIPE)


def unexplained_errors(stderr: str) -> list[str]:
    """Errors that are no part of a normal restore of globals, in whatever language the server speaks.

    A role, tablespace or database that already exists is part of it. Messages that were dropped for their number count
    as errors: nobody has read them.
    """
    found = ["more messages than were kept"] if DROPPED in stderr else []
    for line in stderr.splitlines():
        match = _MESSAGE.match(line)
        if match and not match["state"].startswith(_HARMLESS_CLASSES) and match["state"] not in _ALREADY_THERE:
            found.append(line)
    return found


def check_psql(ended: Exit, what: str) -> None:
    """Raise unless psql ran everything."""
    if "No space left on device" in ended.stderr:
        raise StoreFull(
            f"the target server has no space left for {what}", str(ended), "Free space there; the backup is unharmed."
        )
    errors = unexplained_errors(ended.stderr)
    if errors or not ended.ok:
        raise RecoveryFailed(
            f"restoring {what} failed",
            detail="; ".join(errors[:5]) or str(ended),
            hint=_hint(errors),
        )


def _hint(errors: list[str]) -> str:
    if any(
        ("directory" in line and "tablespace" in line) or ("does not exist" in line and "/" in line) for line in errors
    ):
        return (
            "The original's tablespace directories are not usable on this server. Create the tablespaces named above "
            "there by hand, with any location, and restore again: existing ones are used as they are."
        )
    return "The target is incomplete: drop it, mend the cause (a missing extension is the target's), and restore again."


def existing_roles(url: Secret, database: str) -> set[str]:
    """Quoted names of the roles that the target already has."""
    with connected(url, database=database) as connection:
        return {row["name"] for row in connection.execute("SELECT quote_ident(rolname) AS name FROM pg_roles")}


def existing_databases(url: Secret) -> set[str]:
    """Names of the databases that the target already has."""
    with connected(url) as connection:
        return {row["datname"] for row in connection.execute("SELECT datname FROM pg_database")}


def split_globals(text: str) -> tuple[str, str]:
    """The roles and tablespaces, and the statements that make the database itself."""
    parts = _DATABASE_PART.split(text, maxsplit=1)
    return parts[0], parts[1] if len(parts) == 2 else ""


def without_existing_roles(text: str, present: Iterable[str]) -> str:
    """Leave roles alone that the target has: its passwords and rights are its own.

    A statement may go over several lines, so it is dropped up to the end of the line in which its quotes are closed.
    """
    starts = tuple(f"{verb} ROLE {name}{end}" for name in present for verb, end in (("CREATE", ";"), ("ALTER", " ")))
    kept: list[str] = []
    dropping = False
    for line in text.splitlines(keepends=True):
        begins = not dropping and line.startswith(starts)
        if not dropping and not begins:
            kept.append(line)
            continue
        odd = line.count("'") % 2 == 1
        dropping = odd if begins else dropping != odd
    return "".join(kept)


def in_place_tablespaces(text: str) -> str:
    """Tablespaces inside the data directory: a sandbox must not touch the original's paths."""
    return re.sub(r"^(CREATE TABLESPACE .*) LOCATION '(?:[^']|'')*';$", r"\1 LOCATION '';", text, flags=re.MULTILINE)


def run_script(url: Secret, client: Installation, database: str, text: str, what: str) -> None:
    """Run globals: go on after errors, then accept only the explained ones."""
    with psql(url, client, database, stop_on_error=False) as child:
        try:
            child.stdin.write(text.encode())
            child.stdin.close()
        except BrokenPipeError:
            pass
        check_psql(child.wait(600), what)


def prepare_database(url: Secret, name: str, shape: DatabaseShape | None) -> bool:
    """Make sure that an empty database is there; True when we made it. Refuses one that holds anything."""
    with connected(url, database="postgres") as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if there is None:
            connection.execute(_create_database(name, shape))
            return True
    count = user_object_count(url, name)
    if count:
        raise TargetRefused(
            f"database {name} is not empty: it holds {count} tables, views or sequences",
            hint="Name a database that does not exist yet (it is created), or drop this one yourself first.",
        )
    return False


def _create_database(name: str, shape: DatabaseShape | None) -> sql.Composed:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    if shape is not None:
        statement += sql.SQL(" ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(
            sql.Literal(shape.encoding), sql.Literal(shape.collate), sql.Literal(shape.ctype)
        )
    return statement


def drop_database(url: Secret, name: str) -> None:
    """Remove a half-restored database that this run itself created."""
    with connected(url, database="postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def known_settings(url: Secret, database: str) -> set[str]:
    """Names of the settings this server knows; an older one does not know all that a newer pg_dump sets."""
    with connected(url, database=database) as connection:
        return {row["name"] for row in connection.execute("SELECT name FROM pg_settings")}


def fit_header(chunk: bytes, known: set[str]) -> bytes:
    """Drop the settings in a dump's first lines that the target server is too old for."""
    head, separator, rest = chunk.partition(b"\n--\n-- Name:")
    kept = _SETTING.sub(lambda match: match[0] if match[1].decode() in known else b"", head)
    return kept + separator + rest

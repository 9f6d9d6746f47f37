"""Small questions of a drill: what the server said while it booted, and what this host lacks for the database (I27)."""

from __future__ import annotations

import re

from dr.catalog.manifest import Level
from dr.evidence.findings import Check
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.environment_faults import environment_fault
from dr.postgres.connection import connected
from dr.postgres.inspection import scalar
from dr.secret import Secret

_SEVERE = re.compile(r"\b(?:ERROR|FATAL|PANIC):  (.*)")
_NOT_YET = ("the database system is ", "not yet accepting connections")
"""What a server tells those who knock while it still replays: that was ourselves."""
_SHOWN = 5


def server_log(text: str) -> Probe:
    """Errors that the server logged up to its first answer. A restore that worked has none."""
    lines = [line for line in _SEVERE.findall(text) if not line.startswith(_NOT_YET)]
    if not lines:
        return Probe("server log", Answer.PASSED, "no errors while it booted", Level.BOOTED)
    lacking = [reason for line in lines if (reason := environment_fault(line))]
    if len(lacking) == len(lines):
        return Probe("server log", Answer.UNPROVEN, "; ".join(dict.fromkeys(lacking)), Level.BOOTED)
    return Probe("server log", Answer.FAILED, "; ".join(lines[:_SHOWN]), Level.BOOTED)


def lacking_probe(name: str, lacking: str, said: str) -> Probe:
    """An answer that says more of this host than of the backup: the drill cannot tell."""
    return Probe(name, Answer.UNPROVEN, f"{lacking} ({said})", Level.QUERIED, essential=True)


def as_probe(check: Check) -> Probe:
    """A recovery's check; one that failed for what this host lacks says nothing about the backup."""
    lacking = None if check.passed else environment_fault(check.detail)
    if lacking:
        return lacking_probe(check.name, lacking, check.detail)
    return Probe(check.name, Answer.PASSED if check.passed else Answer.FAILED, check.detail, Level.QUERIED)


def extensions(url: Secret) -> tuple[Probe, ...]:
    """Extensions of the database that this host has not installed: what they do was not asked."""
    with connected(url) as connection:
        rows = connection.execute(
            "SELECT extname AS name FROM pg_extension "
            "WHERE extname NOT IN (SELECT name FROM pg_available_extensions) ORDER BY extname"
        ).fetchall()
        major = str(scalar(connection, "SELECT current_setting('server_version_num')::int / 10000"))
    missing = [row["name"] for row in rows]
    if not missing:
        return (Probe("extensions", Answer.PASSED, "all of the database's extensions are installed on this host"),)
    detail = f"{', '.join(missing)} not installed for PostgreSQL {major} on this host: install them to ask it all"
    return (Probe("extensions", Answer.UNPROVEN, detail),)


def database_bytes(url: Secret) -> int:
    """Of all databases of the server."""
    with connected(url) as connection:
        size = scalar(connection, "SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn")
    return int(str(size or 0))

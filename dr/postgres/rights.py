"""Who there is and who may what, in words that can be compared with what was there before."""

from __future__ import annotations

import re

from dr.catalog.expected import Rights
from dr.postgres.connection import Connection
from dr.postgres.queries import query

_NAME = r'("(?:[^"]|"")+"|[^\s";]+)'
_ROLE = re.compile(rf"^CREATE ROLE {_NAME};$", re.MULTILINE)
_MEMBER = re.compile(rf"^GRANT {_NAME} TO {_NAME}(?: WITH [^;]*)?(?: GRANTED BY [^;]*)?;$", re.MULTILINE)


def rights(connection: Connection) -> Rights:
    """Roles and memberships of the cluster, grants of this database."""
    rows = connection.execute(query("roles")).fetchall()
    grants = connection.execute(query("grants")).fetchall()
    return Rights(
        roles=tuple(row["name"] for row in rows if row["kind"] == "role"),
        memberships=tuple(row["name"] for row in rows if row["kind"] == "membership"),
        grants=tuple(row["line"] for row in grants),
    )


def rights_in(globals_: str) -> Rights:
    r"""Roles and memberships that the globals of a dump make. Grants on objects are in the dump itself.

    >>> rights_in('CREATE ROLE app;\nGRANT "My Group" TO app WITH INHERIT TRUE GRANTED BY postgres;\n')
    Rights(roles=('app',), memberships=('app in My Group',), grants=None)
    """
    roles = tuple(sorted(_plain(name) for name in _ROLE.findall(globals_)))
    members = {f"{_plain(member)} in {_plain(group)}" for group, member in _MEMBER.findall(globals_)}
    return Rights(roles, tuple(sorted(item for item in members if not item.startswith("pg_"))), None)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name

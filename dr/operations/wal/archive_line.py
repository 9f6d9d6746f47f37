"""The archive_command for a server whose WAL is archived into the spool: one line of plain sh.

PostgreSQL may archive a file twice, and takes 0 for a promise. So the line answers 0 only when the file lies in the
spool, whole and flushed, under its name; the same file again is fine, another one under the same name is refused. The
copy gets its name last, so that nothing half-copied is ever shipped. It needs no program but those of coreutils.
"""

from __future__ import annotations

import shlex

from dr.configuration.model import System
from dr.errors import ConfigurationError


def archive_line(system: System) -> str:
    """The text for ``archive_command``, to be put between single quotes in postgresql.conf by ``ALTER SYSTEM``.

    Raises ``ConfigurationError`` for a spool whose path PostgreSQL's placeholders would change.
    """
    spool = str(system.wal_spool.absolute())
    if "\n" in spool:
        raise ConfigurationError(f"the WAL spool {spool!r} cannot be an archive's place", hint="Name another.")
    place = shlex.quote(spool).replace("%", "%%")
    return (
        f"d={place}; umask 077; "
        'if [ -e "$d/%f" ]; then cmp -s "%p" "$d/%f" && sync "$d/%f" "$d"; '
        'else t="$d/%f.$$.dr-copy"; '
        'cp "%p" "$t" && sync "$t" && ln -T "$t" "$d/%f" && rm -f "$t" && sync "$d" '
        '|| { rm -f "$t"; exit 1; }; fi'
    )


def archive_settings(system: System) -> tuple[str, ...]:
    """The statements that switch archiving on; archive_mode takes a restart of the server."""
    line = archive_line(system).replace("'", "''")
    return (
        "ALTER SYSTEM SET archive_mode = 'on';",
        f"ALTER SYSTEM SET archive_command = '{line}';",
        "ALTER SYSTEM SET archive_timeout = '60s';",
    )

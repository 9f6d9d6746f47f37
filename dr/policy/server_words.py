"""What PostgreSQL's own words tell of its data: damaged, or merely not there yet. Pure."""

from __future__ import annotations

import re

_DAMAGE = re.compile(
    r"invalid page in block \d+|\d+ invalid pages among blocks|page verification failed|could not read block \d+"
    r"|could not locate a valid checkpoint record|invalid (?:primary )?checkpoint record"
    r"|could not open file \"(?:global|base|pg_xact|pg_multixact)/[^\"]*\": No such file"
    r"|could not access status of transaction|incorrect checksum in control file"
    # A full disk makes it panic too, and damages nothing.
    r"|PANIC: (?!.*No space left).*"
    r"|missing chunk number \d+ for toast value|unexpected zero page|is not a valid data directory",
)
_STARTING = re.compile(r"the database system is (?:starting up|in recovery mode|not yet accepting connections)")
_MISSING = re.compile(r"FATAL: +(?:database|role) \".*\" does not exist")
_BEGIN = "starting PostgreSQL"


def corruption_in(text: str) -> str:
    """The first words that tell of damaged data; empty where none do.

    >>> corruption_in('ERROR:  invalid page in block 7 of relation "base/5/16384"')
    'invalid page in block 7'
    """
    found = _DAMAGE.search(text)
    return found[0] if found else ""


def is_starting(text: str) -> bool:
    """Whether the server says that it is there and only has to finish its recovery."""
    return _STARTING.search(text) is not None


def is_missing(text: str) -> bool:
    """Whether the server is there, and the database or the role that is asked for is not.

    >>> is_missing('FATAL:  database "shop" does not exist')
    True
    """
    return _MISSING.search(text) is not None


def since_last_start(log: str) -> str:
    """The part of a server's log that speaks of the server as it is now.

    >>> since_last_start("PANIC:  old\\nLOG:  starting PostgreSQL 17\\nLOG:  ready")
    'starting PostgreSQL 17\\nLOG:  ready'
    """
    place = log.rfind(_BEGIN)
    return log if place < 0 else log[place:]

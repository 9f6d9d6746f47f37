"""PostgreSQL's own words tell damage from what merely takes time or space."""

from __future__ import annotations

import pytest

from dr.policy.server_words import corruption_in, is_missing, is_starting, since_last_start


@pytest.mark.parametrize(
    "text",
    [
        'ERROR:  invalid page in block 7 of relation "base/5/16384"',
        'ERROR:  3 invalid pages among blocks 5..7 of relation "base/5/16384"',
        "WARNING:  page verification failed, calculated checksum 1 but expected 2",
        "PANIC:  could not locate a valid checkpoint record at 0/1500060",
        "LOG:  invalid checkpoint record",
        'FATAL:  could not open file "global/pg_filenode.map": No such file or directory',
        "ERROR:  could not access status of transaction 772",
        'ERROR:  could not read block 3 in file "base/5/16384": Input/output error',
        "ERROR:  missing chunk number 0 for toast value 16401",
        "FATAL:  incorrect checksum in control file",
    ],
)
def test_damage(text):
    """Each of these means that data is not what it was."""
    assert corruption_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "FATAL:  the database system is starting up",
        'PANIC:  could not write to file "pg_wal/xlogtemp.7": No space left on device',
        "ERROR:  duplicate key value violates unique constraint",
        "FATAL:  password authentication failed for user",
        'LOG:  could not open file "pg_wal/archive_status/0001.ready": Permission denied',
        "",
    ],
)
def test_no_damage(text):
    """A full disk, a wrong password, a slow start: nothing is damaged."""
    assert corruption_in(text) == ""


def test_a_server_that_is_coming_says_so():
    """It may take minutes, and needs nobody."""
    assert is_starting("FATAL:  the database system is starting up")
    assert is_starting("FATAL:  the database system is in recovery mode")
    assert not is_starting("connection refused")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('FATAL:  database "shop" does not exist', True),
        ('FATAL: database "the "old" shop" does not exist DETAIL: It seems to have just been dropped.', True),
        ('FATAL:  role "app" does not exist', True),
        ('FATAL:  password authentication failed for user "app"', False),
        ('ERROR:  relation "orders" does not exist', False),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "app", database "shop", no encryption', False),
    ],
)
def test_what_is_missing_is_told_from_what_refuses(text, missing):
    """A database or a role that is not there lets nobody in; a wrong password may be ours alone."""
    assert is_missing(text) is missing


def test_what_was_damaged_before_the_last_start_is_history():
    """A server that was recovered in place keeps its old log."""
    log = "PANIC:  invalid checkpoint record\nLOG:  starting PostgreSQL 17.2\nLOG:  ready\n"

    assert corruption_in(since_last_start(log)) == ""
    assert corruption_in(log)

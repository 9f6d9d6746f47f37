"""What psql says while a dump is restored, judged (I13), and globals fitted to a server that has some already."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.errors import RecoveryFailed, StoreFull
from dr.pipeline.messages import DROPPED
from dr.pipeline.process import Exit
from dr.postgres.sql_restore import (
    check_psql,
    fit_header,
    in_place_tablespaces,
    split_globals,
    unexplained_errors,
    without_existing_roles,
)

THERE_ALREADY = 'ERROR:  42710: role "postgres" already exists\nLOCATION:  CreateRole, user.c:374\n'
REFUSED = "ERROR:  42501: permission denied to create role\nLOCATION:  CreateRole, user.c:318\n"
_STATE = re.compile(r"^\w+:  [0-9A-Z]{5}: ", re.MULTILINE)
CLUSTER = """--
-- PostgreSQL database cluster dump
--

CREATE ROLE app;
ALTER ROLE app WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';
CREATE ROLE app_owner;
ALTER ROLE app_owner WITH NOLOGIN;
CREATE ROLE "Größe 1";
ALTER ROLE "Größe 1" WITH LOGIN;
ALTER ROLE app SET work_mem TO '64MB';
GRANT app_owner TO app GRANTED BY postgres;

CREATE TABLESPACE fast OWNER app LOCATION '/srv/it''s fast';

--
-- PostgreSQL database cluster dump complete
--
"""
DATABASE = "--\n-- PostgreSQL database dump\n--\n\nCREATE DATABASE main WITH TEMPLATE = template0;\n"


def _exit(status: int, stderr: str = "") -> Exit:
    return Exit("psql", status, stderr, 0.1, 0.1)


@pytest.mark.incident("I13")
@pytest.mark.parametrize("place", ["", "psql:<stdin>:14: "], ids=["reading a pipe", "reading a file"])
@pytest.mark.parametrize(
    "status, stderr",
    [
        (0, REFUSED),
        (0, THERE_ALREADY + REFUSED),
        (0, "FEHLER:  42501: keine Berechtigung, um Rolle zu erzeugen\n"),
        (0, "ОШИБКА:  42P01: отношение не существует\n"),
        (0, "FATAL:  57P01: terminating connection due to administrator command\n"),
        (0, THERE_ALREADY + DROPPED + THERE_ALREADY),
        (1, ""),
        (2, 'psql: error: connection to server at "db" failed: Connection refused\n'),
        (2, "psql:<stdin>:3: error: connection to server was lost\n"),
        (3, "ERROR:  42704: extension does not exist\n"),
        (-9, ""),
    ],
)
def test_a_restore_that_was_not_clean_is_no_success(place, status, stderr):
    """An error in any language, a lost connection, a killed psql, and what was too long to be kept.

    psql says where a statement stands only when it reads a file.
    """
    with pytest.raises(RecoveryFailed, match="restoring the globals failed") as caught:
        check_psql(_exit(status, _STATE.sub(rf"{place}\g<0>", stderr)), "the globals")

    assert caught.value.detail
    assert caught.value.hint


@pytest.mark.parametrize(
    "stderr",
    [
        "",
        THERE_ALREADY,
        'FEHLER:  42710: Rolle »postgres« existiert bereits\n',
        'ERROR:  42P04: database "main" already exists\n',
        'NOTICE:  00000: role "app" has already been granted membership in role "b" by role "postgres"\n',
        "WARNING:  01000: there is no transaction in progress\n",
        "NOTICE:  02000: nothing to do\n",
    ],
)  # fmt: skip
def test_what_a_new_server_always_has_is_expected(stderr):
    """A drill that cries wolf is switched off (I27)."""
    assert unexplained_errors(stderr) == []
    check_psql(_exit(0, stderr), "the globals")


def test_every_unexplained_error_is_told():
    """As PostgreSQL said it, the first few of them."""
    with pytest.raises(RecoveryFailed) as caught:
        check_psql(_exit(0, THERE_ALREADY + REFUSED), "the globals")

    assert "permission denied to create role" in caught.value.detail
    assert "already exists" not in caught.value.detail


def test_a_full_target_is_told_as_such():
    """Not as a backup that cannot be restored."""
    stderr = "ERROR:  53100: could not extend file: No space left on device\nHINT:  Check free disk space.\n"
    with pytest.raises(StoreFull, match="no space left for database main") as caught:
        check_psql(_exit(3, stderr), "database main")

    assert "unharmed" in caught.value.hint


def test_missing_tablespace_directories_have_a_hint_of_their_own():
    """Restoring elsewhere, the original's paths do not exist."""
    stderr = 'ERROR:  58P01: directory "/srv/fast" does not exist\n'
    with pytest.raises(RecoveryFailed) as caught:
        check_psql(_exit(0, stderr), "the globals")

    assert "tablespaces" in caught.value.hint


def test_globals_split_into_the_cluster_and_the_database():
    """Roles must be there before the database that belongs to one."""
    roles, database = split_globals(CLUSTER + DATABASE)

    assert "CREATE ROLE app;" in roles
    assert "CREATE DATABASE" not in roles
    assert "CREATE DATABASE main" in database
    assert split_globals(CLUSTER) == (CLUSTER, "")


def test_roles_that_the_target_has_keep_their_own_passwords_and_rights():
    """They are neither made nor altered; all others are, and memberships are granted."""
    left = without_existing_roles(CLUSTER, {"app", '"Größe 1"', "postgres"})

    assert "CREATE ROLE app;" not in left
    assert "ALTER ROLE app " not in left
    assert "Größe" not in left
    assert "CREATE ROLE app_owner;" in left
    assert "ALTER ROLE app_owner WITH NOLOGIN;" in left
    assert "GRANT app_owner TO app" in left
    assert without_existing_roles(CLUSTER, set()) == CLUSTER


def test_a_setting_of_several_lines_goes_with_its_role():
    """Half a statement would swallow everything behind it."""
    text = "ALTER ROLE app SET app.motto TO 'one\ntwo';\nCREATE ROLE other;\n"

    assert without_existing_roles(text, {"app"}) == "CREATE ROLE other;\n"


def test_a_sandbox_never_touches_the_originals_tablespace_paths():
    """Whatever the path, quotes included; nothing else changes."""
    changed = in_place_tablespaces(CLUSTER)

    assert "CREATE TABLESPACE fast OWNER app LOCATION '';" in changed
    assert changed.replace("LOCATION ''", "LOCATION '/srv/it''s fast'") == CLUSTER


HEADER = (
    b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nSET transaction_timeout = 0;\n"
    b"SET client_encoding = 'UTF8';\n\n--\n-- Name: users; Type: TABLE; Schema: public; Owner: app\n--\n\n"
    b"COPY public.users (t) FROM stdin;\nSET transaction_timeout = 0;\n\\.\n"
)
KNOWN = {"statement_timeout", "client_encoding"}


def test_settings_that_an_older_server_does_not_know_are_left_out_of_the_header():
    """A dump by a newer pg_dump loads into an older server; data that looks like a setting stays."""
    fitted = fit_header(HEADER, KNOWN)

    assert b"SET statement_timeout = 0;\nSET client_encoding" in fitted
    assert fitted.count(b"transaction_timeout") == 1
    assert fitted.endswith(HEADER[HEADER.index(b"\n--\n-- Name:") :])
    assert fit_header(HEADER, {*KNOWN, "transaction_timeout"}) == HEADER


@given(st.binary(max_size=200))
def test_what_is_no_header_passes_unchanged(chunk):
    """Only lines that set something are ever left out."""
    if b"SET " not in chunk:
        assert fit_header(chunk, set()) == chunk

"""Healthy databases that are unusual: a drill that cries wolf is switched off, so not one of them may be red (I27)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import PostgresSettings
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from dr.postgres.connection import connected
from dr.postgres.installations import Installation, installed, server_for
from tests.integration.drill.conftest import MAJORS
from tests.integration.drill.site import Production, answers, drill, production

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow, pytest.mark.incident("I27")]

AWKWARD: dict[str, str] = {
    "no tables": "DROP TABLE moments",
    "public dropped": "DROP SCHEMA public CASCADE",
    "roles with odd names": """
        CREATE ROLE "a; DROP TABLE x; --" LOGIN;
        CREATE ROLE "quote""d 'both'" NOLOGIN;
        CREATE ROLE "Überraschung" NOLOGIN;
        CREATE TABLE owned (id int);
        ALTER TABLE owned OWNER TO "a; DROP TABLE x; --";
        GRANT SELECT ON owned TO "quote""d 'both'", "Überraschung";
    """,
    "tables with odd names": """
        CREATE SCHEMA "Sch ema";
        CREATE TABLE "Sch ema"."t.a b;""l" ("col umn" int, "Größe" text);
        INSERT INTO "Sch ema"."t.a b;""l" VALUES (1, E'tab\\t and \\\\. and\\nline');
        CREATE TABLE "COPY x FROM stdin;" (id int);
        INSERT INTO "COPY x FROM stdin;" VALUES (1);
    """,
    "partitioned": """
        CREATE TABLE parts (id int, day date NOT NULL) PARTITION BY RANGE (day);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY LIST (id);
        CREATE TABLE parts_2_1 PARTITION OF parts_2 FOR VALUES IN (1);
        INSERT INTO parts VALUES (1, '2026-01-05'), (1, '2026-02-05');
        CREATE INDEX ON parts (id);
    """,
    "unlogged": "CREATE UNLOGGED TABLE u AS SELECT g AS id FROM generate_series(1, 1000) g; CREATE INDEX ON u (id)",
    "no columns, no rows, generated, identity": """
        CREATE TABLE nothing ();
        INSERT INTO nothing DEFAULT VALUES;
        CREATE TABLE made (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED ALWAYS AS IDENTITY);
        INSERT INTO made (a) SELECT g FROM generate_series(1, 10) g;
        CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM made;
        CREATE MATERIALIZED VIEW unseen AS SELECT count(*) FROM made WITH NO DATA;
        CREATE TABLE heir () INHERITS (made);
        INSERT INTO heir (a, c) VALUES (1, 1);
    """,
    "rows of very different lengths": """
        CREATE TABLE uneven (id int, note text);
        ALTER TABLE uneven ALTER note SET STORAGE PLAIN;
        INSERT INTO uneven SELECT g, repeat('x', CASE WHEN g % 3 = 0 THEN 5000 ELSE g % 200 END)
        FROM generate_series(1, 3000) g;
        DELETE FROM uneven WHERE id % 5 = 0;
        UPDATE uneven SET note = note || 'y' WHERE id % 7 = 0;
    """,
    "row security forced": """
        CREATE TABLE secret (id int);
        INSERT INTO secret VALUES (1), (2);
        ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
        ALTER TABLE secret FORCE ROW LEVEL SECURITY;
        CREATE POLICY none ON secret USING (false);
    """,
    "settings that stop people": """
        DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
            EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''1ms''', current_database());
            EXECUTE format('ALTER DATABASE %I SET search_path = nowhere', current_database());
            EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
            EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
        END $$;
    """,
    "an invalid index, a disabled trigger, a rule": """
        CREATE TABLE indexed (id int);
        INSERT INTO indexed VALUES (1), (1);
        CREATE INDEX broken ON indexed (id);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass;
        CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER stop BEFORE INSERT ON indexed FOR EACH ROW EXECUTE FUNCTION nothing();
        CREATE RULE never AS ON DELETE TO indexed DO INSTEAD NOTHING;
    """,
    "an event trigger that forbids everything": """
        CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no DDL here'; END $$;
        CREATE EVENT TRIGGER forbidden ON ddl_command_start EXECUTE FUNCTION forbid();
    """,
    "a prepared transaction": "CREATE TABLE held (id int)",
}
NEEDING = """
CREATE EXTENSION dr_only_there;
CREATE TABLE t (v only_there);
INSERT INTO t VALUES ('x');
"""
PREPARED = "BEGIN; INSERT INTO held VALUES (1); PREPARE TRANSACTION 'left behind'"


def _made(name: str, directory: Path) -> Iterator[Production]:
    with production(directory, server_for(MAJORS[-1]), content=AWKWARD[name], canary_alive=False) as made:
        if name == "a prepared transaction":
            with connected(made.origin.server.url) as connection:
                connection.execute(PREPARED.encode())
        made.back_up(busy=False)
        yield made


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_database_is_not_red(name: str, tmp_path: Path) -> None:
    """By every method, whatever there is in it: green, and nothing failed."""
    with contextmanager(_made)(name, tmp_path) as made:
        for method in Method:
            record = drill(made.system, DrillRequest(method=method, target="latest"))
            assert record.verdict == Verdict.RECOVERABLE, (method, record.reasons)
            assert "FAILED" not in answers(record).values()


def test_a_database_without_a_canary_is_not_red(tmp_path: Path) -> None:
    """What it would have told is said to be unknown."""
    with production(tmp_path, server_for(MAJORS[-1]), canary_alive=False) as made:
        made.back_up(busy=False)
        record = drill(made.system, DrillRequest(method=Method.LOGICAL))

    assert record.verdict == Verdict.RECOVERABLE, record.reasons
    assert answers(record)["canary"] == "not proven"
    assert record.rpo_seconds is None


def test_five_thousand_tables(tmp_path: Path) -> None:
    """Each with an index and a row; every question is still asked of all of them."""
    many = """
    DO $$ BEGIN
        FOR n IN 1..5000 LOOP
            EXECUTE format('CREATE TABLE many_%s (id int PRIMARY KEY)', n);
            EXECUTE format('INSERT INTO many_%s VALUES (%s)', n, n);
            IF n % 500 = 0 THEN COMMIT; END IF;
        END LOOP;
    END $$;
    """
    with production(tmp_path, server_for(MAJORS[-1]), content=many) as made:
        made.back_up()
        for method in (Method.PHYSICAL, Method.LOGICAL):
            record = drill(made.system, DrillRequest(method=method, target="latest"))
            assert record.verdict == Verdict.RECOVERABLE, record.reasons


@pytest.fixture
def other_host(tmp_path: Path) -> Installation:
    """The programs of the newest major once more: what is installed into these, the drill's host does not have."""
    home = server_for(MAJORS[-1]).directory.parent
    copy = Path(shutil.copytree(home, tmp_path / home.parent.name / home.name, symlinks=True))
    for libraries in home.parent.parent.glob(f"{home.parent.name}.libs"):
        (tmp_path / libraries.name).symlink_to(libraries)  # where the wheel's programs look for them
    share = next(copy.rglob("plpgsql.control")).parent
    (share / "dr_only_there.control").write_text("default_version = '1.0'\nrelocatable = true\n")
    (share / "dr_only_there--1.0.sql").write_text("CREATE DOMAIN only_there AS text CHECK (VALUE <> '');\n")
    return installed((copy / "bin",))[0]


def test_an_extension_that_the_drills_host_lacks_is_told_as_such(other_host: Installation, tmp_path: Path) -> None:
    """A dump that needs it: inconclusive, with its name; the cluster's own copy: green, and what was not asked."""
    with production(tmp_path, other_host, content=NEEDING) as made:
        made.back_up()
        loaded = drill(made.system, DrillRequest(method=Method.LOGICAL))
        copied = drill(made.system, DrillRequest(target="latest"))
        there = replace(
            made.system, postgres=PostgresSettings(made.system.postgres.url, bin_directories=(other_host.directory,))
        )
        whole = drill(there, DrillRequest(method=Method.LOGICAL))

    assert loaded.verdict == Verdict.INCONCLUSIVE, loaded.reasons
    assert "dr_only_there" in loaded.reasons[0]
    assert "install" in loaded.reasons[0]
    assert copied.verdict == Verdict.RECOVERABLE, copied.reasons
    assert answers(copied)["extensions"] == "not proven"
    assert whole.verdict == Verdict.RECOVERABLE, whole.reasons


def test_a_tablespace_goes_into_the_copy_and_not_to_the_originals_path(tmp_path: Path) -> None:
    """The original may run on this very host: its directory is not touched."""
    place = tmp_path / "space"
    place.mkdir(mode=0o700)
    with production(tmp_path, server_for(MAJORS[-1]), content="SELECT 1") as made:
        owner = made.origin.server.data_directory.stat()
        shutil.chown(place, owner.st_uid, owner.st_gid)
        with connected(made.origin.server.url) as connection:
            connection.execute(f"CREATE TABLESPACE aside LOCATION '{place}'".encode())
            connection.execute("CREATE TABLE there (id int) TABLESPACE aside")
            connection.execute("INSERT INTO there VALUES (1)")
        made.back_up()
        before = sorted(path.name for path in place.rglob("*"))
        for method in Method:
            record = drill(made.system, DrillRequest(method=method, target="latest"))
            assert record.verdict == Verdict.RECOVERABLE, (method, record.reasons)
        assert sorted(path.name for path in place.rglob("*")) == before

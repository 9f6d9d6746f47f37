"""Each question about the database fails when its thing is broken on purpose, and only that one; on every major."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.canary import Beat
from dr.catalog.expected import Expected
from dr.catalog.manifest import TableRows
from dr.configuration.procedures.recovery import RecoverySettings
from dr.operations.measure_loss import note_position
from dr.policy.recovered_state import Said, State
from dr.postgres.canary import last_beat
from dr.postgres.connection import connected
from tests.integration.verify_recovery.shop import asked, failed, finding, said, with_procedures
from tests.integration.wal.plant import Site

MEND_DATABASE = (
    "UPDATE pg_database AS d SET datcollversion = t.datcollversion FROM pg_database AS t"
    " WHERE t.datname = 'template1' AND d.datname = 'postgres'"
)
BREAKS = [
    pytest.param(
        "tables",
        ("ALTER TABLE invoices RENAME TO gone",),
        ("ALTER TABLE gone RENAME TO invoices",),
        "public.invoices",
        id="a table is missing",
    ),
    pytest.param(
        "tables",
        ("ALTER TABLE lines RENAME TO gone",),
        ("ALTER TABLE gone RENAME TO lines",),
        "public.lines",
        id="a partitioned table is missing",
    ),
    pytest.param(
        "rows",
        ("CREATE TABLE aside AS SELECT * FROM invoices WHERE total = 7", "DELETE FROM invoices WHERE total = 7"),
        ("INSERT INTO invoices SELECT * FROM aside", "DROP TABLE aside"),
        "public.invoices has 19 rows, 20 were there",
        id="one row is missing",
    ),
    pytest.param(
        "sequences",
        ("SELECT setval('customers_id_seq', 299)",),
        ("SELECT setval('customers_id_seq', 300)",),
        "public.customers_id_seq gives 300 next, and public.customers.id has 300",
        id="a serial stands behind",
    ),
    pytest.param(
        "sequences",
        ("ALTER TABLE orders ALTER COLUMN id RESTART WITH 1",),
        ("SELECT setval('orders_id_seq', 1000)",),
        "public.orders_id_seq gives 1 next",
        id="an identity stands behind",
    ),
    pytest.param(
        "sequences",
        ("SELECT setval('invoice_number', 4910)",),
        ("SELECT setval('invoice_number', 4905)",),
        "public.invoice_number gives 4905 next, and public.invoices.number has 4905",
        id="a falling sequence of a default stands behind",
    ),
    pytest.param(
        "indexes and constraints",
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_note'::regclass",),
        ("REINDEX INDEX orders_note",),
        "index public.orders_note is not valid",
        id="an index is invalid",
    ),
    pytest.param(
        "indexes and constraints",
        (
            "ALTER TABLE orders DROP CONSTRAINT of_customer",
            "ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID",
        ),
        ("ALTER TABLE orders VALIDATE CONSTRAINT of_customer",),
        "constraint public.orders: of_customer is not valid",
        id="a constraint was never checked",
    ),
    pytest.param(
        "indexes and constraints",
        ("REFRESH MATERIALIZED VIEW totals WITH NO DATA",),
        ("REFRESH MATERIALIZED VIEW totals",),
        "materialized view public.totals is not valid",
        id="a materialized view is empty",
    ),
    pytest.param(
        "collations",
        ("UPDATE pg_database SET datcollversion = '1' WHERE datname = 'postgres'",),
        (MEND_DATABASE,),
        "database postgres was sorted by version 1",
        id="the database was sorted by another version",
    ),
    pytest.param(
        "collations",
        (
            'CREATE TABLE words (word text COLLATE "POSIX")',
            "UPDATE pg_collation SET collversion = '1' WHERE collname = 'POSIX'",
        ),
        ("DROP TABLE words", "UPDATE pg_collation SET collversion = NULL WHERE collname = 'POSIX'"),
        "was sorted by version 1",
        id="a column was sorted by another version",
    ),
    pytest.param(
        "roles and grants",
        ("REVOKE office FROM clerk",),
        ("GRANT office TO clerk",),
        "clerk in office",
        id="a membership is missing",
    ),
    pytest.param(
        "roles and grants",
        ("REVOKE SELECT ON orders FROM office",),
        ("GRANT SELECT ON orders TO office",),
        "public.orders: office may SELECT",
        id="a grant is missing",
    ),
    pytest.param(
        "roles and grants",
        ("ALTER ROLE clerk RENAME TO someone",),
        ("ALTER ROLE someone RENAME TO clerk",),
        "role clerk",
        id="a role is missing",
    ),
]


def test_a_whole_system_is_recovered(any_shop: Site, any_before: Expected) -> None:
    """Nothing fails, nothing is left open, and what is not configured is said to be not asked."""
    found = asked(any_shop.system, any_before)

    assert found.judged.state is State.RECOVERED, found.judged.reasons
    assert {item.name for item in found.findings if item.said is Said.NOT_ASKED} == {
        "application", "redis", "certificates", "files", "jobs", "erased people",
    }  # fmt: skip
    assert {phase.name for phase in found.phases} >= {"database answers", "rows", "sequences"}


@pytest.mark.incident("I13")
@pytest.mark.parametrize(("question", "broken", "mended", "told"), BREAKS)
def test_what_is_broken_fails_and_nothing_else_does(
    any_shop: Site,
    any_before: Expected,
    question: str,
    broken: tuple[str, ...],
    mended: tuple[str, ...],
    told: str,
) -> None:
    """The one question names what is wrong and how it is mended."""
    any_shop.plant.execute(*broken)
    try:
        found = asked(any_shop.system, any_before)
    finally:
        any_shop.plant.execute(*mended)

    assert told in finding(found, question).detail
    assert finding(found, question).mend
    assert failed(found) == {question}


def test_mended_all_of_it_passes_again(any_shop: Site, any_before: Expected) -> None:
    """What was broken above leaves nothing behind that the verification would call wrong."""
    found = asked(any_shop.system, any_before)

    assert found.judged.state is State.RECOVERED, found.judged.reasons


def test_rows_may_grow_and_shrink_as_far_as_is_said(shop: Site, before: Expected) -> None:
    """More rows are no finding; fewer are none as long as somebody said how many may be gone."""
    shop.plant.execute("INSERT INTO customers (name) VALUES ('new')")
    more = asked(shop.system, before)
    shop.plant.execute("CREATE TABLE aside AS SELECT * FROM invoices", "DELETE FROM invoices WHERE total > 18")
    try:
        allowed = asked(shop.system, replace(before, shrink_percent=10))
        not_allowed = asked(shop.system, replace(before, shrink_percent=9))
    finally:
        shop.plant.execute("TRUNCATE invoices", "INSERT INTO invoices SELECT * FROM aside", "DROP TABLE aside")

    assert said(more, "rows") is Said.PASSED
    assert said(allowed, "rows") is Said.PASSED
    assert said(not_allowed, "rows") is Said.FAILED


def test_an_unlogged_table_that_a_crash_emptied_is_told_and_no_failure(shop: Site, before: Expected) -> None:
    """PostgreSQL empties it in every recovery, as it promises."""
    shop.plant.execute("TRUNCATE hits")
    try:
        found = asked(shop.system, before)
    finally:
        shop.plant.execute("INSERT INTO hits VALUES (1), (2)")

    assert said(found, "rows") is Said.PASSED
    assert "public.hits" in finding(found, "unlogged tables").detail


def test_flaws_from_before_are_nobodys_loss(shop: Site, before: Expected) -> None:
    """A constraint that was never checked before either does not make a recovery red."""
    shop.plant.execute("ALTER TABLE invoices ADD CONSTRAINT positive CHECK (total > 0) NOT VALID")
    try:
        now = asked(shop.system, replace(before, flaws=("constraint public.invoices: positive",)))
        without = asked(shop.system, before)
    finally:
        shop.plant.execute("ALTER TABLE invoices DROP CONSTRAINT positive")

    assert said(now, "indexes and constraints") is Said.PASSED
    assert "as before" in finding(now, "indexes and constraints").detail
    assert said(without, "indexes and constraints") is Said.FAILED


def test_nothing_known_of_before_is_not_green(shop: Site) -> None:
    """Without anything to compare with, that all tables are there is open, and the hint says what to do."""
    found = asked(shop.system)

    assert found.judged.state is State.UNPROVEN
    assert said(found, "tables") is Said.UNPROVEN
    assert "--against" in finding(found, "tables").mend


def test_a_missing_extension_and_one_of_another_version_fail(shop: Site, before: Expected) -> None:
    """By name and version."""
    gone = asked(shop.system, replace(before, extensions={"plpgsql": "1.0", "postgis": "3.4"}))
    other = asked(shop.system, replace(before, extensions={"plpgsql": "0.9"}))

    assert "postgis 3.4 is missing" in finding(gone, "extensions").detail
    assert failed(gone) == {"extensions"}
    assert "plpgsql is 1.0, was 0.9" in finding(other, "extensions").detail


def test_counting_that_is_not_done_in_time_is_left_open(shop: Site, before: Expected) -> None:
    """A table that somebody has locked is not called whole: it is named, and the rest is counted."""
    with connected(shop.plant.url, autocommit=False) as other:
        other.execute("LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE")
        found = asked(shop.system, before, seconds=1.0)
        other.rollback()

    assert said(found, "rows counted") is Said.UNPROVEN
    assert "public.invoices" in finding(found, "rows counted").detail
    assert said(found, "rows") is Said.PASSED
    assert found.judged.state is not State.RECOVERED


def test_the_canary_is_read_before_a_row_of_ours_is_the_newest(shop: Site, before: Expected) -> None:
    """What it tells is the last row from before, and a real row is committed."""
    last = shop.plant.scalar("SELECT max(seq) FROM dr_canary")
    found = asked(shop.system, before)

    assert finding(found, "canary").detail.startswith(f"{last} of ")
    assert found.loss is not None
    assert shop.plant.scalar("SELECT max(seq) FROM dr_canary") == str(int(last) + 1)


def test_a_row_of_our_own_is_not_taken_for_what_was_restored(shop: Site, before: Expected) -> None:
    """The first verification measures the loss; the second finds the first one's row, and measures nothing."""
    shop.plant.execute("UPDATE dr_canary SET committed_at = now() - interval '600 seconds'")
    with connected(shop.plant.url) as connection:
        restored = last_beat(connection)
    assert restored is not None
    note_position(shop.system, Beat(restored.seq + 600, restored.committed_at + timedelta(seconds=600)))
    first, second = asked(shop.system, before).loss, asked(shop.system, before).loss

    assert first is not None
    assert (first.seconds, first.measured) == (600, True)
    assert second is not None
    assert (second.seconds, second.measured) == (None, False)
    assert "not measured" in second.explanation


def test_of_estimates_far_fewer_rows_are_left_open(shop: Site, before: Expected) -> None:
    """Both figures are told; as many as about there were pass, and nobody says that they were compared exactly."""
    about = replace(before, exact=False)
    few = asked(shop.system, replace(about, tables=(TableRows("public.orders", 1_000_000),)))
    enough = asked(shop.system, replace(about, tables=(TableRows("public.orders", 2000),)))

    assert said(few, "rows") is Said.UNPROVEN
    assert "public.orders has 1000 rows, about 1000000 were there" in finding(few, "rows").detail
    assert few.judged.state is State.UNPROVEN
    assert said(enough, "rows") is Said.PASSED
    assert "estimates at 1000 or more has less than half" in finding(enough, "rows").detail


def test_roles_that_cannot_be_compared_are_left_open(shop: Site, before: Expected) -> None:
    """The globals of a dump whose key is not here; of a base backup, which has none, nothing was to be asked."""
    unread = asked(shop.system, replace(before, rights=None, notes=("roles are not compared: no key",)))
    unknown = asked(shop.system, replace(before, rights=None))

    assert said(unread, "roles and grants") is Said.UNPROVEN
    assert "roles are not compared: no key" in finding(unread, "roles and grants").detail
    assert finding(unread, "roles and grants").mend
    assert said(unknown, "roles and grants") is Said.NOT_ASKED


def test_a_canary_that_this_host_remembers_and_the_database_has_not_fails(shop: Site, before: Expected) -> None:
    """Its rows are gone: this is another database, or an old one."""
    note_position(shop.system, Beat(77, datetime.now(UTC)))
    shop.plant.execute("ALTER TABLE dr_canary RENAME TO aside")
    try:
        found = asked(shop.system, before)
    finally:
        shop.plant.execute("DROP TABLE dr_canary", "ALTER TABLE aside RENAME TO dr_canary")

    assert "row 77" in finding(found, "canary").detail
    assert said(found, "canary") is Said.FAILED


@pytest.mark.parametrize("wanted", ["paused", "running"])
def test_jobs_in_the_wrong_state_fail_either_way(shop: Site, before: Expected, wanted: str) -> None:
    """A subscription that is enabled where jobs are to be paused, and one that is not where they are to run."""
    other = {"paused": "ENABLE", "running": "DISABLE"}[wanted]
    right = {"paused": "DISABLE", "running": "ENABLE"}[wanted]
    system = with_procedures(shop.system, recovery=RecoverySettings(jobs=wanted))
    shop.plant.execute(
        "CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p"
        " WITH (connect = false, slot_name = 'feed')"
    )
    try:
        shop.plant.execute(f"ALTER SUBSCRIPTION feed {other}")
        wrong = asked(system, before)
        shop.plant.execute(f"ALTER SUBSCRIPTION feed {right}")
        good = asked(system, before)
    finally:
        shop.plant.execute(
            "ALTER SUBSCRIPTION feed DISABLE",
            "ALTER SUBSCRIPTION feed SET (slot_name = NONE)",
            "DROP SUBSCRIPTION feed",
        )

    assert "subscription feed" in finding(wrong, "jobs").detail
    assert failed(wrong) == {"jobs"}
    assert said(good, "jobs") is Said.PASSED

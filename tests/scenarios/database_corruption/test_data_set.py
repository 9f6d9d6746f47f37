"""The data set holds what backups like to forget, and the comparison notices the loss of any of it (I37)."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.demo.baseline import LARGE_OBJECTS, Baseline, take_baseline
from dr.demo.checks import check_recovered
from dr.demo.estate import Estate, estate
from dr.errors import TargetRefused
from dr.postgres.connection import connected, with_database
from dr.secret import Secret

pytestmark = pytest.mark.slow


def _names(before: Baseline, kind: str) -> set[str]:
    return {fact.name for fact in before.facts if fact.kind == kind}


def _texts(before: Baseline, kind: str) -> str:
    return "\n".join(f"{fact.name} {fact.what}" for fact in before.facts if fact.kind == kind)


@pytest.mark.incident("I37")
def test_the_data_set_holds_all_that_backups_forget(before: Baseline) -> None:
    """Each of it is among what is compared afterwards."""
    relations = _texts(before, "relation")

    assert before.digests[LARGE_OBJECTS].rows == 50
    assert sum("FOR VALUES FROM" in line for line in relations.splitlines()) >= 24, "partitions"
    assert "fast_disk" in relations, "a table in a tablespace"
    assert "fast_disk" in _names(before, "tablespace")
    assert "shop.order_lines.total_cents" in _names(before, "column"), "a generated column"
    assert len(_names(before, "sequence")) >= 7
    owners = {
        fact.what.split()[2] for fact in before.facts if fact.kind == "relation" and fact.name.startswith("shop.")
    }
    assert owners == {"shop_owner", '"büro_münchen"'}, "owners that are no superusers"
    assert 'shop.Größen "XL" Übersicht' in before.digests, "a table with a name in need of quotes"
    assert 'shop.Größen "XL" Übersicht.日付' in _names(before, "column"), "a column in another script"
    assert before.unlogged == {"shop.sessions"}
    assert "shop.monthly_sales" in before.digests, "a materialized view"
    for kind in ("membership", "setting", "policy", "trigger", "function", "type", "comment", "constraint", "index"):
        assert _names(before, kind), kind
    assert all(item.rows for name, item in before.digests.items() if name.startswith("shop.orders_2") and item.rows)


def test_the_backup_role_is_no_superuser(place: Estate) -> None:
    """What the demo shows must work for people who give their backups no more rights than needed."""
    with connected(place.urls["backup"]) as connection:
        row = connection.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user").fetchone()

    assert row == {"rolsuper": False, "rolcreaterole": False}


def test_an_untouched_database_compares_equal(place: Estate, before: Baseline) -> None:
    """Otherwise every difference below would say nothing."""
    result = check_recovered(before, (), place.superuser_url)

    assert result.problems == ()
    assert result.passed


# Something that a backup could lose or change, and a word of the sentence that has to come.
LOSSES = {
    "UPDATE shop.tenants SET plan = 'basic' WHERE id = 3": "shop.tenants",
    "DELETE FROM shop.audit WHERE ctid = (SELECT max(ctid) FROM shop.audit)": "shop.audit",
    "INSERT INTO shop.audit SELECT * FROM shop.audit LIMIT 1": "shop.audit",
    """UPDATE shop."Größen ""XL"" Übersicht" SET "日付" = "日付" + 1 WHERE "größe" = 1""": 'shop.Größen "XL" Übersicht',
    "UPDATE shop.documents SET content = set_byte(content, 4000, 0) WHERE id = 7": "shop.documents",
    "SELECT lo_put((SELECT max(oid) FROM pg_largeobject_metadata), 2000, '\\x00')": "large objects",
    "SELECT lo_unlink((SELECT max(oid) FROM pg_largeobject_metadata))": "large objects",
    "DROP MATERIALIZED VIEW shop.monthly_sales": "shop.monthly_sales",
    "REFRESH MATERIALIZED VIEW shop.monthly_sales WITH NO DATA": "shop.monthly_sales",
    "DELETE FROM shop.sessions WHERE user_id = 1": "shop.sessions",
    "DROP TABLE shop.order_lines_other": "shop.order_lines_other",
    "CREATE TABLE shop.surplus ()": "shop.surplus",
    "SELECT setval('shop.users_id_seq', 5)": "sequence shop.users_id_seq",
    "SELECT setval('shop.invoice_number', 100000)": "sequence shop.invoice_number",
    "ALTER SEQUENCE shop.invoice_number INCREMENT 1": "sequence shop.invoice_number",
    "ALTER TABLE shop.audit OWNER TO postgres": "relation shop.audit",
    "ALTER TABLE shop.audit SET TABLESPACE pg_default": "relation shop.audit",
    "ALTER TABLE shop.orders DETACH PARTITION shop.orders_other": "relation shop.orders_other",
    "ALTER TABLE shop.sessions SET LOGGED": "relation shop.sessions",
    "ALTER TABLE shop.documents DISABLE ROW LEVEL SECURITY": "relation shop.documents",
    "DROP POLICY own_tenant ON shop.documents": "policy shop.documents own_tenant",
    "REVOKE SELECT ON shop.orders FROM reader": "relation shop.orders",
    "REVOKE SELECT (name) ON shop.attachments FROM reader": "column shop.attachments.name",
    "ALTER TABLE shop.order_lines ALTER total_cents DROP EXPRESSION": "column shop.order_lines.total_cents",
    "ALTER TABLE shop.users ALTER id DROP IDENTITY": "column shop.users.id",
    "DROP INDEX shop.users_active": "index shop.users_active",
    "ALTER TABLE shop.users DROP CONSTRAINT users_tenant_id_fkey": "constraint shop.users",
    "ALTER DOMAIN shop.email_address DROP CONSTRAINT email_address_check": "constraint shop.email_address",
    "ALTER TABLE shop.users DISABLE TRIGGER users_note_change": "trigger shop.users",
    "ALTER FUNCTION shop.note_change() SECURITY DEFINER": "function shop.note_change()",
    "ALTER TYPE shop.order_state ADD VALUE 'lost'": "type shop.order_state",
    "COMMENT ON TABLE shop.tenants IS NULL": "comment table shop.tenants",
    "COMMENT ON DATABASE trial IS 'other'": "comment database trial",
    "ALTER DATABASE trial SET work_mem = '5MB'": "setting",
    "ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA shop REVOKE SELECT ON TABLES FROM reader": "default rights",
}


@pytest.fixture(scope="module")
def trial(place: Estate) -> Secret:
    """The address of a copy of the shop, to be made anew for every trial."""
    return with_database(place.superuser_url, "trial")


def _renew(place: Estate) -> None:
    with connected(with_database(place.superuser_url, "postgres")) as connection:
        connection.execute("DROP DATABASE IF EXISTS trial")
        connection.execute("CREATE DATABASE trial TEMPLATE shop OWNER shop_owner")
        connection.execute("COMMENT ON DATABASE trial IS 'the shop'")


@pytest.fixture(scope="module")
def before_trial(place: Estate, trial: Secret) -> Baseline:
    """All that the copy holds."""
    _renew(place)
    return take_baseline(trial)


@pytest.mark.incident("I37")
@pytest.mark.parametrize("statement", LOSSES)
def test_each_loss_is_noticed(place: Estate, trial: Secret, before_trial: Baseline, statement: str) -> None:
    """One thing is taken away or changed, and the comparison names it."""
    _renew(place)
    with connected(trial) as connection:
        connection.execute(statement.encode())
    result = check_recovered(before_trial, (), trial)

    assert not result.passed
    assert any(LOSSES[statement] in problem for problem in result.problems), result.problems


@pytest.mark.parametrize(
    ("statement", "undo", "word"),
    [
        ("ALTER ROLE reader CONNECTION LIMIT 3", "ALTER ROLE reader CONNECTION LIMIT -1", "role reader"),
        ('REVOKE "büro_münchen" FROM shop_owner', 'GRANT "büro_münchen" TO shop_owner', "membership shop_owner"),
        ("ALTER TABLESPACE fast_disk OWNER TO postgres", "ALTER TABLESPACE fast_disk OWNER TO shop_owner", "fast_disk"),
        ("ALTER ROLE backup RESET lo_compat_privileges", "ALTER ROLE backup SET lo_compat_privileges = on", "setting"),
    ],
)
def test_each_loss_outside_the_database_is_noticed(
    place: Estate, before: Baseline, statement: str, undo: str, word: str
) -> None:
    """Roles, memberships and tablespaces belong to the cluster, and a database without them is not what it was."""
    with connected(place.superuser_url) as connection:
        connection.execute(statement.encode())
        try:
            result = check_recovered(before, (), place.superuser_url)
        finally:
            connection.execute(undo.encode())

    assert any(word in problem for problem in result.problems), result.problems


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    """Nobody's files are mixed with those of the demo."""
    (tmp_path / "something").touch()
    with pytest.raises(TargetRefused), estate(tmp_path):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["something"]


def test_a_quote_in_the_path_is_survived(tmp_path: Path) -> None:
    """PostgreSQL takes no tablespace there, and demos are run in any directory."""
    with estate(tmp_path / "joe's") as built, connected(built.superuser_url) as connection:
        row = connection.execute(
            "SELECT pg_tablespace_location(oid) AS place FROM pg_tablespace WHERE spcname = 'fast_disk'"
        ).fetchone()
        assert row is not None
        elsewhere = Path(row["place"])
        assert elsewhere.is_dir()

    assert not elsewhere.exists()

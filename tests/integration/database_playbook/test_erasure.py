"""People who asked to be forgotten stay forgotten, after a restore and after the loss of the host (I32)."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.erasure import ErasureSettings
from dr.demo.keys import KeyPair, key_pair
from dr.errors import ConfigurationError, RecoveryFailed
from dr.operations.erasure.erase import erase
from dr.operations.erasure.probe import erasure_probe
from dr.operations.erasure.re_erase import re_erase
from dr.policy.drill_verdict import Answer
from dr.postgres.connection import connected
from dr.secret import Secret
from tests.integration.conftest import TestServer

pytestmark = pytest.mark.incident("I32")

ERASING = """-- Orders stay, without whose they were.
UPDATE orders SET customer = NULL WHERE customer = :subject;
DELETE FROM customers WHERE id = :subject;
"""
CHECK = """SELECT 1 FROM customers WHERE id = :subject
UNION ALL SELECT 1 FROM orders WHERE customer = :subject"""


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyPair]:
    """A pair of keys of our own: deriving one from a passphrase takes longer than all the rest."""
    with key_pair() as pair:
        yield pair


@pytest.fixture
def shop(server: TestServer, small_database: str, tmp_path: Path, keys: KeyPair) -> System:
    """A database of people and their orders, two stores, and the statements."""
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "people.sql").write_text(ERASING)
    (tmp_path / "sql" / "people.check.sql").write_text(CHECK)
    url = server.server.url_for(small_database)
    with connected(url) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT i AS id, i % 100 + 1 AS customer FROM generate_series(1, 500) i"
        )
    return System(
        name="shop",
        postgres=PostgresSettings(url=url),
        stores=(
            StoreSettings("local", "local", path=tmp_path / "backups"),
            StoreSettings("second", "local", path=tmp_path / "second"),
        ),
        encryption=EncryptionSettings(recipients=(keys.fingerprint,), gnupg_home=keys.home),
        state_directory=tmp_path / "state",
        procedures=ProcedureSettings(
            erasure=ErasureSettings(ledger=tmp_path / "outside" / "ledger.jsonl", statements=tmp_path / "sql")
        ),
    )


def nowhere() -> StoreSettings:
    """A store that does not answer."""
    return StoreSettings(
        "cloud",
        "s3",
        bucket="none",
        endpoint_url="http://127.0.0.1:1",
        access_key_id="made-up",
        secret_access_key=Secret(secrets.token_hex(8)),
    )


def rows(system: System, customer: int) -> tuple[int, int]:
    """Of the customer himself, and orders that are his."""
    with connected(system.postgres.url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM customers WHERE id = %(c)s) AS people,"
            " (SELECT count(*) FROM orders WHERE customer = %(c)s) AS orders",
            {"c": customer},
        ).fetchone()
    assert row is not None
    return row["people"], row["orders"]


def restored(system: System, *customers: int) -> None:
    """What a restore of an older backup does: they are all back."""
    with connected(system.postgres.url) as connection:
        for customer in customers:
            connection.execute("INSERT INTO customers VALUES (%s, 'back again')", (customer,))
            connection.execute("UPDATE orders SET customer = %s WHERE id %% 100 + 1 = %s", (customer, customer))


def test_a_person_is_erased_now_and_again_after_a_restore(shop: System) -> None:
    """With the rows that refer to him; nobody else is touched."""
    done = erase(shop, "7", "DSR-17")
    gone = rows(shop, 7)
    restored(shop, 7)
    back = rows(shop, 7)

    again = re_erase(shop, shop.postgres.url)

    assert (done.rows, done.known, done.problems) == (6, False, ())
    assert gone == rows(shop, 7) == (0, 0)
    assert back == (1, 5)
    assert (again.subjects, again.rows) == (1, 6)
    assert rows(shop, 8) == (1, 5)


def test_the_ledger_survives_the_host(shop: System, tmp_path: Path) -> None:
    """Any one store is enough, and another host erases the same people."""
    erase(shop, "7")
    erase(shop, "9")
    shutil.rmtree(tmp_path / "outside")
    shutil.rmtree(tmp_path / "backups" / "shop" / "erasure")
    restored(shop, 7, 9)

    again = re_erase(shop, shop.postgres.url)

    assert again.subjects == 2
    assert rows(shop, 7) == rows(shop, 9) == (0, 0)


def test_no_copy_of_the_ledger_tells_who_was_erased(shop: System, tmp_path: Path) -> None:
    """Encrypted as every backup, under names that say nothing."""
    subject = f"someone-{secrets.token_hex(6)}"
    with connected(shop.postgres.url) as connection:
        connection.execute("ALTER TABLE customers ALTER id TYPE text; ALTER TABLE orders ALTER customer TYPE text")

    erase(shop, subject)

    objects = [file for file in (tmp_path / "second").rglob("*") if file.is_file()]
    assert len(objects) == 1
    assert subject.encode() not in objects[0].read_bytes()
    assert subject not in str(objects[0])


def test_somebody_who_is_still_there_fails_the_restore(shop: System, tmp_path: Path) -> None:
    """Statements that miss a table are noticed by the check, and nothing is changed."""
    erase(shop, "7")
    restored(shop, 7)
    (tmp_path / "sql" / "people.sql").write_text("DELETE FROM customers WHERE id = :subject")

    with pytest.raises(RecoveryFailed, match=r"still there, by people\.check\.sql"):
        re_erase(shop, shop.postgres.url)

    assert rows(shop, 7) == (1, 5)


def test_a_statement_that_fails_fails_the_restore_and_quotes_nobody(shop: System, tmp_path: Path) -> None:
    """PostgreSQL's message may hold the row itself."""
    erase(shop, "7")
    restored(shop, 7)
    (tmp_path / "sql" / "people.sql").write_text("UPDATE customers SET id = 'secret person'::int WHERE id = :subject")

    with pytest.raises(RecoveryFailed, match=r"SQLSTATE 22P02") as caught:
        re_erase(shop, shop.postgres.url)

    assert "secret person" not in str(caught.value)


def test_a_key_with_quotes_is_a_key_and_no_sql(shop: System) -> None:
    """It is bound."""
    with connected(shop.postgres.url) as connection:
        connection.execute("ALTER TABLE customers ALTER id TYPE text; ALTER TABLE orders ALTER customer TYPE text")

    done = erase(shop, "x' OR 'a' = 'a")

    assert done.rows == 0
    with connected(shop.postgres.url) as connection:
        left = connection.execute("SELECT count(*) AS n FROM customers").fetchone()
    assert left == {"n": 2000}


def test_a_store_that_was_away_gets_the_entry_with_the_next_one(shop: System, tmp_path: Path) -> None:
    """And that it lacks one is told."""
    (tmp_path / "second").write_text("no directory")
    first = erase(shop, "7")
    (tmp_path / "second").unlink()

    second = erase(shop, "9")

    assert first.stores == ("local",)
    assert "second" in first.problems[0]
    assert second.problems == ()
    assert len(list((tmp_path / "second" / "shop" / "erasure").iterdir())) == 2


def test_nobody_is_entered_twice(shop: System) -> None:
    """A call that is made again erases again."""
    first = erase(shop, "7")

    again = erase(shop, "7")

    assert again.id == first.id
    assert again.known
    assert shop.procedures.erasure.ledger is not None
    assert len(shop.procedures.erasure.ledger.read_text().splitlines()) == 1


def test_a_person_is_noted_before_the_statements_run(shop: System, tmp_path: Path) -> None:
    """Erased and not noted, he would come back; noted and not erased, the next call erases him."""
    (tmp_path / "sql" / "people.sql").write_text("DELETE FROM no_such_table WHERE id = :subject")

    with pytest.raises(RecoveryFailed):
        erase(shop, "7")

    (tmp_path / "sql" / "people.sql").write_text(ERASING)
    assert re_erase(shop, shop.postgres.url).subjects == 1
    assert rows(shop, 7) == (0, 0)


def test_a_host_that_was_not_told_of_the_statements_refuses(shop: System) -> None:
    """The stores know of people, and this configuration does not know how they are erased."""
    erase(shop, "7")
    elsewhere = replace(shop, procedures=ProcedureSettings())

    with pytest.raises(ConfigurationError, match="how a person is erased"):
        re_erase(elsewhere, shop.postgres.url)


def test_when_neither_ledger_nor_store_can_be_read_nothing_counts_as_done(shop: System, tmp_path: Path) -> None:
    """Nobody then knows who was forgotten."""
    erase(shop, "7")
    shutil.rmtree(tmp_path / "outside")

    with pytest.raises(RecoveryFailed, match="nobody here knows"):
        re_erase(replace(shop, stores=(nowhere(),)), shop.postgres.url)


def test_without_a_ledger_one_silent_store_is_enough_to_not_know(shop: System, tmp_path: Path) -> None:
    """It may have the only entry: one that answers, and has none, does not prove that nobody asked."""
    erase(shop, "7")
    shutil.rmtree(tmp_path / "outside")
    shutil.rmtree(tmp_path / "backups" / "shop" / "erasure")
    shop = replace(shop, stores=(shop.stores[0], nowhere()))

    with pytest.raises(RecoveryFailed, match="nobody here knows") as caught:
        re_erase(shop, shop.postgres.url)

    assert "cloud" in caught.value.detail
    assert shop.procedures.erasure.ledger is not None
    shop.procedures.erasure.ledger.parent.mkdir()
    shop.procedures.erasure.ledger.touch()
    assert re_erase(shop, shop.postgres.url).subjects == 0


def test_the_loss_of_a_store_keeps_nobody_from_recovering_who_never_erased_anybody(shop: System) -> None:
    """Nothing of erasures is configured; that a store was not asked is told."""
    shop = replace(shop, procedures=ProcedureSettings(), stores=(shop.stores[0], nowhere()))

    done = re_erase(shop, shop.postgres.url)

    assert done.subjects == 0
    assert "cloud" in done.notes[0]


def test_a_system_where_nobody_asked_needs_no_statements(shop: System) -> None:
    """Most have no ledger."""
    assert re_erase(replace(shop, procedures=ProcedureSettings()), shop.postgres.url).subjects == 0


def test_a_drill_says_whether_somebody_would_come_back(shop: System, tmp_path: Path) -> None:
    """Red when the statements leave somebody, inconclusive when there are none, green when nobody is left."""
    erase(shop, "7")
    restored(shop, 7)
    unaware = replace(shop, procedures=ProcedureSettings())

    without = erasure_probe(unaware, shop.postgres.url)
    (tmp_path / "sql" / "people.sql").write_text("DELETE FROM customers WHERE id = :subject")
    left = erasure_probe(shop, shop.postgres.url)
    (tmp_path / "sql" / "people.sql").write_text(ERASING)
    gone = erasure_probe(shop, shop.postgres.url)

    assert (without.answer, without.essential) == (Answer.UNPROVEN, True)
    assert left.answer is Answer.FAILED
    assert gone.answer is Answer.PASSED

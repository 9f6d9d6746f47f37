"""The drill's questions, one by one: pages, indexes, the operator's assertions, the application's health."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.errors import ConfigurationError
from dr.operations.drill.assertions import run_assertions
from dr.operations.drill.health import health_check
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_verdict import Answer
from dr.postgres.amcheck import amcheck
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.inspection import scalar
from dr.postgres.installations import server_for
from dr.postgres.page_checksums import check_pages
from tests.integration.drill.conftest import MAJORS
from tests.integration.drill.site import Production, answers, drill

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module", params=MAJORS, ids=lambda major: f"pg{major}")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sealed server of each major with a table and an index."""
    data = tmp_path_factory.mktemp("asked") / "data"
    create_cluster(data, server_for(request.param))
    with running(data, server_for(request.param), Recipe(sealed=True)) as made:
        with connected(made.url) as connection:
            connection.execute("CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 2000) g")
            connection.execute("CREATE INDEX orders_id ON orders (id)")
        yield made


def _major(server: Server) -> int:
    return int((server.data_directory / "PG_VERSION").read_text())


def test_sound_indexes_pass_and_what_could_not_be_asked_is_said(server: Server) -> None:
    """With the extension by amcheck, without it by reading them through, and never the one for the other."""
    found = {item.name: item for item in amcheck(server, server_for(_major(server)))}

    if found["amcheck"].answer is Answer.UNPROVEN:
        assert "not installed" in found["amcheck"].detail
        assert found["indexes read"].answer is Answer.PASSED
    else:
        assert found["amcheck"].answer is Answer.PASSED


@pytest.mark.parametrize("major", MAJORS)
def test_a_flipped_bit_in_a_page_is_found_with_its_file(major: int, tmp_path: Path) -> None:
    """On the stopped copy; a cluster without checksums is not said to be sound."""
    data, installation = tmp_path / "data", server_for(major)
    create_cluster(data, installation)
    with running(data, installation) as server, connected(server.url) as connection:
        connection.execute("CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g")
        connection.execute("CHECKPOINT")
        file = data / str(scalar(connection, "SELECT pg_relation_filepath('t')"))
    assert check_pages(data, installation).answer is Answer.PASSED
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)

    found = check_pages(data, installation)

    assert found.answer is Answer.FAILED
    assert file.name in found.detail


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("-- expect: 2000\nSELECT count(*) FROM orders", Answer.PASSED),
        ("-- expect: 1999\nSELECT count(*) FROM orders", Answer.FAILED),
        ("-- expect: > 10\nSELECT count(*) FROM orders", Answer.PASSED),
        ("-- expect: between 1 and 3\nSELECT 3", Answer.PASSED),
        ("-- expect: between 1 and 3\nSELECT 4", Answer.FAILED),
        ("-- expect: rows 0\nSELECT * FROM orders WHERE id < 0", Answer.PASSED),
        ("-- expect: null\nSELECT max(id) FROM orders WHERE false", Answer.PASSED),
        ("-- description: two\n-- expect: x\nSELECT 'y'; SELECT 'x'", Answer.PASSED),
        ("-- expect: 1\nSELECT nothing FROM nowhere", Answer.FAILED),
        ("-- expect: 1\n-- timeout: 50ms\nSELECT pg_sleep(5)", Answer.FAILED),
        ("-- expect: 1\nDELETE FROM orders RETURNING 1", Answer.FAILED),
    ],
)
def test_an_assertion_is_held_against_its_expected_answer(
    server: Server, tmp_path: Path, text: str, answer: Answer
) -> None:
    """It may only read; an error is a wrong answer."""
    (tmp_path / "one.sql").write_text(text)

    (found,) = run_assertions(server, "postgres", tmp_path)

    assert found.answer is answer, found.detail
    assert found.name == "assertion one"


def test_an_assertion_that_expects_nothing_is_refused(server: Server, tmp_path: Path) -> None:
    """It could not fail, so it would prove nothing."""
    (tmp_path / "one.sql").write_text("SELECT 1")

    with pytest.raises(ConfigurationError, match=r"one\.sql does not say what it expects"):
        run_assertions(server, "postgres", tmp_path)
    assert run_assertions(server, "postgres", None) == ()
    (tmp_path / "one.sql").unlink()
    assert [item.answer for item in run_assertions(server, "postgres", tmp_path)] == [Answer.UNPROVEN]


def test_the_health_check_reaches_the_copy_and_nobody_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the address it is given, from where the copy is, without our secrets."""
    monkeypatch.setenv("BACKUP_ENCRYPTION_KEY", "not for the application")
    psql = server_for(_major(server)).program("psql")

    count = "SELECT count(*) FROM orders"

    healthy = health_check(f'sh -c \'"{psql}" "$DATABASE_URL" -Atc "{count}"\'', server, "postgres")
    ill = health_check("sh -c 'echo out of order >&2; exit 3'", server, "postgres")
    bare = 'test -z "$BACKUP_ENCRYPTION_KEY" && test "$(wc -l </proc/net/dev)" = 3'
    alone = health_check(f"sh -c '{bare}'", server, "x")

    assert (healthy.answer, healthy.detail) == (Answer.PASSED, "2000")
    assert ill.answer is Answer.FAILED
    assert "exit status 3: out of order" in ill.detail
    assert alone.answer is Answer.PASSED, alone.detail


def test_a_health_check_that_is_not_there_says_nothing_of_the_backup(server: Server) -> None:
    """The host lacks it."""
    assert health_check("no-such-program --check", server, "postgres").answer is Answer.UNPROVEN


def test_assertions_and_health_are_part_of_a_drill(backed_up: Production, tmp_path: Path) -> None:
    """A healthy application lifts the level, a wrong answer makes the drill red."""
    (tmp_path / "orders.sql").write_text("-- expect: 500\nSELECT count(*) FROM orders")
    settings = replace(backed_up.system.drill, assertions=tmp_path, health_check="true")
    system = replace(backed_up.system, drill=settings)
    green = drill(system, DrillRequest())
    (tmp_path / "orders.sql").write_text("-- expect: 501\nSELECT count(*) FROM orders")
    red = drill(system, DrillRequest())

    assert (green.verdict, green.level) == ("recoverable", "app-checked"), green.reasons
    assert answers(green)["assertion orders"] == "passed"
    assert (red.verdict, red.level) == ("not recoverable", "queried")
    assert "500 instead of 501" in red.reasons[0]

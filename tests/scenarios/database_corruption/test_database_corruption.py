"""Heap pages are overwritten on disk; the shop is recovered from a backup that was taken while it was at work.

With the database everything beside it is lost, and comes back from the recovery point.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.catalog.labels import COMPONENT_KINDS
from dr.catalog.manifest import Manifest, from_json
from dr.components.redis.programs import servers
from dr.demo.journal import Journal, read_journal
from dr.demo.report import scoreboard, scoreboard_lines
from dr.demo.story import Pace, run_demo
from dr.postgres.cluster import running
from dr.postgres.connection import connected
from dr.postgres.installations import server_for
from tests.scenarios.database_corruption.conftest import Played
from tests.scenarios.database_corruption.procedures import back_up, recover_and
from tests.scenarios.database_corruption.processes import gone

pytestmark = pytest.mark.slow

CANARY = "public.dr_canary"


def _journals(played: Played) -> tuple[Journal, Journal]:
    """The journal of before the disaster, and the one of after the recovery."""
    files = sorted((played.directory / "journal").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    first, second = (read_journal(file) for file in files)
    return first, second


def _recovered_references(played: Played) -> tuple[set[str], int]:
    """Every order's reference in the recovered cluster, and how many lines orders of the writers have."""
    directory = played.directory / "recovered"
    with (
        running(directory, server_for(int((directory / "PG_VERSION").read_text()))) as server,
        connected(server.url_for("shop")) as connection,
    ):
        references = {row["reference"] for row in connection.execute("SELECT reference FROM shop.orders")}
        lines = connection.execute(
            "SELECT count(*) AS n FROM shop.order_lines AS l JOIN shop.orders AS o ON o.id = l.order_id"
            " AND o.placed_at = l.placed_at WHERE o.reference NOT LIKE 'old-%'"
        ).fetchone()
    return references, int(lines["n"]) if lines else 0


@pytest.mark.incident("I37")
def test_the_shop_is_back_in_time_with_everything_that_was_committed(played: Played) -> None:
    """Every table, object and definition is as it was, and both objectives are met."""
    report = played.report

    assert report.check.problems == ()
    assert report.check.checksums_match
    assert report.check.rows_restored == report.check.rows_expected > 19_000
    assert report.check.tables_checked >= 39
    assert report.met
    assert 0 < report.verdict.rto_seconds < 120
    assert played.written["met"] is True


def test_postgresql_itself_reported_the_damage(played: Played) -> None:
    """The disaster is no claim of ours."""
    assert "invalid page" in played.report.corruption_message
    assert any(played.report.corruption_message in line for line in played.said)


def test_the_loss_is_the_time_between_two_canaries(played: Played) -> None:
    """The target lies a second before the disaster, so something was lost, and the figure is not zero by default."""
    first, _ = _journals(played)
    beats = [item for item in first.transactions if item.rows[0].table == CANARY and item.number in first.acknowledged]
    assert played.outcome.canary is not None
    lost_beats = beats[-1].rows[0].id - played.outcome.canary.seq

    assert 1 <= lost_beats <= 3
    assert played.report.verdict.rpo_seconds == pytest.approx(lost_beats, abs=1.5)
    assert str(played.outcome.canary.seq) in played.report.loss_explanation


def test_what_was_acknowledged_before_the_recovered_point_is_there_and_the_rest_is_counted(played: Played) -> None:
    """Counted here by references and canary numbers, which the comparison itself does not use."""
    first, second = _journals(played)
    references, lines = _recovered_references(played)
    assert played.outcome.canary is not None
    survived_lines, lost_rows, lost_commits, last_survivor, first_loss = 0, 0, 0, 0, 10**9
    for journal in (first, second):
        orders = [item for item in journal.transactions if item.rows[0].table != CANARY]
        for number, order in enumerate(orders, start=1):
            if f"{journal.run}-{number:08d}" in references:
                survived_lines += len(order.rows) - 1
                last_survivor = max(last_survivor, order.number) if journal is first else last_survivor
            elif order.number in journal.acknowledged:
                assert journal is first, "an order of after the recovery is missing"
                lost_rows, lost_commits = lost_rows + len(order.rows), lost_commits + 1
                first_loss = min(first_loss, order.number)
    lost_beats = [
        item
        for item in first.transactions
        if item.rows[0].table == CANARY
        and item.number in first.acknowledged
        and item.rows[0].id > played.outcome.canary.seq
    ]

    assert last_survivor < first_loss, "an acknowledged order is missing although a later one is there"
    assert survived_lines == lines
    assert lost_commits > 10, "too few to prove anything by"
    assert played.report.check.rows_lost == lost_rows + len(lost_beats)
    assert played.report.check.transactions_lost == lost_commits + len(lost_beats)


def test_the_shop_wrote_while_it_was_backed_up_and_after_its_recovery(played: Played) -> None:
    """A backup of an idle server, or a recovered server that nobody can use, would prove little."""
    first, second = _journals(played)
    references, _ = _recovered_references(played)

    assert sum(reference.startswith(first.run) for reference in references) > 100
    assert len(second.acknowledged) >= 1
    assert any(reference.startswith(second.run) for reference in references)


def test_every_phase_is_measured(played: Played) -> None:
    """From stopping the broken server to the first commit."""
    phases = {phase.name for phase in played.report.phases}

    assert phases >= {"stop", "find", "fetch", "decrypt", "restore", "replay", "boot", "check", "serve", "first commit"}
    assert all(phase.seconds >= 0 for phase in played.report.phases)


def test_nothing_is_left_running_and_nothing_outside_the_directory(played: Played) -> None:
    """Neither servers, endpoint, agent or writer, nor key ring, sockets or temporary files."""
    home = played.system.encryption.gnupg_home
    assert home is not None

    assert gone(played.directory, home, played.temporary, within_seconds=10) == []
    assert not home.exists()
    assert home.parent == played.temporary
    assert list(played.temporary.iterdir()) == []


def test_no_password_is_said_or_reported(played: Played) -> None:
    """Neither on the terminal nor in the report."""
    secrets = {file.read_text() for file in (played.directory / "secrets").iterdir()}
    password = played.system.postgres.url.reveal().split(":")[2].split("@")[0]
    text = "\n".join(played.said) + str(played.written)
    secrets |= {file.read_text() for file in (played.directory / "beside" / "tokens").iterdir()}

    assert len(secrets) >= 6
    assert all(secret not in text for secret in {*secrets, password})


def _point(played: Played) -> Manifest:
    """The manifest of the recovery point, as it lies in the store."""
    (file,) = (played.directory / "backups").glob("*/point/*/point.manifest.json")
    return from_json(file.read_bytes(), str(file))


@pytest.mark.incident("I37")
def test_everything_beside_the_database_is_back_as_it_was(played: Played) -> None:
    """A row for every kind there is, each identical, with what came back of it."""
    if not servers():
        pytest.skip("not applicable: there is no redis-server for this platform")
    beside = played.report.beside

    assert beside is not None
    assert played.report.notes == ()
    assert {row.kind for row in beside.rows} == {str(kind) for kind in COMPONENT_KINDS}
    assert beside.problems == ()
    assert played.written["components"] == beside.as_dict()["components"]
    assert all(row.identical for row in beside.rows)
    assert all(row.came_back and row.labels and row.seconds > 0 for row in beside.rows)
    assert played.report.verdict.rto_seconds < beside.everything_seconds < 300


def test_it_comes_from_the_backups_that_the_recovery_point_names(played: Played) -> None:
    """Each row has exactly the labels of the point's members of that kind."""
    point = _point(played)
    beside = played.report.beside
    assert point.point is not None
    named: dict[str, list[str]] = {}
    for member in point.point.members:
        named.setdefault(str(member.kind), []).append(member.label)

    assert beside is not None
    assert beside.point == point.label
    assert {row.kind: [*row.labels] for row in beside.rows} == named
    assert len(named["logs"]) == 2


def test_the_recovery_point_says_where_the_database_was_and_that_no_upload_is_missing(played: Played) -> None:
    """Position, distance, and the files that rows name, all of which are there."""
    beside = played.report.beside
    assert beside is not None

    assert beside.point_problems == ()
    assert "database at LSN 0/" in beside.statement
    assert "uploads within " in beside.statement
    assert "170 of 170 files named by rows are there" in beside.statement
    assert played.written["recovery_point"] == {
        "backup": beside.point,
        "statement": beside.statement,
        "fits": True,
        "problems": [],
    }


def test_the_terminal_shows_every_component(played: Played) -> None:
    """Backup, what came back, verdict; the recovery point; and when everything was back."""
    beside = played.report.beside
    assert beside is not None
    lines = scoreboard_lines(scoreboard(played.report))

    for row in beside.rows:
        (line,) = [line for line in lines if line.startswith(f"{row.title} ")]
        assert row.labels[0] in line
        assert line.endswith("identical")
    assert any(beside.point in line and "LSN" in line for line in lines)
    assert any("everything back" in line for line in lines)


def test_one_changed_row_is_noticed(tmp_path: Path) -> None:
    """One price among all rows of the recovered copy: the checksums differ and the objective is not met."""

    def change_one_price(directory: Path) -> None:
        installation = server_for(int((directory / "PG_VERSION").read_text()))
        with running(directory, installation) as server, connected(server.url_for("shop")) as connection:
            connection.execute(
                "UPDATE shop.order_lines SET price_cents = price_cents + 1"
                " WHERE (order_id, line_no) = (SELECT max(id), 1 FROM shop.orders WHERE reference LIKE 'old-%')"
            )

    pace = Pace(before_backup=0.5, after_backup=1.5)
    report = run_demo(
        tmp_path / "demo", lambda _: None, 0.01, back_up=back_up, recover=recover_and(change_one_price), pace=pace
    )

    assert report.verdict.met
    assert report.check.checksums_match is False
    assert report.check.rows_restored == report.check.rows_expected
    assert len(report.check.problems) == 1
    assert "shop.order_lines_" in report.check.problems[0]
    assert report.met is False
    assert report.as_dict()["checksums_match"] is False


def test_a_shop_that_dies_before_its_backup_is_of_use_is_refused() -> None:
    """The target lies a second before the disaster; a backup that ends later leads nowhere."""
    with pytest.raises(ValueError, match="after its backup"):
        Pace(after_backup=1.0)

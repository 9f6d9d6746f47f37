"""A disk overwrites pages of the running shop. `dr recover-db --in-place` brings it back where it was, and healthy.

Played once. Before it, a person was erased whom the backup still has; at every moment of every step the procedure was
killed. Then once more with the shortest outage, while nobody receives what the shop commits, and when somebody does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dr.catalog.canary import Beat
from dr.configuration.procedures.erasure import ErasureSettings
from dr.demo.corruption import overwrite_pages
from dr.demo.estate import OWNER
from dr.demo.queries import query
from dr.errors import DrError, TargetRefused
from dr.evidence.journal import Opening, open_journal, read_journal, unfinished
from dr.operations.measure_loss import last_position, note_position
from dr.postgres.canary import beat
from dr.postgres.connection import connected
from dr.services.registry import service
from tasks.corruption_unfinished import PROCEDURE
from tasks.course import place_of
from tests.scenarios.killings import BEGIN, DONE, END, Killings, killings
from tests.scenarios.product import Product, product
from tests.scenarios.product_services import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.incident("I4", "I32")]

FORGOTTEN = 17
ERASING = "UPDATE shop.users SET email = 'erased-' || id || '@erased.example', full_name = '' WHERE id = :subject"
CHECK = "SELECT 1 FROM shop.users WHERE id = :subject AND (full_name <> '' OR email NOT LIKE 'erased-%')"
STEPS = (
    "begin",
    "stop the application",
    "look at the damage",
    "copy what can still be read",
    "stop PostgreSQL",
    "note when PostgreSQL last ran",
    "look at the pages on disk",
    "choose the target",
    "restore beside, question and re-erase",
    "measure the loss",
    "exchange the directories",
    "start PostgreSQL",
    "erase who was forgotten meanwhile",
    "start the application",
    "wait until it is healthy",
)
MIDST = {"copy what can still be read": 0.2, "restore beside, question and re-erase": 1.5}
SWAP = ("recover-db", "--swap", "--no-emergency-copy", "it is sound", "--confirm")
SILENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a dry run says, and whether production's directory was the same afterwards."""

    plan: dict[str, Any]
    untouched: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """How a swap ended while nobody received WAL, and whether production went on as it was."""

    code: int
    error: dict[str, Any]
    untouched: bool


@dataclass(frozen=True, slots=True)
class Played:
    """The shop after the recovery, what the procedure answered, and what was where before."""

    shop: Product
    killed: Killings
    table: str
    acknowledged: int
    person: dict[str, Any]
    before: Planned
    refused: Refused
    swapped: dict[str, Any]
    down: float

    @property
    def answer(self) -> dict[str, Any]:
        """What the procedure gave in the end."""
        return self.killed.result

    @property
    def outcome(self) -> dict[str, Any]:
        """And of it, what any recovery of a database gives."""
        found = self.answer["outcome"]
        assert isinstance(found, dict)
        return found


def break_pages(shop: Product) -> str:
    """The server is gone in an instant, the disk loses pages, it comes up again and serves; the table's name."""
    with connected(shop.superuser_url) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(query("largest_table")).fetchone()
    assert row is not None
    shop.kill("database")
    overwrite_pages(shop.place.production / row["path"], row["page_bytes"], row["pages"], seed=6)
    service(shop.system, "database").start(60)
    return str(row["name"])


def beat_once(shop: Product) -> None:
    """A canary row, and its place outside the database."""
    with connected(shop.place.urls[OWNER]) as connection:
        note_position(shop.system, beat(connection))


def silence_canary(shop: Product) -> None:
    """As if it had died an hour ago: all its rows are older, also the one that is known outside."""
    with connected(shop.place.urls[OWNER]) as connection:
        connection.execute("UPDATE dr_canary SET committed_at = committed_at - %s", (SILENT,))
    known = last_position(shop.system)
    assert known is not None
    note_position(shop.system, Beat(known.seq, known.committed_at - SILENT))


def journal_of(shop: Product) -> Path:
    """The first run of the procedure."""
    found = sorted((shop.system.state_directory / "procedures" / shop.system.name).glob("recover-db-in-place_*"))
    return found[0] / "journal.jsonl" if found else Path("none")


def kill_everywhere(shop: Product, disaster_at: datetime) -> Killings:
    """The recovery, by as many processes as it has moments, and one more."""
    environment = {**os.environ, **shop.environment, "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"}

    def run(argv: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=800, check=False)

    name = shop.system.name
    wanted = {"system": name, "in_place": True, "confirm_name": name, "disaster_at": disaster_at.isoformat()}
    return killings(run, "recover_database", wanted, midst=MIDST)


def ask_first(shop: Product) -> Planned:
    """A dry run, and what it has left as it was."""
    beside = {path.name for path in shop.place.production.parent.iterdir()}
    pid = shop.pid("database")
    plan = shop.dr("recover-db", "--in-place", "--dry-run")["plan"]
    same = {path.name for path in shop.place.production.parent.iterdir()} == beside
    return Planned(plan, same and pid == shop.pid("database"))


def swap_unreceived(shop: Product) -> Refused:
    """Nobody receives what the shop commits on its new timeline, and somebody wants a swap."""
    assert shop.receiver is not None
    shop.receiver.kill()
    shop.writer.wait_for_more(3)
    pid = shop.pid("database")
    ended = shop.run(*SWAP, shop.system.name)
    return Refused(ended.returncode, json.loads(ended.stdout)["error"], shop.pid("database") == pid)


def swap(shop: Product) -> tuple[dict[str, Any], float]:
    """Once more, with the shortest outage: the answer, and how long PostgreSQL was away."""
    gone: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            try:
                with connected(shop.superuser_url) as connection:
                    connection.execute("SELECT 1")
            except DrError:
                gone.append(time.monotonic())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        answer = shop.dr(*SWAP, shop.system.name)
    finally:
        over.set()
        watcher.join()
    return answer, (gone[-1] - gone[0]) if gone else 0.0


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Once."""
    here = tmp_path_factory.mktemp("in_place")
    (here / "erasure").mkdir()
    (here / "erasure" / "people.sql").write_text(ERASING)
    (here / "erasure" / "people.check.sql").write_text(CHECK)
    with product(here / "the shop", kinds=()) as shop:
        settings = ErasureSettings(here / "ledger.jsonl", here / "erasure", shop.superuser_url)
        shop.reconfigure(erasure=settings)
        shop.dr("backup", "--cloud", "--kind", "base")
        shop.writer.wait_for_more(5)
        shop.dr("erase", "--subject", str(FORGOTTEN), "--reason", "DSR-1", "--confirm", shop.system.name)
        shop.writer.wait_for_more(5)
        before = ask_first(shop)
        beat_once(shop)
        disaster_at = datetime.now(UTC)
        table = break_pages(shop)
        acknowledged = len(shop.acknowledged())
        killed = kill_everywhere(shop, disaster_at)
        assert killed.status == 0, killed.said[-5000:]
        with connected(shop.superuser_url) as connection:
            person = connection.execute(
                "SELECT email, full_name FROM shop.users WHERE id = %s", (FORGOTTEN,)
            ).fetchone()
        refused = swap_unreceived(shop)
        shop.writer.stop()
        with shop.receiving():
            silence_canary(shop)
            swapped, down = swap(shop)
            yield Played(shop, killed, table, acknowledged, dict(person or {}), before, refused, swapped, down)


def test_the_plan_says_all_and_touches_nothing(played: Played) -> None:
    """The steps in their order, the target in UTC and here, how long and what it loses (I6)."""
    plan = played.before.plan
    steps = " / ".join(plan["steps"])

    assert played.before.untouched
    assert plan["production"] is True
    assert steps.index("stop the application") < steps.index("restore beside") < steps.index("exchange by renaming")
    assert "UTC" in plan["point"]["until"]
    assert " here" in plan["point"]["until"]
    assert plan["point"]["lost"]


def test_a_swap_keeps_production_answering_until_the_end(played: Played) -> None:
    """It recovers what was recovered before, with the orders since; away only for stop, rename and start."""
    assert played.swapped["rto_seconds"] > played.down > 0
    assert played.down < 0.7 * played.swapped["rto_seconds"]
    assert "declined: it is sound" in played.swapped["emergency_copy"][0]


def test_a_swap_waits_for_what_production_has_committed(played: Played) -> None:
    """While no store has it, it is refused, and production goes on; later the same run goes on and has all of it."""
    assert played.refused.code == TargetRefused.exit_code
    assert "production's WAL of timeline 2 goes up to" in played.refused.error["detail"]
    assert played.refused.untouched


def test_nothing_that_was_acknowledged_is_lost(played: Played) -> None:
    """The server was stopped in order, so the receiver has all of it; and the shop took orders again, kept as well."""
    assert len(played.shop.acknowledged()) >= played.acknowledged + 3 >= 13
    assert played.shop.lost() == ()


def test_the_damage_is_named(played: Played) -> None:
    """By the server, or by the checksums on its disk once it had stopped."""
    lines = played.answer["damage"]

    assert any(played.table in line and ("invalid page" in line or "damaged pages" in line) for line in lines)


def test_what_could_still_be_read_was_copied_out_first(played: Played) -> None:
    """Encrypted, with the rows of the sound tables."""
    (directory,) = (played.shop.system.state_directory / "recovery" / played.shop.system.name).glob("emergency_*")

    assert "emergency copy in" in played.answer["copy"][0]
    assert [file.name for file in directory.iterdir() if file.name.startswith("shop")] == ["shop.sql.gz.gpg"]


def test_an_erased_person_does_not_come_back(played: Played) -> None:
    """The backup is older than the erasure, and the WAL is not relied on for it."""
    assert played.person == {"email": f"erased-{FORGOTTEN}@erased.example", "full_name": ""}
    assert "1 people erased again" in played.answer["erased"]


def test_the_old_directory_is_kept_whole(played: Played) -> None:
    """With its control file; and no copy on trial is left."""
    aside = Path(played.answer["aside"])
    beside = {path.name for path in aside.parent.iterdir() if path.name.startswith("production")}

    assert aside != Path(played.swapped["aside"])
    assert (aside / "global" / "pg_control").is_file()
    assert aside.name.startswith("production.before_")
    assert not [name for name in beside if ".recovered_" in name and not name.endswith("_tablespaces")]


def test_it_was_killed_at_every_moment_of_every_step_and_went_on(played: Played) -> None:
    """By SIGKILL, also when a step was done and the journal did not know; what had ended was not done again."""
    events = read_journal(journal_of(played.shop).parent)
    ended = [event.step for event in events if event.what == "end"]

    assert [played.killed.steps(what) for what in (BEGIN, DONE, END)] == [STEPS] * 3
    assert played.killed.steps("midst") == tuple(MIDST)
    assert sum(event.what == "open" for event in events) == len(played.killed.moments) + 1
    assert ended == list(STEPS)
    assert events[-1].what == "close"
    assert played.answer["resumed"] is True


def test_both_objectives_are_met(played: Played) -> None:
    """Counted from the first beginning, killings included; the canary tells that nothing was lost."""
    verdict = played.outcome["verdict"]

    assert verdict["rto_seconds"] < 15 * 60
    assert (verdict["rpo_seconds"], verdict["rpo_at_most"]) == (0, None)
    assert played.answer["answers"]


@pytest.mark.incident("I28")
def test_a_canary_that_died_long_ago_measures_nothing(played: Played) -> None:
    """An hour before the swap, and the shop took orders on: the last commit of the copy bounds what is lost."""
    swapped = played.swapped

    assert (swapped["rpo"], swapped["rpo_seconds"]) == ("at most", None)
    assert 0 <= swapped["rpo_at_most_seconds"] < SILENT.total_seconds()
    assert re.search(r"the last canary known, \d+, was silent for \d{4} s", swapped["rpo_explanation"])
    assert "the last commit that was restored is of" in swapped["rpo_explanation"]
    assert swapped["rpo_met"] is (swapped["rpo_at_most_seconds"] <= 15 * 60)


def test_undo_puts_the_old_directory_back_and_keeps_the_other(played: Played) -> None:
    """The last test. What the swap had set aside is there again; nobody goes on with what was cut off before."""
    aside = Path(played.swapped["aside"])
    journals = place_of(played.shop.system)
    with open_journal(journals, Opening(PROCEDURE, played.shop.system.name), run="cut off"):
        pass
    with connected(played.shop.superuser_url) as connection:
        before = connection.execute("SELECT timeline_id AS t FROM pg_control_checkpoint()").fetchone()

    undone = played.shop.dr("recover-db", "--undo", "--confirm", played.shop.system.name)["undone"]

    with connected(played.shop.superuser_url) as connection:
        timeline = connection.execute("SELECT timeline_id AS t FROM pg_control_checkpoint()").fetchone()
    assert timeline is not None
    assert before is not None
    assert timeline["t"] < before["t"]
    assert not aside.exists()
    assert (Path(undone["undone"]) / "PG_VERSION").is_file()
    assert unfinished(journals, PROCEDURE, played.shop.system.name) == ()
    refused = played.shop.run("recover-db", "--undo", "--confirm", played.shop.system.name)
    assert refused.returncode == TargetRefused.exit_code, refused.stderr
    assert played.answer["aside"] in refused.stdout + refused.stderr

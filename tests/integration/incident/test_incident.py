"""The record of an incident: whoever writes into it, whatever is killed, and wherever the stores are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dr.catalog.canary import Beat
from dr.configuration import load
from dr.configuration.model import System
from dr.errors import BackupNotFound, ConfigurationError, StoreFull
from dr.evidence import incident_log
from dr.evidence.incident import Note, Opened, RunBegan, RunEnded
from dr.operations.incident.close import close_incident
from dr.operations.incident.find import directory_of, find_incident, incidents, open_incident
from dr.operations.incident.open import open_or_join, write_entry
from dr.operations.incident.report import report_of
from dr.operations.incident.ship import ship_incidents
from dr.operations.measure_loss import note_position
from dr.policy.objectives import Scenario

ROOT = Path(__file__).parents[3]
CONFIGURATION = """
[system.shop]
state_directory = "state"
[system.shop.postgres]
url = "postgresql://backup@127.0.0.1:9/shop"
[system.shop.stores.local]
path = "copies"
[system.shop.stores.other]
kind = "local"
path = "other"
[system.shop.encryption]
passphrase_file = "passphrase"
[system.shop.incident]
contacts = ["Database Admin | First Person | | +1-555-0102 | dba@example.org"]
bridge = "conference +1-555-0100"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A host with a configuration, and no server anywhere."""
    (tmp_path / "passphrase").write_text("of no importance here")
    (tmp_path / "passphrase").chmod(0o600)
    (tmp_path / "dr.toml").write_text(CONFIGURATION)
    return tmp_path


@pytest.fixture
def system(place: Path) -> System:
    """The system as its flows load it."""
    return load("shop", file=place / "dr.toml", environ={}, require_postgres=False).system


def begin(place: Path, *words: str) -> subprocess.Popen[str]:
    """The recovery that only notes, in a process of its own."""
    return subprocess.Popen(
        (sys.executable, "-m", "tests.integration.incident.flow", *words),
        cwd=place,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> None:
    """It ended with that code."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said


def dr(place: Path, *words: str, code: int = 0) -> dict[str, Any]:
    """The command's JSON answer."""
    done = subprocess.run(
        (sys.executable, "-m", "dr.cli", "incident", *words, "--json"),
        cwd=place,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_runs_that_begin_together_share_one_incident_and_lose_no_line(place: Path, system: System) -> None:
    """Four processes, two hundred notes: one incident, every note of every run, and each run's end."""
    together = [begin(place, "50") for _ in range(4)]
    for process in together:
        ended(process)

    (one,) = incidents(system)
    notes = [entry.text for entry in one.of(Note)]
    assert sorted(notes) == sorted(f"note {number} of {one.id}" for number in range(50) for _ in range(4))
    assert {run.run for run in one.of(RunBegan)} == {run.run for run in one.of(RunEnded)}
    assert len(one.of(RunEnded)) == 4


def test_a_failed_run_tells_its_steps_too(place: Path, system: System) -> None:
    """Each attempt with its outcome; both stores have the record, as JSON and as a report for people."""
    ended(begin(place, "1", "fail"), code=1)

    (one,) = incidents(system)
    (run,) = one.of(RunEnded)
    assert [(step.name, step.attempt, step.outcome) for step in run.steps] == [
        ("second time lucky", 1, "failed"),
        ("second time lucky", 2, "completed"),
        ("end it", 1, "failed"),
    ]
    assert all(step.end is not None and step.begin <= step.end for step in run.steps)
    for store in ("copies", "other"):
        stem = place / store / "shop" / "evidence" / f"{one.opened.at:%Y}" / f"incident_{one.id}"
        assert len(json.loads(stem.with_suffix(".json").read_text())["entries"]) == len(one.entries)
        assert "second time lucky, attempt 1, failed: the store is away" in stem.with_suffix(".md").read_text()


def test_a_killed_run_is_known_to_have_begun(place: Path, system: System) -> None:
    """SIGKILL leaves no word of its own; what it noted is there, and the next run joins the same incident."""
    process = begin(place, "3", "hang")
    until = time.monotonic() + 60
    while (one := open_incident(system)) is None or len(one.of(Note)) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    ended(begin(place, "1"))

    (one,) = incidents(system)
    assert len(one.of(Note)) == 4
    assert (len(one.of(RunBegan)), len(one.of(RunEnded))) == (2, 1)
    assert "did not come to its end" in report_of(system, one)


def test_what_a_crash_tore_off_does_not_swallow_the_next_line(system: System) -> None:
    """Half a line at the end, as of a power failure in the midst of writing."""
    opened = open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident
    file = directory_of(system) / opened.id / incident_log.FILE
    with file.open("ab") as stream:
        stream.write(b'{"what":"note","at":"2026-01-31T0')

    write_entry(system, opened.id, Note(datetime.now(UTC), "op", "after the crash"))

    assert [entry.text for entry in find_incident(system).of(Note)] == ["after the crash"]
    assert file.read_bytes().count(b"\n") == 2


def test_a_store_that_was_away_gets_it_the_next_time(place: Path, system: System) -> None:
    """Meanwhile it lies on this host; what a store has already is not written again."""
    (place / "other").mkdir()
    blocked = place / "other" / "shop"
    blocked.write_text("a file where a directory should be")
    opened = open_or_join(system, Scenario.FULL_SYSTEM_FAILURE, "gone", by="op").incident

    first = ship_incidents(system)[opened.id].stores
    blocked.unlink()
    (mine,) = place.glob("copies/shop/evidence/*/*.json")
    before = mine.stat().st_mtime_ns
    second = ship_incidents(system)[opened.id].stores

    assert (first, second) == (("local",), ("local", "other"))
    assert list(place.glob("other/shop/evidence/*/*.json"))
    assert mine.stat().st_mtime_ns == before
    assert ship_incidents(system) == {}


def test_every_store_gets_what_was_added_later(place: Path, system: System) -> None:
    """The whole is written anew, and the note of it is in each."""
    opened = open_or_join(system, Scenario.FULL_SYSTEM_FAILURE, "gone", by="op").incident
    ship_incidents(system)
    write_entry(system, opened.id, Note(datetime.now(UTC), "op", "later"))

    ship_incidents(system)

    texts = [file.read_text() for file in place.glob("*/shop/evidence/*/*.json")]
    assert len(texts) == 2
    assert all("later" in text for text in texts)


def test_an_opening_tells_what_was_known_at_that_moment(system: System) -> None:
    """The last canary: what is lost later is counted from it, though a recovered system may have gone on by then."""
    beat = Beat(7, datetime.now(UTC))
    note_position(system, beat)

    opened = open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident.opened

    assert opened.last == beat
    assert opened.severity == "HIGH"


def test_a_closed_incident_is_over(system: System) -> None:
    """It is not closed twice, and the next disaster opens another."""
    first = open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident
    close_incident(system, "", by="op", text="over")

    with pytest.raises(ConfigurationError, match=r"was closed by op"):
        close_incident(system, first.id, by="op", text="again")
    second = open_or_join(system, Scenario.DATABASE_CORRUPTION, "again", by="op")

    assert (second.joined, second.incident.id != first.id) == (False, True)


def test_an_incident_that_was_forgotten_open_is_not_joined(system: System) -> None:
    """A year later it is another disaster; the new one says that the old one was never closed."""
    long_ago = datetime.now(UTC) - timedelta(days=365)
    old = Opened(
        long_ago, "op", system="shop", id="20250101_000000_0000", severity="HIGH", scenario="x", text="old", host="h"
    )
    write_entry(system, old.id, old)

    new = open_or_join(system, Scenario.DATABASE_CORRUPTION, "new", by="op")

    assert not new.joined
    assert "20250101_000000_0000 was never closed" in new.incident.of(Note)[0].text
    assert open_or_join(system, Scenario.DATABASE_CORRUPTION, "and", by="op").incident.id == new.incident.id


def test_a_disaster_joins_no_drill_that_was_left_open(system: System) -> None:
    """A drill that failed stays open; the record of what comes then is another one, and a later drill joins its own."""
    drill = open_or_join(system, Scenario.DATABASE_CORRUPTION, "the quarterly one", by="op", drill=True).incident

    real = open_or_join(system, Scenario.DATABASE_CORRUPTION, "pages are gone", by="op")
    later = open_or_join(system, Scenario.DATABASE_CORRUPTION, "the drill again", by="op", drill=True)
    more = open_or_join(system, Scenario.DATABASE_CORRUPTION, "and more", by="op")

    assert (real.joined, real.incident.opened.drill) == (False, False)
    assert (later.joined, later.incident.id) == (True, drill.id)
    assert (more.joined, more.incident.id) == (True, real.incident.id)


def test_what_a_drill_runs_is_part_of_the_drill(place: Path, system: System) -> None:
    """The recovery within it does not know that it is one; a disaster of the same time is left alone."""
    real = open_or_join(system, Scenario.FULL_SYSTEM_FAILURE, "gone", by="op").incident

    ended(begin(place, "2", "drill"))

    drilled, before = incidents(system)
    assert (drilled.opened.drill, before.id) == (True, real.id)
    assert drilled.closed is not None
    assert [note.text for note in drilled.of(Note)] == [f"note {number} of {drilled.id}" for number in range(2)]
    assert {run.flow for run in drilled.of(RunEnded)} == {"recovering", "drilling"}
    assert len(before.entries) == 1


def test_whoever_joins_says_when_it_happened(system: System) -> None:
    """Opened by somebody who did not know; said once, and in the report. What was said first is not taken back."""
    first, second = (datetime(2026, 1, 31, hour, tzinfo=UTC) for hour in (2, 3))
    assert "nobody said when" in report_of(system, open_or_join(
        system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident)  # fmt: skip

    for at in (first, first, second, None):
        open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op", disaster_at=at)

    one = find_incident(system)
    assert [note.disaster_at for note in one.of(Note)] == [first, second]
    assert one.disaster_at == first
    assert "2026-01-31 02:00:00" in report_of(system, one)
    assert "nobody said when" not in report_of(system, one)


def test_a_full_disk_is_told_as_such(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half-written is left; the way out is another state directory."""
    opened = open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident
    if not Path("/dev/full").exists():
        pytest.skip("not applicable: this system has no /dev/full")
    directory = directory_of(system) / opened.id
    (directory / incident_log.FILE).unlink()
    (directory / incident_log.FILE).symlink_to("/dev/full")

    with pytest.raises(StoreFull, match="cannot be written") as told:
        write_entry(system, opened.id, Note(datetime.now(UTC), "op", "no space"))
    assert "DR_STATE_DIRECTORY" in told.value.hint


def test_an_incident_is_found_by_the_beginning_of_its_id(system: System) -> None:
    """Two that fit are told, not guessed."""
    first = open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident
    close_incident(system, "", by="op", text="over")
    second = open_or_join(system, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident
    enough = next(n for n in range(1, 30) if first.id[:n] != second.id[:n])

    assert [find_incident(system, one.id[:enough]).id for one in (first, second)] == [first.id, second.id]
    with pytest.raises(BackupNotFound, match="no single incident"):
        find_incident(system, first.id[:6])
    with pytest.raises(BackupNotFound, match="no single incident"):
        find_incident(system, "1999")


def test_a_template_of_one_s_own_is_used_and_a_broken_one_loses_no_report(place: Path, system: System) -> None:
    """A recovery does not fail by it; who asks for the report is told what is wrong with the template."""
    (place / "dr.toml").write_text(CONFIGURATION + 'template = "mine.md"\n')
    own = load("shop", file=place / "dr.toml", environ={}, require_postgres=False).system
    one = open_or_join(own, Scenario.DATABASE_CORRUPTION, "odd", by="op").incident
    (place / "mine.md").write_text("Of $system: $severity")
    mine = report_of(own, one)
    (place / "mine.md").write_text("Of $sistem")
    with pytest.raises(ConfigurationError, match="cannot be filled in"):
        report_of(own, one)
    ship_incidents(own)

    (stored,) = place.glob("copies/shop/evidence/*/*.md")
    assert mine == "Of shop: HIGH"
    assert stored.read_text().startswith("# Incident ")
    assert "this is by the usual template" in stored.read_text()


@pytest.mark.slow
def test_the_command_line_keeps_an_incident_from_opening_to_report(place: Path) -> None:
    """Opened, told, decided, graded, closed, reported: what a person on call types, in JSON what it did."""
    opened = dr(place, "open", "no page loads", "--scenario", "full-system-failure", "--at", "2026-01-31T02:00:00Z")
    again = dr(place, "open", "still none")
    dr(place, "told", "database admin", "--by", "mail")
    dr(place, "note", "we restore to 01:58", "--decision", "--severity", "LOW")
    now = dr(place, "status")
    closed = dr(place, "close", "restored")
    report = dr(place, "report")["report"]
    late = dr(place, "note", "too late", code=ConfigurationError.exit_code)

    assert (opened["severity"], opened["state"], again["incident"]) == ("CRITICAL", "open", opened["incident"])
    assert opened["contacts"][0]["told"] == "not yet"
    assert now["contacts"][0]["told"].split(" by ")[1].startswith("mail")
    assert (now["severity"], now["bridge"]) == ("LOW", "conference +1-555-0100")
    assert closed["stores"] == ["local", "other"]
    for text in ("2026-01-31 02:00:00 UTC", "told database admin by mail", "decision: we restore to 01:58", "restored"):
        assert text in report
    assert "dba@example.org" not in report
    assert "is closed" in late["error"]["message"]
    assert [row["state"] for row in dr(place, "list")["incidents"]] == ["closed"]

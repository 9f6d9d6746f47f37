"""How long a procedure takes is told by the newest run of it, whatever its journal is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.evidence.journal_events import Event, encoded
from dr.operations.assess.probes import files
from dr.operations.assess.wire import Question
from dr.policy.observation import Subject
from dr.secret import Secret


def test_the_newest_run_is_the_one_that_was_begun_last(tmp_path):
    """By its date, not by the name of its directory; one in another way is of no use."""
    shop = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), state_directory=tmp_path)
    rows = {
        "recover-db-in-place_20260102_020000_2": ("02T02:00:00", 40, {}),
        "recover-db-in-place_20260102_020000_10": ("02T03:00:00", 50, {}),
        "recover-db-in-place_20260103_020000": ("03T02:00:00", 5, {"swap": "True"}),
        "recover-db-in-place_20260104_020000": ("04T02:00:00", 900, {"search": "True"}),
    }
    for name, (day, seconds, parameters) in rows.items():
        run = tmp_path / "procedures" / "shop" / name
        run.mkdir(parents=True)
        begin = datetime.fromisoformat(f"2026-01-{day}+00:00")
        opened = Event(begin, "open", procedure="recover-db-in-place", system="shop", parameters=parameters)
        closed = Event(begin + timedelta(seconds=seconds), "close")
        (run / "journal.jsonl").write_bytes(encoded(opened) + encoded(closed))
    (told,) = files.answer(shop, Question(Subject.UNFINISHED, 5.0)).measured

    assert (told.seconds, told.at) == (50.0, datetime(2026, 1, 2, 3, tzinfo=UTC))


def test_a_recovery_is_of_today_while_somebody_works_on_it(tmp_path):
    """One that takes longer than a day goes on first, as its command would; not what was begun later and left."""
    shop = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), state_directory=tmp_path)
    now = datetime.now(UTC)
    for name, begun, worked in (("full-recovery", 40, 1), ("recover-app", 30, 29)):
        run = tmp_path / "procedures" / "shop" / f"{name}_20260101_000000"
        run.mkdir(parents=True)
        opened = Event(now - timedelta(hours=begun), "open", procedure=name, system="shop")
        ended = Event(now - timedelta(hours=worked), "end", "restore")
        (run / "journal.jsonl").write_bytes(encoded(opened) + encoded(ended))
    (seen,) = files.answer(shop, Question(Subject.UNFINISHED, 5.0)).observed

    assert seen.name == "full-recovery"
    assert 3500 < seen.figure < 3700

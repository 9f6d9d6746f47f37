"""How much was lost is measured by the canary, or is said not to be measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.canary import Beat
from dr.operations.measure_loss import last_position, measure_loss, note_position
from tests.unit.operations.places import block, system

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
END = NOON + timedelta(seconds=605)


def _beat(seconds: float) -> Beat:
    """One a second, from noon on."""
    return Beat(int(seconds), NOON + timedelta(seconds=seconds))


def test_the_loss_is_from_the_restored_canary_to_the_last_committed_one(tmp_path):
    """Both times are the server's own."""
    mine = system(tmp_path)
    note_position(mine, _beat(600))

    loss = measure_loss(mine, _beat(480), None, ended=END)

    assert (loss.seconds, loss.measured) == (120, True)
    assert "600" in loss.explanation
    assert "480" in loss.explanation


def test_nothing_lost_is_measured_as_nothing(tmp_path):
    """The last one committed is the last one restored."""
    mine = system(tmp_path)
    note_position(mine, _beat(600))

    assert measure_loss(mine, _beat(600), None, ended=END).seconds == 0


def test_a_server_clock_that_was_set_back_makes_no_negative_loss(tmp_path):
    """Sequence numbers go forward, clocks need not."""
    mine = system(tmp_path)
    note_position(mine, Beat(601, NOON))

    assert measure_loss(mine, _beat(600), None, ended=NOON).seconds == 0


def test_without_a_restored_canary_nothing_is_claimed(tmp_path):
    """With the way to have one next time."""
    mine = system(tmp_path)
    note_position(mine, _beat(600))

    loss = measure_loss(mine, None, NOON, ended=END)

    assert (loss.seconds, loss.measured) == (None, False)
    assert "dr canary" in loss.explanation


@pytest.mark.parametrize("known", [None, 100], ids=["nothing known", "known is older than restored"])
def test_without_the_outer_canary_there_is_only_an_upper_bound(tmp_path, known):
    """Up to the disaster; it never counts as measured."""
    mine = system(tmp_path)
    if known is not None:
        note_position(mine, _beat(known))

    loss = measure_loss(mine, _beat(300), NOON + timedelta(seconds=1000), ended=END)

    assert (loss.seconds, loss.measured) == (700, False)
    assert loss.explanation.startswith("at most")


def test_without_a_time_of_the_disaster_the_bound_is_the_end_that_is_known(tmp_path):
    """Nobody told when it happened: then what came after the database had stopped is no loss."""
    loss = measure_loss(system(tmp_path), _beat(300), None, ended=NOON + timedelta(seconds=360))

    assert (loss.seconds, loss.measured) == (60, False)
    assert "--disaster-at" in loss.explanation


@pytest.mark.incident("I28")
def test_a_canary_that_had_stopped_long_before_the_disaster_measures_nothing(tmp_path):
    """It died at noon, the disaster came at two: what was committed in between is lost, and nobody counted it."""
    mine = system(tmp_path)
    note_position(mine, _beat(0))

    loss = measure_loss(mine, _beat(0), NOON + timedelta(hours=2), ended=END)

    assert not loss.measured
    assert loss.seconds == 7200


def test_the_position_is_kept_outside_the_database_and_replaced_whole(tmp_path):
    """Each note takes the place of the one before; nothing else is left lying about."""
    mine = system(tmp_path)
    for second in (1, 2, 3):
        note_position(mine, _beat(second))

    assert last_position(mine) == _beat(3)
    assert [file.name for file in (tmp_path / "state" / "canary").iterdir()] == ["coreflow360.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'{"seq": "x"}', b'{"seq": 1, "committed_at": "2024-01-01T12:00:00"}']
)
def test_a_damaged_note_is_no_note(tmp_path, content):
    """A crash while it was written, or a time of no zone: then there is an upper bound, and no traceback."""
    mine = system(tmp_path)
    note_position(mine, _beat(1))
    (tmp_path / "state" / "canary" / "coreflow360.json").write_bytes(content)

    assert last_position(mine) is None
    assert not measure_loss(mine, _beat(1), NOON, ended=END).measured


def test_no_state_at_all_is_no_note(tmp_path):
    """A recovery on a clean host; also where the state's place cannot be used."""
    assert last_position(system(tmp_path)) is None
    block(tmp_path / "state")
    assert last_position(system(tmp_path)) is None

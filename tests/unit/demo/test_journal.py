"""The journal outside the database."""

from __future__ import annotations

from pathlib import Path

from dr.demo.journal import JournalWriter, Row, read_journal

ORDER = Row("shop.orders_2026_01", 7, -12)
LINE = Row("shop.order_lines_2026_01", 7, 2**62)


def _write(file: Path) -> None:
    with file.open("wb") as stream:
        writer = JournalWriter(stream)
        writer.acknowledge(writer.begin((ORDER, LINE)))
        writer.begin((LINE,))


def test_a_journal_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Rows keep their order and their sign, and only what was acknowledged counts as such."""
    file = tmp_path / "a1b2.jsonl"
    _write(file)
    journal = read_journal(file)

    assert journal.run == "a1b2"
    assert [item.rows for item in journal.transactions] == [(ORDER, LINE), (LINE,)]
    assert journal.acknowledged == {1}


def test_every_line_is_on_disk_before_the_next_step(tmp_path: Path) -> None:
    """A killed writer has lost nothing of what it knew."""
    file = tmp_path / "run.jsonl"
    with file.open("wb") as stream:
        writer = JournalWriter(stream)
        number = writer.begin((ORDER,))
        begun = read_journal(file)
        writer.acknowledge(number)
        acknowledged = read_journal(file)

    assert (len(begun.transactions), begun.acknowledged) == (1, frozenset())
    assert acknowledged.acknowledged == {1}


def test_a_line_that_was_cut_off_is_no_line(tmp_path: Path) -> None:
    """What a killed writer was just writing says nothing."""
    file = tmp_path / "run.jsonl"
    _write(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    journal = read_journal(file)

    assert len(journal.transactions) == 1
    assert journal.acknowledged == {1}


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    """A writer that never reached its server has committed nothing."""
    assert read_journal(tmp_path / "none.jsonl").transactions == ()

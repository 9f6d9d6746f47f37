"""The ledger of erasures: what is in it stays in it, and nobody in it is passed over in silence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.erasures import ErasureEntry, entry_line, erasure_key, id_of_key, read_entry
from dr.errors import BackupInvalid, ConfigurationError, StoreFull
from dr.operations.erasure.file import append, read_ledger
from dr.operations.erasure.statements import read_statements

pytestmark = pytest.mark.incident("I32")

FIRST = ErasureEntry("a" * 32, "4711", datetime(2026, 1, 31, 2, tzinfo=UTC), "DSR-17")
SECOND = ErasureEntry("b" * 32, "ä person", datetime(2026, 2, 1, 2, tzinfo=UTC))


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    """In their order, from a file that only its owner reads."""
    file = tmp_path / "kept" / "ledger.jsonl"

    append(file, (FIRST,))
    append(file, (SECOND,))

    assert read_ledger(file) == (FIRST, SECOND)
    assert file.stat().st_mode & 0o077 == 0
    assert read_ledger(tmp_path / "none") == ()


def test_a_torn_last_line_swallows_nobody(tmp_path: Path) -> None:
    """A crash leaves one; the next entry is whole all the same."""
    file = tmp_path / "ledger.jsonl"
    append(file, (FIRST,))
    with file.open("ab") as stream:
        stream.write(entry_line(SECOND)[:20])

    before = read_ledger(file)
    append(file, (SECOND,))

    assert before == (FIRST,)
    assert read_ledger(file) == (FIRST, SECOND)


def test_a_damaged_line_is_never_passed_over(tmp_path: Path) -> None:
    """Whoever is in it would come back unnoticed; and the error does not quote it."""
    file = tmp_path / "ledger.jsonl"
    append(file, (FIRST, SECOND))
    file.write_bytes(file.read_bytes().replace(b'"subject":"4711"', b'"subjekt":"4711"'))

    with pytest.raises(BackupInvalid) as caught:
        read_ledger(file)

    assert "4711" not in str(caught.value)


def test_an_entry_tells_nobody_who_it_is_about() -> None:
    """Neither when it is printed nor by the name of its object."""
    assert "4711" not in repr(FIRST)
    assert "4711" not in erasure_key("shop", FIRST.id)
    assert id_of_key("shop", erasure_key("shop", FIRST.id)) == FIRST.id
    assert id_of_key("shop", "shop/erasure/../x.json.zst.gpg") is None


def test_an_entry_of_a_newer_program_is_refused() -> None:
    """It may say what this one does not understand."""
    line = entry_line(FIRST).replace(b'"format_version":1', b'"format_version":2')

    with pytest.raises(BackupInvalid, match="newer program"):
        read_entry(line, "ledger")


def test_a_ledger_that_cannot_be_written_is_told_before_anybody_is_erased(tmp_path: Path) -> None:
    """A directory in its place."""
    (tmp_path / "ledger").mkdir()

    with pytest.raises(StoreFull, match="cannot be written"):
        append(tmp_path / "ledger", (FIRST,))


def statements_in(directory: Path, **files: str) -> Path:
    """Files of these names; two underscores stand for a dot."""
    for name, text in files.items():
        (directory / f"{name.replace('__', '.')}.sql").write_text(text)
    return directory


def test_statements_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """With the database that a first line names."""
    statements_in(
        tmp_path,
        b="DELETE FROM users WHERE id = :subject",
        a="-- database: audit\nDELETE FROM log WHERE who = :subject;",
        a__check="SELECT 1 FROM users WHERE id = :subject",
    )

    found = read_statements(tmp_path)

    assert [item.name for item in found.erasing] == ["a.sql", "b.sql"]
    assert found.databases == ("audit", "")
    assert [item.name for item in found.checks] == ["a.check.sql"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a": "DELETE FROM users WHERE id = :subject"}, "finds what is left"),
        ({"a__check": "SELECT 1 FROM users WHERE id = :subject"}, "erases a person"),
        ({"a": "DELETE FROM users", "a__check": "SELECT 1 FROM u WHERE id = :subject"}, "about everybody"),
        ({"a": "-- nothing", "a__check": "SELECT 1 FROM u WHERE id = :subject"}, "erases a person"),
    ],
)
def test_statements_that_prove_nothing_or_erase_everybody_are_refused(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    """Before the first of them is run."""
    with pytest.raises(ConfigurationError, match=said):
        read_statements(statements_in(tmp_path, **files))


def test_a_directory_that_is_not_there_is_told() -> None:
    """With the name of the setting."""
    with pytest.raises(ConfigurationError, match=r"erasure\.statements"):
        read_statements(Path("/nowhere/at all"))
    with pytest.raises(ConfigurationError, match="how a person is erased"):
        read_statements(None)

"""What is known not to be the right state is not backed up: the next verification would be compared with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.operations.verify_recovery.verify import with_backup, with_wal
from dr.policy.recovered_state import Finding, Said
from tests.unit.operations.places import system


def found(name: str, said: Said) -> VerifiedRecovery:
    """A database that answers, and one more answer."""
    answers = Finding("database answers", Said.PASSED, "it does")
    return VerifiedRecovery("shop", (answers, Finding(name, said, "as told")), ())


@pytest.mark.parametrize("name", ["database's name", "timeline", "tables", "rows"])
def test_neither_backup_nor_wal_of_a_state_that_is_not_the_right_one(tmp_path: Path, name: str) -> None:
    """Both are left open, with what is to be mended first."""
    wrong = found(name, Said.FAILED)
    backup = with_backup(system(tmp_path), wrong, run="t")
    wal = with_wal(system(tmp_path), wrong, run="t", seconds=1)

    for asked in (backup, wal):
        assert asked.findings[-1].said is Said.UNPROVEN
        assert f"first mend {name}" in asked.findings[-1].detail
    assert backup.backup == ""


@pytest.mark.parametrize(("name", "said"), [("redis", Said.FAILED), ("rows", Said.UNPROVEN)])
def test_what_says_nothing_against_the_data_keeps_nobody_from_a_backup(tmp_path: Path, name: str, said: Said) -> None:
    """It is tried: here it fails, for there is no server."""
    backup = with_backup(system(tmp_path), found(name, said), run="t")

    assert backup.findings[-1].name == "backup"
    assert "first mend" not in backup.findings[-1].detail

"""``dr verify-backup`` as an operator uses it: what is due, one backup, and what a damaged copy looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.command import Dr


def test_what_is_due_is_read_and_listed_as_proven(dr: Dr) -> None:
    """After a backup both copies are new; the proof shows in dr show, and in the run's own document."""
    assert dr("backup").code == 0

    verified = dr("verify-backup", "--json")

    assert verified.code == 0, verified.err
    copies = verified.document["copies"]
    assert [(row["outcome"], row["level"], row["why"]) for row in copies] == [
        ("passed", "listed", "not read again since it was published")
    ] * 2
    shown = dr("show", copies[0]["backup"], "--json").document
    assert verified.document["run"] in {item["run"] for item in shown["verifications"]}


@pytest.mark.incident("I29")
def test_a_damaged_copy_is_red_and_no_longer_proven(dr: Dr) -> None:
    """Exit code 9, the copy, the level it does not reach and what to do; other copies are read all the same."""
    assert dr("backup").code == 0
    (archive,) = Path(dr.environment["DR_BACKUP_ROOT"]).rglob("base.tar.*.gpg")
    data = bytearray(archive.read_bytes())
    data[len(data) // 3] ^= 1
    archive.write_bytes(data)

    verified = dr("verify-backup")

    assert verified.code == 9
    assert "not checksummed" in verified.out
    assert "passed" in verified.out
    assert "damaged" in verified.err
    assert "dr backup" in verified.err
    assert "NOT PROVEN" in dr("list").out
    label = archive.parent.name
    assert dr("verify-backup", label, "--store", "local").code == 9
    assert dr("verify-backup", label, "--store", "elsewhere").code == 10
    assert dr("verify-backup", "nonsense").code == 10

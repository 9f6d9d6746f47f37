"""Where a recovery goes when nobody said where."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.errors import TargetRefused
from dr.operations.plan_recovery import choose, plan
from tests.unit.operations.places import base, dump, put_backup, system

NIGHT = datetime(2024, 1, 1, 2, tzinfo=UTC)
LABEL = "base_20240101_020000_full"


def test_the_same_backup_is_restored_beside_what_was_restored_before(tmp_path):
    """Each into a place of its own: never refused for the last one, and never over it."""
    mine = system(tmp_path)
    put_backup(mine, base(NIGHT))
    restored = tmp_path / "state" / "restored"
    seen = []
    for _ in range(3):
        target = choose(mine, "latest", "").target
        directory = target.directory
        seen.append(directory)
        directory.mkdir(parents=True)
        (directory / "PG_VERSION").write_text("16\n")

    assert seen == [restored / LABEL, restored / f"{LABEL}_2", restored / f"{LABEL}_3"]


@pytest.mark.parametrize("left", ["a file", "a link to nowhere", "tablespaces"])
def test_a_place_that_would_be_refused_is_not_chosen(tmp_path, left):
    """Whatever stands there; an empty directory is as good as none."""
    mine = system(tmp_path)
    put_backup(mine, base(NIGHT))
    restored = tmp_path / "state" / "restored"
    restored.mkdir(parents=True)
    if left == "a file":
        (restored / LABEL).write_text("")
    elif left == "a link to nowhere":
        (restored / LABEL).symlink_to(tmp_path / "gone")
    else:
        (restored / f"{LABEL}_tablespaces" / "16384").mkdir(parents=True)
    (restored / f"{LABEL}_2").mkdir()

    assert choose(mine, "latest", "").target.directory == restored / f"{LABEL}_2"


def test_a_directory_that_was_named_is_never_replaced_by_another(tmp_path):
    """Who says where, means it: it is refused instead."""
    mine = system(tmp_path)
    put_backup(mine, base(NIGHT))
    (tmp_path / "mine" / "file").mkdir(parents=True)

    chosen = choose(mine, "latest", str(tmp_path / "mine"))

    assert chosen.target.directory == tmp_path / "mine"
    with pytest.raises(TargetRefused, match="not empty"):
        plan(mine, chosen)


def test_a_dump_has_no_place_of_its_own(tmp_path):
    """A database has to be named."""
    mine = system(tmp_path)
    put_backup(mine, dump(NIGHT))

    with pytest.raises(TargetRefused, match="needs a database"):
        choose(mine, "backup_20240101_020000", "")

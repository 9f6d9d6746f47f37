"""What a damaged database asks for: a restore, or no more than an index built anew."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.errors import TargetRefused
from dr.operations.database.assess_damage import require_restore
from dr.policy.damage import Advice, ChecksumFailures, Damage, Damaged, What
from dr.postgres.damaged_files import parse_damage
from dr.postgres.read_damage import NamedFile

INDEX = Damaged("shop", What.INDEX, 'shop."Key"', "3 entries for 4 rows")
TABLE = Damaged("shop", What.TABLE, "shop.orders", "invalid page in block 7 of relation base/1/2")


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (Damage(False, "nobody listens"), Advice.RESTORE),
        (Damage(True), Advice.NOTHING_FOUND),
        (Damage(True, damaged=(INDEX,)), Advice.REINDEX),
        (Damage(True, damaged=(INDEX, TABLE)), Advice.RESTORE),
        (Damage(True, damaged=(Damaged("shop", What.CATALOG, "pg_catalog.pg_class", "invalid page"),)), Advice.RESTORE),
        (Damage(False, damaged=(INDEX,)), Advice.RESTORE),
    ],
)
def test_only_indexes_alone_are_built_anew(damage: Damage, advice: Advice) -> None:
    """A catalog is no such index, and a server that does not answer builds nothing."""
    assert damage.advice is advice


def test_an_index_alone_is_no_reason_to_restore() -> None:
    """What to do instead is said, ready to be copied."""
    with pytest.raises(TargetRefused, match="only indexes") as caught:
        require_restore(Damage(True, damaged=(INDEX, INDEX)))

    assert caught.value.hint.count("REINDEX INDEX CONCURRENTLY") == 1
    assert 'shop."Key"' in caught.value.hint
    require_restore(Damage(True, damaged=(INDEX, TABLE)))
    require_restore(Damage(True))


def test_files_are_named_by_what_lies_in_them() -> None:
    """Further segments and forks are the same relation; what nobody knows keeps its path; blocks are counted."""
    names = {"base/16384/16400": NamedFile("shop", What.TABLE, "shop.orders")}
    said = (
        'x: error: checksum verification failed in file "/data/base/16384/16400.2", block 9: calculated ...\n'
        'x: error: checksum verification failed in file "/data/base/16384/16400", block 7: calculated ...\n'
        'x: error: checksum verification failed in file "/data/base/16384/99_vm", block 0: calculated ...\n'
        'x: error: could not read block 3 in file "/data/global/1260": read 100 of 8192\n'
    )

    found = parse_damage(said, "/data", names)

    assert [str(item).split(":")[0] for item in found] == [
        "table shop.orders in shop",
        "file base/16384/99",
        "file global/1260",
    ]
    assert "2 (block 9, 7)" in found[0].said


def test_what_is_found_twice_is_told_once() -> None:
    """By the server and on disk."""
    damage = Damage(True, damaged=(TABLE,)).with_files(
        (Damaged("shop", What.TABLE, "shop.orders", "on disk"), Damaged("shop", What.INDEX, "shop.k", "on disk")),
        ("n",),
    )

    assert [item.name for item in damage.damaged] == ["shop.orders", "shop.k"]
    assert damage.notes == ("n",)


def test_the_first_sign_is_the_earliest_failure() -> None:
    """The damage is at least as old."""
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    failures = (ChecksumFailures("a", 1, late), ChecksumFailures("b", 2, early), ChecksumFailures("c", 1, None))

    assert Damage(True, checksum_failures=failures).first_seen == early
    assert Damage(True).first_seen is None

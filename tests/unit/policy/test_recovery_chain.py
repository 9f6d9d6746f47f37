"""Which timeline, base backup and WAL a recovery takes, and what it refuses with which words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label, Method
from dr.catalog.timelines import parse_history
from dr.errors import BackupNotFound, TargetRefused
from dr.policy.recovery_chain import Road, choose_base, choose_road, wal_behind
from dr.policy.recovery_point import Base, Located
from dr.policy.recovery_reach import MARGIN, Reach, ambiguities, is_inside, needed, require_inside
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.policy.wal_coverage import WalHoldings
from tests.unit.catalog.examples import manifest, proof
from tests.unit.catalog.wal_examples import DAWN, WAL, blocks, closed_at, lsn, partial, stored

LATEST = RecoveryTarget()
FORK = {2: parse_history("1\t0/A000500\tno recovery target specified\n")}


def base(number: int, timeline: int = 1, **other: Any) -> Base:
    """A backup that ended in the middle of the segment at a place, half a minute after it was begun."""
    method = Method.INCREMENTAL if other.get("parent") else Method.FULL
    label = Label(DAWN + timedelta(minutes=number), Kind.BASE, method)
    fields: dict[str, Any] = {
        "timeline": timeline,
        "begin_lsn": lsn(number),
        "end_lsn": lsn(number, 0x500),
        "server_end": DAWN + timedelta(minutes=number, seconds=30),
        "next_xid": number * 100,
    }
    return Base(manifest(label, **{**fields, **other}), ("local",))


def at(when: datetime, **other: Any) -> RecoveryTarget:
    """A target in time."""
    return RecoveryTarget(TargetKind.TIME, time=when, **other)


def minute(number: float) -> datetime:
    """Minutes since the first segment began: a segment is closed each minute."""
    return DAWN + timedelta(minutes=number)


def road(timeline: int = 1) -> Road:
    """The way to a timeline; the second branched off within the eleventh segment of the first."""
    return choose_road(timeline, WalHoldings(blocks(1, range(20))), FORK, None)


def nobody(label: str) -> None:
    """No parent is ever found."""


def test_no_more_backups_are_read_than_needed():
    """Of ten thousand the newest is enough for the newest WAL, and as many as lie behind a time for that."""
    read: list[str] = []

    def bases() -> Iterator[Base]:
        for number in range(10_000, 0, -1):
            read.append(str(number))
            yield base(number)

    assert choose_base(bases(), road(), LATEST, nobody).base.label == base(10_000).label
    assert len(read) == 1
    choose_base(bases(), road(), at(minute(9_990)), nobody)
    assert len(read) == 1 + 12


@given(st.lists(st.integers(1, 500), min_size=1, unique=True), st.integers(0, 510 * 60))
def test_the_newest_backup_that_ended_before_the_time_is_taken(numbers, seconds):
    """Whatever backups there are; when all ended later the first of them is named."""
    when = DAWN + timedelta(seconds=seconds)
    bases = [base(number) for number in sorted(numbers, reverse=True)]
    before = [item for item in bases if item.ended <= when]

    if before:
        assert choose_base(bases, road(), at(when), nobody).base == before[0]
        return
    with pytest.raises(TargetRefused, match="first consistent point") as refused:
        choose_base(bases, road(), at(when), nobody)
    assert bases[-1].label in refused.value.detail


@pytest.mark.parametrize(
    "target",
    [
        RecoveryTarget(TargetKind.LSN, lsn=lsn(5, 0x4FF)),
        RecoveryTarget(TargetKind.XID, xid=499),
        at(minute(5.5) - timedelta(microseconds=1)),
    ],
)
def test_a_backup_that_may_hold_what_comes_after_the_target_is_not_taken(target):
    """LSN, transaction and time each against the backup's own end."""
    assert choose_base([base(5), base(4)], road(), target, nobody).base == base(4)


def test_what_the_servers_clock_says_decides_when_it_is_ahead():
    """The backup ended three hours later by the server's clock than by ours; targets are by the server's."""
    ahead = base(5, server_end=minute(5.5 + 180))

    with pytest.raises(TargetRefused):
        choose_base([ahead], road(), at(minute(100)), nobody)
    assert choose_base([ahead], road(), at(minute(200)), nobody).base == ahead


def test_a_backup_beyond_the_branch_does_not_lead_to_the_new_timeline():
    """It holds what was abandoned."""
    beyond = base(12)
    chosen = choose_base([beyond, base(8)], road(2), LATEST, nobody)

    assert chosen.base == base(8)
    assert any("after timeline 2 branched off" in note for note in chosen.notes)


def test_a_chain_is_taken_whole_or_not_at_all():
    """A parent that is missing or damaged leads to the next older backup, and the reason is told."""
    full, damaged = base(1), base(2, verifications=(proof("local", passed=False),))
    known = {item.label: item for item in (full, damaged)}
    good = base(4, parent=full.label)
    on_damaged, lost = base(5, parent=damaged.label), base(6, parent="base_20200101_000000_full")

    chosen = choose_base([lost, on_damaged, good, full], road(), LATEST, known.get)

    assert chosen.chain == (full, good)
    assert any(lost.label in note and "missing" in note for note in chosen.notes)
    assert any(on_damaged.label in note and "damaged" in note for note in chosen.notes)


def test_a_proven_backup_is_preferred_and_an_unproven_one_better_than_none():
    """The WAL behind an older one leads to the same end."""
    unproven = base(6, verifications=())

    chosen = choose_base([unproven, base(5)], road(), LATEST, nobody)
    assert chosen.base == base(5)
    assert any("not proven" in note for note in chosen.notes)
    assert choose_base([unproven], road(), LATEST, nobody).base == unproven


def test_where_none_was_ever_proven_not_all_are_read():
    """A dozen will do to see it; but damaged ones are passed over however many there are."""
    many = iter([base(number, verifications=()) for number in range(1000, 0, -1)])
    assert choose_base(many, road(), LATEST, nobody).base.label == base(1000).label
    assert len(list(many)) > 980

    damaged = [base(number, verifications=(proof("local", passed=False),)) for number in range(200, 100, -1)]
    assert choose_base([*damaged, base(3)], road(), LATEST, nobody).base == base(3)


def test_no_backup_at_all_is_another_error():
    """There is no window to speak of."""
    with pytest.raises(BackupNotFound):
        choose_base([], road(), LATEST, nobody)


def test_the_newest_timeline_whose_history_is_known_is_followed():
    """One that nothing leads to is left aside and named."""
    holdings = WalHoldings([*blocks(1, range(20)), *blocks(2, range(10, 15)), *blocks(3, range(14, 16))])

    chosen = choose_road(None, holdings, FORK, base(4))

    assert chosen.timeline == 2
    assert any("timeline 3 is left aside" in note for note in chosen.notes)
    assert choose_road(1, holdings, FORK, base(4)).timeline == 1
    assert choose_road(None, holdings, {}, base(14, 3)).timeline == 3


def test_a_backup_carries_its_own_wal():
    """The segments up to its end are not needed; if the segment it ended in was never stored, the next one follows."""
    whole = wal_behind(WalHoldings(blocks(1, range(3, 9))), road(), base(5))
    assert whole is not None
    assert [WAL.number(piece.segment) for piece in whole.pieces] == [5, 6, 7, 8]
    following = wal_behind(WalHoldings(blocks(1, range(6, 9))), road(), base(5))
    assert following is not None
    assert [WAL.number(piece.segment) for piece in following.pieces] == [6, 7, 8]
    later = wal_behind(WalHoldings(blocks(1, range(7, 9))), road(), base(5))
    assert later is not None
    assert later.pieces == ()


def reach(holdings: WalHoldings, begin: Base, **other: Any) -> Reach:
    """How far it goes from a backup."""
    return Reach(begin, wal_behind(holdings, road(), begin), **other)


def test_a_time_is_inside_up_to_what_is_known_to_be_acknowledged():
    """The server's time of the last piece, or of its last commit where that was looked up."""
    holdings = WalHoldings(blocks(1, range(1, 9)))
    far = reach(holdings, base(3))

    assert is_inside(at(closed_at(8)), far, None)
    late = at(closed_at(8) + timedelta(milliseconds=5))
    assert not is_inside(late, far, None)
    assert is_inside(late, reach(holdings, base(3), last_commit=closed_at(8) + timedelta(seconds=1)), None)


@pytest.mark.incident("I6")
def test_behind_the_last_wal_the_window_is_told():
    """From the backup's end to the last WAL, as time and as LSN."""
    holdings = WalHoldings(blocks(1, range(1, 9)))

    for target in (at(minute(60)), RecoveryTarget(TargetKind.LSN, lsn=lsn(9, 1))):
        with pytest.raises(TargetRefused, match="after the last WAL") as refused:
            require_inside(target, reach(holdings, base(3)), None, road())
        assert f"{base(3).ended:%Y-%m-%d %H:%M:%S.%f} UTC" in refused.value.detail
        assert f"{closed_at(8):%Y-%m-%d %H:%M:%S.%f} UTC" in refused.value.detail
    require_inside(RecoveryTarget(TargetKind.LSN, lsn=lsn(9)), reach(holdings, base(3)), None, road())


@pytest.mark.incident("I6")
def test_in_a_gap_the_missing_segments_are_named_and_what_comes_after_it():
    """Also when a later backup makes what follows recoverable again."""
    holdings = WalHoldings(blocks(1, [*range(1, 5), *range(7, 12)]))

    with pytest.raises(TargetRefused, match="2 segments") as refused:
        require_inside(at(minute(6)), reach(holdings, base(3), later=base(8)), None, road())

    assert "000000010000000000000005 to 000000010000000000000006" in str(refused.value)
    assert f"again from {base(8).ended:%Y-%m-%d %H:%M:%S.%f} UTC" in refused.value.detail


def test_no_more_wal_is_fetched_than_the_target_takes():
    """A time takes two minutes more than its own, an LSN the segment behind it."""
    holdings = WalHoldings(blocks(1, range(1, 100)))
    span = wal_behind(holdings, road(), base(3))
    assert span is not None

    def last(target: RecoveryTarget, located: Located | None = None) -> int:
        return WAL.number(needed(span, WAL, target, located)[-1].segment)

    assert last(LATEST) == 99
    assert closed_at(last(at(minute(20.5)))) >= minute(20.5) + MARGIN > closed_at(last(at(minute(20.5))) - 1)
    assert last(RecoveryTarget(TargetKind.LSN, lsn=lsn(30, 5))) == 31
    assert last(RecoveryTarget(TargetKind.XID, xid=9), Located(lsn(40))) == 41
    assert needed(span, WAL, RecoveryTarget(TargetKind.IMMEDIATE), None) == ()


@pytest.mark.incident("I6")
def test_a_time_of_which_an_abandoned_timeline_has_wal_is_ambiguous():
    """Before the branch it is not, and on the abandoned timeline itself the other one is named."""
    holdings = WalHoldings([*blocks(1, range(1, 15)), *blocks(2, range(10, 20))])

    assert ambiguities(at(minute(5)), road(2), holdings) == ()
    (warning,) = ambiguities(at(minute(13)), road(2), holdings)
    assert "timeline 1" in warning
    assert ambiguities(at(minute(17)), road(2), holdings) == ()
    (other,) = ambiguities(RecoveryTarget(TargetKind.LSN, lsn=lsn(12), timeline=1), road(1), holdings)
    assert "--timeline 2" in other


def test_the_open_segment_counts_as_far_as_it_was_written():
    """An LSN in its unwritten part is after the last WAL."""
    holdings = WalHoldings(blocks(1, range(1, 9), partials=[partial(1, 9, 0x8000)]))

    require_inside(RecoveryTarget(TargetKind.LSN, lsn=lsn(9, 0x8000)), reach(holdings, base(3)), None, road())
    with pytest.raises(TargetRefused):
        require_inside(RecoveryTarget(TargetKind.LSN, lsn=lsn(9, 0x8001)), reach(holdings, base(3)), None, road())


def test_where_nobody_noted_the_time_the_last_commit_decides():
    """Nothing is promised of WAL whose time is unknown."""
    unknown = [stored(1, number, server_closed_at=None) for number in range(1, 9)]
    holdings = WalHoldings([b.with_segments(tuple(unknown)) for b in blocks(1, [1])])

    assert not is_inside(at(minute(5)), reach(holdings, base(3)), None)
    assert is_inside(at(minute(5)), reach(holdings, base(3), last_commit=minute(6)), None)

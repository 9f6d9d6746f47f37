"""Days of logs: which are over, which are due, and what a shipped day says of itself."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import ComponentContents, Item
from dr.policy.log_days import (
    OPEN,
    DayFrom,
    Filed,
    Link,
    breaks,
    chain,
    due,
    ends,
    entries,
    file_under,
    key_of,
    stem_of,
    too_late,
)

NOW = datetime(2024, 1, 10, 2, tzinfo=UTC)
TODAY = NOW.date()
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "name, hours_ago, day_from, expected",
    [
        ("app-2024-01-09.log", 3, DayFrom.NAME, Filed(date(2024, 1, 9), True)),
        ("app.log-20240108.gz", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("2024/01/08/app.log", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("app-2024-01-09.log", 0.5, DayFrom.NAME, Filed(TODAY, False)),
        ("app-2024-01-10.log", 2, DayFrom.NAME, Filed(TODAY, False)),
        ("app-2024-02-10.log", 90, DayFrom.NAME, Filed(TODAY, False)),
        ("app.log", 200, DayFrom.NAME, Filed(TODAY, False)),
        ("app.log", 200, DayFrom.MTIME, Filed(TODAY, False)),
        ("app.log.1", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("app.log.1", 1, DayFrom.NAME, Filed(TODAY, False)),
        ("app-2024-01-05.log", 30, DayFrom.MTIME, Filed(date(2024, 1, 8), True)),
        ("releases/20240102103000/log/app.log", 30, DayFrom.NAME, Filed(TODAY, False)),
        ("releases/20240102103000/log/app.log.1", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("2024-01-02/app.log", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("2024/01/08.log", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("20240105/app.log", 30, DayFrom.NAME, Filed(date(2024, 1, 5), True)),
        ("app-2024-01-04.log", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
        ("app-2024-01-09.log", 9999, DayFrom.NAME, Filed(date(2024, 1, 9), True)),
        ("audit.log.gz", 30, DayFrom.NAME, Filed(date(2024, 1, 8), True)),
    ],
)
def test_a_file_is_filed_under_one_day_and_closed_when_that_is_over(name, hours_ago, day_from, expected):
    """By the date in its name, or its last write where that came days later; in use, just written, not over: open."""
    modified = NOW - timedelta(hours=hours_ago)

    assert file_under(name, modified, NOW, day_from=day_from, settle=HOUR) == expected


@given(st.integers(0, 12), st.integers(1, 60), st.sampled_from(["", ".gz", ".xz", ".zst", ".bz2"]))
def test_rotating_a_file_further_changes_neither_its_day_nor_its_key(number, days, ending):
    """Whatever its number and its packing are now."""
    modified = NOW - timedelta(days=days)
    before = file_under("app.log.1", modified, NOW, day_from=DayFrom.NAME, settle=HOUR)
    name = f"app.log.{number}{ending}"

    assert file_under(name, modified, NOW, day_from=DayFrom.NAME, settle=HOUR) == before
    assert key_of(stem_of(f"/var/log/{name}"), "ab") == key_of(stem_of("/var/log/app.log.1"), "ab")
    assert key_of(stem_of("/var/log/other.log.1"), "ab") != key_of(stem_of("/var/log/app.log.1"), "ab")


_ENTRIES = st.frozensets(st.tuples(st.dates(date(2023, 12, 1), TODAY), st.sampled_from("abcdef")), max_size=8)


@given(_ENTRIES, st.dictionaries(st.sampled_from(["local", "cloud"]), _ENTRIES), st.integers(1, 40))
def test_what_is_due_is_what_some_store_lacks_and_still_wants_and_once_sent_it_is_due_no_more(files, held, days):
    """Of any files and any holdings; the cloud keeps for ever."""
    oldest = {"local": TODAY - timedelta(days=days), "cloud": None}

    going = due(files, held, oldest)

    for entry in files:
        lacking = [name for name, there in held.items() if entry not in there]
        assert (entry in going) == any(name == "cloud" or entry[0] >= oldest["local"] for name in lacking)
    assert not due(files, {name: there | going for name, there in held.items()}, oldest)


def test_what_no_store_keeps_any_more_is_not_due_and_is_told_from_what_one_does():
    """A store that keeps for ever keeps every day; without stores nothing was dropped by a period."""
    old, new = (TODAY - timedelta(days=40), "a"), (TODAY, "b")
    month, week = TODAY - timedelta(days=30), TODAY - timedelta(days=7)

    assert too_late({old, new}, [month, week]) == {old}
    assert too_late({old, new}, [month, None]) == too_late({old, new}, []) == frozenset()


def _contents(*items: Item, **facts: str) -> ComponentContents:
    return ComponentContents(NOW, items, facts=facts)


def test_an_open_day_counts_as_content_and_never_as_shipped():
    """The day that is over is what its files are; the newest day, open or not, says how old the backup is."""
    contents = _contents(Item("2024-01-09", 2, 5, "d", "k1 k2"), Item("2024-01-10", 1, 5, "d", OPEN))

    assert entries(contents) == {(date(2024, 1, 9), "k1"), (date(2024, 1, 9), "k2")}
    assert ends(contents) == datetime(2024, 1, 11, tzinfo=UTC)
    assert ends(_contents()) is None
    assert ends(None) is None


@given(st.integers(2, 6), st.data())
def test_whatever_is_altered_in_a_chain_of_backups_breaks_it(length, data):
    """Any field of any item, any link left out or put in another's place; untouched it is whole, wherever it begins."""
    links: list[Link] = []
    before, previous = "", ""
    for number in range(length):
        items = (Item(f"2024-01-{number + 1:02}", number, number * 10, f"digest{number}", f"k{number}"),)
        links.append(Link(f"label{number}", before, previous, chain(previous, items), items))
        before, previous = links[-1].label, links[-1].chain
    which = data.draw(st.integers(0, length - 1))
    field = data.draw(st.sampled_from(["name", "count", "bytes", "digest", "detail"]))
    change = {field: 77 if field in ("count", "bytes") else "else"}
    forged = dataclasses.replace(links[which], items=(dataclasses.replace(links[which].items[0], **change),))

    assert breaks(links) == breaks(links[which:]) == ()
    assert breaks([*links[:which], forged, *links[which + 1 :]])
    if 0 < which < length - 1:
        assert breaks([*links[:which], *links[which + 1 :]])
    again = dataclasses.replace(forged, chain=chain(forged.previous_chain, forged.items))
    if which < length - 1:
        assert breaks([*links[:which], again, *links[which + 1 :]]), "forged with a chain that fits itself"
        led_to = dataclasses.replace(links[which + 1], previous_chain=again.chain)
        assert breaks([*links[:which], again, led_to, *links[which + 2 :]]), "and the next one led to it"

"""``dr window``: to which moments the system can be recovered, from which store, and what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.figures import age, size
from dr.cli.runners import effective_configuration
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.operations.wal.window import StoreWindow, SystemWindow
    from dr.policy.wal_coverage import Gap
    from dr.policy.wal_window import Interval, Window

_ALL = "all together"
_EVERY = 0


def window(
    session: Session,
    timeline: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", show_default=False, help="Only this timeline (else all).")
    ] = _EVERY,
) -> None:
    """Show the moments the database can be recovered to.

    From the end of a base backup on, as far as the WAL goes without a hole:
    of all stores together, and of each if it were the only one left.

    Example:
      dr window --system shop
    """
    system = effective_configuration(session).system
    from dr.operations.wal.gone import look_for_gone
    from dr.operations.wal.window import find_window

    found = find_window(system, look_for_gone(system))
    if timeline:
        found = found.on(timeline)
    now = datetime.now(UTC)
    session.output.document.update(_document(found, now))
    _tell(session, found, now)


def _tell(session: Session, found: SystemWindow, now: datetime) -> None:
    out, current = session.output, found.together.current
    for name, why in found.silent:
        out.note(f"WARNING: store {name} does not tell what it has: {why}")
    for text in (*found.unreadable, *found.disagreements):
        out.note(f"WARNING: {text}")
    if current is not None:
        out.say(
            f"{found.system} can be recovered to any moment\n"
            f"  from  {_when(current.begin, now)}\n"
            f"  to    {_when(current.end, now)}{'' if current.noted else ', and on to the end of the WAL'}\n"
            f"on timeline {current.timeline}, with all its stores at hand."
        )
    else:
        out.say(f"{found.system} can NOT be recovered to a moment of choice: no WAL continues a base backup.")
    if found.together.broken:
        out.say(f"What is committed now can NOT be recovered until a new base backup is made: {found.together.broken}.")
    windows = [(_ALL, found.together)] if len(found.stores) != 1 else []
    windows += [(item.store, item.window) for item in found.stores]
    out.table("Recoverable", [_row(store, item, now) for store, one in windows for item in one.intervals])
    out.table("Missing WAL", [_gap_row(store, gap) for store, one in windows for gap in one.holes])
    out.table("Stores", [_store_row(item) for item in found.stores])
    for store, one in windows:
        if one.lone_bases:
            out.say(
                f"{store}: {one.lone_bases} of {one.bases} base backups have no WAL behind them (newest "
                f"{one.newest_lone}): each can be recovered to its own end only."
            )
        for number in one.lost_histories:
            out.say(f"{store}: the history file of timeline {number} is missing: no recovery crosses over to it.")


def _when(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({age((now - moment).total_seconds())} ago)"


def _row(store: str, item: Interval, now: datetime) -> dict[str, object]:
    return {
        "store": store,
        "timeline": item.timeline,
        "from": _when(item.begin, now),
        "to": _when(item.end, now) + ("" if item.noted else " at least"),
        "up to LSN": str(item.end_lsn),
        "base backups": item.bases,
        "oldest": item.oldest_base,
        "segments": item.segments,
        "WAL": size(item.stored_bytes),
        "ends because": _why(item.gap) if item.gap else "",
    }


def _why(gap: Gap) -> str:
    return f"{gap.first} is missing" + (f": {gap.reason}" if gap.reason else "")


def _gap_row(store: str, gap: Gap) -> dict[str, object]:
    return {
        "store": store,
        "first": str(gap.first),
        "last": str(gap.last),
        "segments": gap.count,
        "reason": gap.reason or "unknown",
    }


def _store_row(item: StoreWindow) -> dict[str, object]:
    return {
        "store": item.store,
        "newest WAL": item.newest,
        "segments": item.window.segments,
        "WAL": size(item.window.stored_bytes),
        "base backups": item.window.bases,
        "only here": item.only_here or None,
        "lacking": item.lacking or None,
    }


def _document(found: SystemWindow, now: datetime) -> dict[str, object]:
    return {
        "system": found.system,
        "now": now.isoformat(),
        "timelines": list(found.timelines),
        "together": _window(found.together, now),
        "stores": {
            item.store: {
                **_window(item.window, now),
                "newest_wal": item.newest,
                "segments_only_here": item.only_here,
                "segments_lacking": item.lacking,
            }
            for item in found.stores
        },
        "failures": dict(found.silent),
        "unreadable": list(found.unreadable),
        "disagreements": list(found.disagreements),
    }


def _window(one: Window, now: datetime) -> dict[str, object]:
    return {
        "oldest": one.oldest.isoformat() if one.oldest else None,
        "newest": one.newest.isoformat() if one.newest else None,
        "newest_age_seconds": round((now - one.newest).total_seconds(), 3) if one.newest else None,
        "intervals": [
            {
                "timeline": item.timeline,
                "begin": item.begin.isoformat(),
                "begin_lsn": str(item.begin_lsn),
                "end": item.end.isoformat(),
                "end_lsn": str(item.end_lsn),
                "end_noted": item.noted,
                "bases": item.bases,
                "oldest_base": item.oldest_base,
                "newest_base": item.newest_base,
                "segments": item.segments,
                "stored_bytes": item.stored_bytes,
                "gap": _gap_document(item.gap) if item.gap else None,
            }
            for item in one.intervals
        ],
        "gaps": [_gap_document(gap) for gap in one.holes],
        "segments": one.segments,
        "stored_bytes": one.stored_bytes,
        "bases": one.bases,
        "lone_bases": one.lone_bases,
        "newest_lone_base": one.newest_lone,
        "lost_histories": list(one.lost_histories),
        "broken": one.broken,
    }


def _gap_document(gap: Gap) -> dict[str, object]:
    return {"first": str(gap.first), "last": str(gap.last), "count": gap.count, "reason": gap.reason}

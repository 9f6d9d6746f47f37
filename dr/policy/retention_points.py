"""Which copies recovery points need: a point is worth nothing without its members, so they stay as long as it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from dr.catalog.labels import Kind, Label
from dr.policy.retention import Copy


@dataclass(frozen=True, slots=True)
class PointCopy:
    """A recovery point that stays, and those of its members that it needs in the store that is asked about."""

    label: Label
    members: frozenset[Label]


def members_here(
    members: Iterable[Label], store: str, point_stores: Collection[str], holders: Mapping[Label, Collection[str]]
) -> frozenset[Label]:
    """What a point needs in ``store``: everything where it lies itself, elsewhere what no store of its own has."""
    if store in point_stores:
        return frozenset(members)
    return frozenset(label for label in members if not set(holders.get(label, ())) & set(point_stores))


def needed_by_points(
    points: Iterable[PointCopy], unreadable: Iterable[Label], copies: Collection[Copy]
) -> Mapping[Label, str]:
    """The copies of one store that recovery points need, with the words for it.

    Of a point whose manifest cannot be read, everything may be a member that was the newest of its kind at the time.
    """
    needed: dict[Label, str] = {}
    for point in sorted(points, key=lambda item: item.label, reverse=True):
        for copy in copies:
            if copy.label in point.members:
                needed.setdefault(copy.label, f"{point.label} needs it")
    for point_label in unreadable:
        for label in _newest_at(point_label, copies):
            needed.setdefault(label, f"{point_label}, whose manifest cannot be read, may need it")
    return needed


def _newest_at(point: Label, copies: Iterable[Copy]) -> Iterable[Label]:
    """Of each kind and class the newest ones up to the point, back to one that is proven."""
    done: set[tuple[Kind, str]] = set()
    for copy in sorted(copies, key=lambda item: item.label, reverse=True):
        if copy.label.kind is Kind.POINT or copy.label.created > point.created or copy.group in done:
            continue
        yield copy.label
        if copy.proven:
            done.add(copy.group)

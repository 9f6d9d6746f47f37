"""Snapshots of RDS databases, and their copies in the other region."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dr.aws import tags as ours
from dr.aws.ec2 import AVAILABLE
from dr.aws.errors import AlreadyThere
from dr.aws.rds import DatabaseSnapshot, Rds
from dr.components.images.cloud import Cloud
from dr.components.images.make import BROKEN_HINT, Order
from dr.components.images.waiting import Sight, wait_for
from dr.policy.image_retention import BROKEN

_STUCK = (
    "What was made stays, tagged unfinished; the next run removes it. "
    "If its percentage moves, raise images.wait_minutes; if not, ask AWS."
)


def snapshot_name(order: Order, database: str) -> str:
    """RDS takes letters, digits and single hyphens.

    >>> snapshot_name(Order("my.shop", "images_20240101_020000", True, 1), "main")
    'dr-my-shop-images-20240101-020000-main'
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", f"dr {order.system} {order.label} {database}")


def make_snapshots(home: Cloud, names: Sequence[str], order: Order) -> dict[str, DatabaseSnapshot]:
    """A snapshot of each database, by database, all available."""
    made = {}
    for name in names:
        wanted = snapshot_name(order, name)
        try:
            made[name] = home.databases.create(name, wanted, order.tags(name))
        except AlreadyThere:
            found = home.databases.snapshot(wanted)
            if found is None or not ours.is_ours(found.tags, order.system):
                raise
            made[name] = found
    return _when_whole(home.databases, made, order)


def copy_snapshots(
    away: Cloud, snapshots: Mapping[str, DatabaseSnapshot], order: Order, kms_key: str | None
) -> dict[str, DatabaseSnapshot]:
    """A copy of each in another region, by database."""
    made = {
        name: away.databases.copy(item, snapshot_name(order, name), order.tags(name), kms_key)
        for name, item in snapshots.items()
    }
    return _when_whole(away.databases, made, order)


def finish(rds: Rds, snapshots: Sequence[DatabaseSnapshot]) -> None:
    """From now on they count."""
    for item in snapshots:
        rds.tag(item, {ours.STATE: ours.FINISHED})


def _when_whole(rds: Rds, made: Mapping[str, DatabaseSnapshot], order: Order) -> dict[str, DatabaseSnapshot]:
    latest = dict(made)

    def look() -> list[Sight]:
        return [_sight(rds, name, latest) for name in made]

    wait_for(look, order.wait_minutes, stuck=_STUCK, broken=BROKEN_HINT)
    return latest


def _sight(rds: Rds, name: str, latest: dict[str, DatabaseSnapshot]) -> Sight:
    what = f"snapshot {latest[name].id} of {name} in {rds.region}"
    found = rds.snapshot(latest[name].id)
    if found is None:
        return Sight(what, "", done=False)
    latest[name] = found
    failed = "RDS gives no reason" if found.state in BROKEN else ""
    return Sight(what, found.state, found.state == AVAILABLE, failed, f"{found.percent} %")

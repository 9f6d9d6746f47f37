"""Steps of backing up what is beside the database, and of tying it together: each a retryable task."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.labels import Kind
from dr.catalog.manifest import Verification
from dr.components.registry import BY_KIND, ROWS, Part, Row, configured
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations import expire, publish
from dr.operations import prove as proof
from dr.operations.component import back_up
from dr.operations.component import expire_images as images
from dr.operations.component import expire_packs as packs
from dr.operations.draft import Draft
from dr.operations.expire_plan import StoreExpiry
from dr.operations.point import compose, find
from dr.operations.point import mark as marking
from dr.operations.point.mark import Marked
from dr.operations.repositories import open_repository
from dr.policy.retention_periods import STANDARD
from tasks.runner import current_run, task
from tasks.systems import load_system

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Wanted:
    """A component to back up, or a part of one that is kept for a time of its own.

    ``may_be_missing``: that it does not answer is a note, as of a mere cache.
    """

    kind: Kind
    title: str
    keep_as: str
    may_be_missing: bool


@task(name="which components there are", timeout_seconds=60)
def wanted_components(system: str, part: Part, only: Sequence[Kind]) -> tuple[str, tuple[Wanted, ...]]:
    """The system's name, and the kinds of one part that it has, or those of them that were asked for."""
    settings = load_system(system, require_postgres=False)
    here = {row.kind: row for row in configured(settings, part)}
    missing = [kind for kind in only if kind not in here]
    if missing:
        raise ConfigurationError(
            f"{settings.name} has no {', '.join(_title(kind) for kind in missing)} to back up here",
            detail=f"its {part} has: {', '.join(_title(kind) for kind in here) or 'nothing'}",
            hint=_where_else(settings, part, missing[0]),
        )
    wanted = [row for row in here.values() if not only or row.kind in only]
    return settings.name, tuple(
        Wanted(row.kind, row.title if name == STANDARD else name, name, row.may_be_missing(settings))
        for row in wanted
        for name in row.classes(settings)
    )


def _where_else(settings: System, part: Part, kind: Kind) -> str:
    other = next((one for one in Part if one is not part), part)
    if any(row.kind is kind for row in configured(settings, other)):
        return f"dr {other}-backup backs it up."
    return f"Give it some: settings {kind}.*  (docs/components)"


def _title(kind: Kind) -> str:
    return BY_KIND[kind].title if kind in BY_KIND else str(kind)


@task(name="mark the database's position", retries=1, timeout_seconds=1200)
def mark_position(system: str) -> Marked:
    """Before anything else: a files' backup that begins later has every file that rows at the mark name."""
    return marking.mark_position(load_system(system, require_postgres=False))


def unmarked() -> Marked:
    """What stands until the server has been asked."""
    return Marked(datetime.now(UTC), reason="the server was not asked", not_measured="the server was not asked")


def _copy_step(row: Row) -> Callable[[str, str, bool], Draft]:
    @task(name=f"back up {row.title}", retries=2, timeout_seconds=24 * HOUR)
    def copy(system: str, keep_as: str, cloud: bool) -> Draft:
        settings = load_system(system, require_postgres=False)
        return back_up.back_up_component(settings, row.kind, run=current_run().id, cloud=cloud, keep_as=keep_as)

    return copy


_COPY: dict[Kind, Callable[[str, str, bool], Draft]] = {row.kind: _copy_step(row) for row in ROWS}


def copy_component(system: str, item: Wanted, cloud: bool) -> Draft:
    """Read the source, compress, encrypt and store in one pass; a step of its own name for each kind."""
    return _COPY[item.kind](system, item.keep_as, cloud)


@task(name="read it back", retries=2, timeout_seconds=24 * HOUR)
def read_component_back(system: str, draft: Draft) -> tuple[Verification, ...]:
    """Prove every store's copy."""
    return proof.prove(load_system(system, require_postgres=False), draft, run=current_run().id)


@task(name="publish the backup", retries=3, timeout_seconds=600)
def publish_component(system: str, draft: Draft, proofs: tuple[Verification, ...]) -> publish.Published:
    """Write the manifest: from now on the backup exists."""
    return publish.publish(load_system(system, require_postgres=False), draft, proofs)


@task(name="tie together what belongs together", retries=2, timeout_seconds=HOUR)
def compose_point(system: str, marked: Marked, fresh: Iterable[str], asked: Collection[Kind], cloud: bool) -> Draft:
    """Waits for the WAL up to the mark, looks for the files that rows name, and stores the recovery point."""
    settings = load_system(system, require_postgres=False)
    this = current_run().id
    return compose.compose_point(settings, marked, tuple(fresh), run=this, cloud=cloud, asked=asked)


@task(name="look at the recovery point", retries=2, timeout_seconds=600)
def look_at_point(system: str, label: str) -> find.FoundPoint:
    """How well it fits together, and whether all of it is there."""
    return find.find_point(load_system(system, require_postgres=False), label)


@task(name="expire copies", retries=1, timeout_seconds=HOUR)
def expire_copies(
    system: str, kinds: Collection[Kind], failed: Collection[Kind], cloud: bool
) -> tuple[StoreExpiry, ...]:
    """Plan and carry out the expiry of these kinds in every store; returns every decision with its reason.

    Nothing goes of the ``failed`` ones.
    """
    settings = load_system(system, require_postgres=False)
    plan = expire.plan_component_expiry(settings, datetime.now(UTC), kinds=kinds, failed=failed, cloud=cloud)
    return expire.carry_out(settings, plan)


@task(name="let go of packs", retries=1, timeout_seconds=HOUR)
def expire_packs(system: str, cloud: bool) -> tuple[packs.PackExpiry, ...]:
    """Remove the contents of uploads that no backup needs any more; behind the manifests' expiry, never before."""
    settings = load_system(system, require_postgres=False)
    stores = tuple(open_repository(settings, cloud=cloud).stores)
    plan = packs.plan_pack_expiry(settings, datetime.now(UTC), stores=stores)
    return packs.remove_packs(settings, plan)


@task(name="expire server images", retries=1, timeout_seconds=HOUR)
def expire_images(system: str) -> tuple[images.ImageExpiry, images.ImagesRemoved]:
    """Deregister the images and delete the snapshots beyond the newest few of each server and region."""
    settings = load_system(system, require_postgres=False)
    plan = images.plan_images(settings, datetime.now(UTC), run_succeeded=True)
    return plan, images.apply_images(settings, plan)

"""Every day: what the application is beside its database, and one recovery point over everything.

The database's position is marked first, then each component is read: an upload is there before the row that names it,
so what rows at the mark name is found among the uploads. A part that fails never stops the others.
"""

from __future__ import annotations

from dr.catalog.component_kind import ComponentKind
from dr.catalog.labels import Kind
from dr.components.registry import Part
from dr.operations.backup_run import BackupRun, BackupSummary
from dr.operations.component.expire_packs import PackExpiry
from dr.operations.expire_plan import StoreExpiry
from tasks.components import (
    compose_point,
    copy_component,
    expire_copies,
    expire_packs,
    look_at_point,
    mark_position,
    publish_component,
    read_component_back,
    unmarked,
    wanted_components,
)
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting import show_backups, show_expiry
from tasks.reporting_components import show_components, show_packs, show_point
from tasks.runner import flow


@flow(name="application-backup", flow_run_name="application-backup-{system}", when_done=keep)
def application_backup(system: str = "", cloud: bool = True, only: tuple[ComponentKind, ...] = ()) -> BackupSummary:
    """Back up Redis, uploads, configuration, code, secrets, certificates and logs of one system, and tie them together.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        cloud: Store in every store of the system; off stores on this machine only.
        only: Only these kinds; empty for all that the system has. A recovery point is made all the same.
    """
    with exclusive(system, "application", cloud=cloud, require_postgres=False) as leases:
        name, wanted = wanted_components(system, Part.APPLICATION, only)
        run = BackupRun()
        marked = unmarked()
        with run.part("position of the database"):
            marked = mark_position(system)
        for item in wanted:
            with run.part(item.title, item.kind, may_be_missing=item.may_be_missing):
                draft = copy_component(system, item, cloud)
                run.add(draft, publish_component(system, draft, read_component_back(system, draft)))
            run.require(leases.check)

        point = None
        with run.part("recovery point", Kind.POINT):
            draft = compose_point(system, marked, run.labels, {item.kind for item in wanted}, cloud)
            run.add(draft, publish_component(system, draft, read_component_back(system, draft)))
            point = look_at_point(system, draft.manifest.label)
            run.concern(point.consistency.broken)
        run.require(leases.check)

        kinds = {*(item.kind for item in wanted), Kind.POINT}
        expiry: tuple[StoreExpiry, ...] = ()
        packs: tuple[PackExpiry, ...] = ()
        with run.part("expiry"):
            expiry = expire_copies(system, kinds, run.failed, cloud)
            if Kind.FILES in kinds - run.failed:
                packs = expire_packs(system, cloud)

    show_backups(run.made, run.problems, run.failed)
    show_components(run)
    if point is not None:
        show_point(point)
    show_expiry(expiry)
    show_packs(packs)
    return run.conclude(name)

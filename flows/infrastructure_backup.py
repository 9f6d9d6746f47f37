"""Every week: what the servers are made of. Images take an hour, so they have a run of their own."""

from __future__ import annotations

from dr.catalog.component_kind import ComponentKind
from dr.catalog.labels import Kind
from dr.components.registry import Part
from dr.operations.backup_run import BackupRun, BackupSummary
from dr.operations.expire_plan import StoreExpiry
from tasks.components import (
    copy_component,
    expire_copies,
    expire_images,
    publish_component,
    read_component_back,
    wanted_components,
)
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting import show_backups, show_expiry
from tasks.reporting_components import show_components, show_images
from tasks.runner import flow


@flow(name="infrastructure-backup", flow_run_name="infrastructure-backup-{system}", when_done=keep)
def infrastructure_backup(system: str = "", cloud: bool = True, only: tuple[ComponentKind, ...] = ()) -> BackupSummary:
    """Make server images and keep the state of the infrastructure as code of one system.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        cloud: Store in every store of the system; off stores on this machine only.
        only: Only these kinds; empty for all that the system has.
    """
    with exclusive(system, "infrastructure", cloud=cloud, require_postgres=False) as leases:
        name, wanted = wanted_components(system, Part.INFRASTRUCTURE, only)
        if not wanted:
            return BackupSummary(name, (), ())
        run = BackupRun()
        for item in wanted:
            with run.part(item.title, item.kind, may_be_missing=item.may_be_missing):
                draft = copy_component(system, item, cloud)
                run.add(draft, publish_component(system, draft, read_component_back(system, draft)))
            run.require(leases.check)

        kinds = {item.kind for item in wanted}
        expiry: tuple[StoreExpiry, ...] = ()
        images = None
        with run.part("expiry"):
            expiry = expire_copies(system, kinds, run.failed, cloud)
            if Kind.IMAGES in kinds - run.failed:
                images = expire_images(system)

    show_backups(run.made, run.problems, run.failed)
    show_components(run)
    show_expiry(expiry)
    if images is not None:
        show_images(*images)
    return run.conclude(name)

"""Every week: what the servers are made of. Images take an hour, so they have a run of their own."""

from __future__ import annotations

from dr.catalog.component_kind import ComponentKind
from dr.catalog.labels import Kind
from dr.components.registry import Part
from dr.operations.backup_run import BackupRun, BackupSummary
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
            with run.part(item.title, may_be_missing=item.may_be_missing):
                for draft in copy_component(system, item.kind, cloud):
                    run.add(draft, publish_component(system, draft, read_component_back(system, draft)))
            leases.check()
        expiry = expire_copies(system, tuple(item.kind for item in wanted), cloud, run_succeeded=run.succeeded)
        images_wanted = any(item.kind == Kind.IMAGES for item in wanted)
        expired = expire_images(system) if run.succeeded and images_wanted else None

    show_backups(run.made, run.problems)
    show_components(run)
    show_expiry(expiry)
    if expired is not None:
        show_images(*expired)
    return run.conclude(name)

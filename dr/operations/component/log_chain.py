"""Do the shipped audit logs still hang together? Each manifest carries a digest over itself and all before it."""

from __future__ import annotations

from dr.catalog.labels import Kind, Label
from dr.configuration.model import System
from dr.operations.repositories import open_repository
from dr.policy.log_days import Link, breaks
from dr.policy.retention_periods import AUDIT_LOGS
from dr.storage.repository import Repository


def check_log_chain(system: System, keep_as: str = AUDIT_LOGS) -> tuple[str, ...]:
    """What was altered or taken away since it was shipped, and what could not be asked; empty when all is as it was.

    The manifests say it; that the stored days are those of the manifests, ``dr verify-backup`` says.
    """
    found: list[str] = []
    links: dict[Label, tuple[str, Link]] = {}
    for name, store in open_repository(system).stores.items():
        listing = Repository(system.name, [store]).list([Kind.LOGS])
        found += [f"store {failed} could not be asked: {error.message}" for failed, error in listing.failures.items()]
        found += [f"a manifest cannot be read: {text}" for text in listing.unreadable]
        for backup in listing.backups:
            contents = backup.manifest.component
            if backup.manifest.retention_class != keep_as or contents is None:
                continue
            link = Link.of(backup.manifest.label, contents)
            first, known = links.setdefault(backup.label, (name, link))
            if known != link:
                found.append(f"{link.label} in {name} is not what it is in {first}")
    return (*found, *breaks([link for _, (_, link) in sorted(links.items())]))

"""The database's part of a recovery point: the base backup and WAL that lead to the mark, and the newest dump."""

from __future__ import annotations

import time

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest
from dr.catalog.points import DatabasePosition
from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound, StoreError, TargetRefused
from dr.operations.choose_point import choose_point
from dr.operations.point.mark import Marked
from dr.operations.repositories import open_repository
from dr.operations.wal.hurry import hurry
from dr.policy.recovery_target import RecoveryTarget, TargetKind

_PAUSE_SECONDS = 1.0
NO_WAL = "no WAL is kept of this server"


def database_position(system: System, marked: Marked) -> DatabasePosition | None:
    """Waits until the WAL up to the mark is stored, as long as the settings allow. None when there is no backup."""
    dump = _newest_dump(system)
    base, reason = _base_that_leads_there(system, marked)
    if base:
        return DatabasePosition(marked.at, marked.lsn, marked.timeline, base, dump.label if dump else "")
    if dump is None:
        return None
    return DatabasePosition(dump.begin, None, dump.timeline, "", dump.label, reason)


def keeps_wal(system: System) -> bool:
    """Whether the settings promise that every position can be recovered."""
    return system.postgres.physical and system.wal.method != "none"


def _newest_dump(system: System) -> Manifest | None:
    found = open_repository(system).newest_first([Kind.DUMP])
    return next((item.manifest for item in found if item.proven_level), None)


def _base_that_leads_there(system: System, marked: Marked) -> tuple[str, str]:
    """The base backup's label; empty with the reason when WAL does not lead to the mark."""
    if marked.lsn is None:
        return "", marked.reason
    if not keeps_wal(system):
        return "", NO_WAL
    # With its timeline: after a failover the same number means another place.
    target = RecoveryTarget(TargetKind.LSN, lsn=marked.lsn, timeline=marked.timeline)
    deadline = time.monotonic() + system.components.point.wait_seconds
    while True:
        hurry(system, until=marked.lsn)
        try:
            manifest = choose_point(system, target).base.manifest
        except BackupNotFound as error:
            return "", error.message  # waiting makes no base backup
        except (TargetRefused, BackupInvalid, StoreError) as error:
            if time.monotonic() >= deadline:
                return "", f"{error.message} {error.detail}".strip()
        else:
            if manifest.system_identifier == marked.cluster:
                return manifest.label, ""
            return "", f"the server is cluster {marked.cluster}, its backups are of {manifest.system_identifier}"
        time.sleep(_PAUSE_SECONDS)

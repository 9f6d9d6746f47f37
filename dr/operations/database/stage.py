"""Make the copy that will take production's place: restored, replayed, questioned, without those who were forgotten.

It is done as one: a copy in which a server has begun and was cut off is thrown away and made again.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dr.catalog.canary import Beat
from dr.configuration.model import System
from dr.errors import BackupInvalid, RecoveryFailed, StoreFull
from dr.evidence.findings import Check
from dr.evidence.phases import Phase, Stopwatch, merge
from dr.operations.check_recovery import check_running
from dr.operations.check_source import bin_directories
from dr.operations.database.place import identity_of
from dr.operations.drill.own_questions import server_log
from dr.operations.erasure.re_erase import Erased, re_erase
from dr.operations.plan_recovery import Chosen, choose
from dr.operations.rates import keep_rates
from dr.operations.restore import restore
from dr.operations.target import DirectoryTarget
from dr.operations.wal.replay import replayed
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.recovery_target import RecoveryTarget
from dr.postgres.account import make_directory
from dr.postgres.installations import server_for
from dr.postgres.page_checksums import check_pages

logger = logging.getLogger(__name__)

_BESIDE = ("", "_wal", "_chain")
_SPARE = 1.05


@dataclass(frozen=True, slots=True)
class Staged:
    """A copy that was questioned and stopped, and may go into service. ``reached`` is PostgreSQL's word on its end.

    ``identity`` is that of its directory (``identity_of``): no other may go into service for it. ``last_commit`` is of
    when the last commit in it is.
    """

    directory: str
    label: str
    store: str
    checks: tuple[Check, ...]
    tables: int
    rows: int
    canary: Beat | None
    reached: str
    erased: Erased
    phases: tuple[Phase, ...]
    notes: tuple[str, ...] = ()
    identity: str = ""
    last_commit: datetime | None = None


def choose_for(system: System, staged: Path, backup: str, until: RecoveryTarget) -> Chosen:
    """The backup and WAL for a copy in ``staged``; only base backups go into a directory."""
    return choose(system, backup, str(staged), until)


def stage(system: System, chosen: Chosen, owner_of: Path | None = None) -> Staged:
    """Make the copy in the directory that was chosen; what an earlier call has left there unfinished is removed first.

    ``owner_of``: whose account it belongs to. Raises ``RecoveryFailed`` when a question is answered wrongly: the copy
    stays where it is, to be looked at, and must not go into service (I13).
    """
    if not isinstance(chosen.target, DirectoryTarget):
        raise BackupInvalid("a dump has no data directory", hint="Name a base backup, or leave the backup out.")
    directory = chosen.target.directory
    clear(directory)
    require_space(chosen, directory)
    if owner_of is not None and owner_of.exists():
        make_directory(directory, owner_of)
    restored = restore(system, chosen)
    manifest = chosen.found.manifest
    database = manifest.database.name if manifest.database else "postgres"
    stopwatch = Stopwatch()
    with replayed(system, manifest, directory, chosen.point, sealed=True) as copy:
        # Before our own questions, of which some are answered by an error.
        log = server_log(copy.server.process.stderr_so_far())
        checked = check_running(manifest, copy, chosen.point)
        checked.require(manifest.label)
        with stopwatch.phase("re-erase"):
            erased = re_erase(system, copy.server.url_for(database))
    with stopwatch.phase("page checksums"):
        pages = check_pages(directory, server_for(manifest.server_major, bin_directories(system)))
    checks = (
        *checked.checks,
        _as_check(log),
        _as_check(pages),
        Check("erased people", True, str(erased)),
    )
    _require(checks, manifest.label, directory)
    phases = merge((*restored.phases, *checked.phases, *stopwatch.phases))
    if chosen.point is not None:
        keep_rates(system, chosen.point, phases)
    return Staged(
        directory=str(directory),
        label=manifest.label,
        store=restored.store,
        checks=checks,
        tables=checked.tables,
        rows=checked.rows,
        canary=checked.canary,
        reached=checked.reached,
        erased=erased,
        phases=phases,
        notes=tuple(dict.fromkeys((*chosen.found.notes, *restored.notes, *checked.notes, *erased.notes))),
        identity=identity_of(directory),
        last_commit=checked.last_commit,
    )


def require_space(chosen: Chosen, directory: Path) -> None:
    """Raise ``StoreFull`` before the first byte where the copy cannot fit beside the original."""
    if chosen.point is None:
        return
    # A chain is counted by whoever combines it.
    objects = chosen.point.base.manifest.objects if len(chosen.point.chain) == 1 else ()
    wanted = int(sum(item.plain_bytes or 0 for item in objects) * _SPARE)
    parent = next(path for path in (directory.parent, *directory.parent.parents) if path.exists())
    free = shutil.disk_usage(parent).free
    if free < wanted:
        raise StoreFull(
            f"the copy needs {wanted / 1e9:.2f} GB in {parent}, and {free / 1e9:.2f} are free",
            hint="Free space there. Production's own directory stays beside it, and is not removed.",
        )


def clear(directory: Path) -> None:
    """Remove what an earlier, unfinished call has left of the copy."""
    for suffix in (*_BESIDE, "_tablespaces"):
        path = directory.with_name(directory.name + suffix)
        if path.exists():
            logger.info("removing what is left of an unfinished copy: %s", path)
            shutil.rmtree(path)


def _as_check(probe: Probe) -> Check:
    return Check(probe.name, probe.answer is not Answer.FAILED, f"{probe.answer}: {probe.detail}")


def _require(checks: tuple[Check, ...], label: str, directory: Path) -> None:
    failed = [check for check in checks if not check.passed]
    if failed:
        raise RecoveryFailed(
            f"{label} was restored but does not answer as it should",
            detail="; ".join(f"{check.name}: {check.detail}" for check in failed),
            hint=f"It lies in {directory} and was not put into service. Recover from an older backup"
            " (dr recover-db LABEL), or search for a sound one (--before-corruption).",
        )

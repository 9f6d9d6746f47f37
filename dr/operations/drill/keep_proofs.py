"""What a drill has proven of stored copies goes beside their manifests: the level shown there is never a higher one."""

from __future__ import annotations

from collections.abc import Sequence

from dr.catalog.drills import DrillRecord
from dr.catalog.labels import Label
from dr.catalog.manifest import Verification, level_named
from dr.configuration.model import System
from dr.errors import StoreError
from dr.operations.drill.draw import Drawn
from dr.operations.find_backup import Found
from dr.operations.repositories import open_repository
from dr.operations.restore import Restored
from dr.policy.drill_verdict import Answer, Verdict
from dr.storage.proofs import add_proof


def keep_proofs(system: System, drawn: Drawn, restored: Restored | None, record: DrillRecord) -> tuple[str, ...]:
    """Note the outcome with every copy that the drill used; what could not be noted, in words."""
    return keep_proofs_of(system, drawn.chain, restored.store.split(" and ") if restored else None, record)


def keep_proofs_of(
    system: System, chain: tuple[Found, ...], used: Sequence[str] | None, record: DrillRecord
) -> tuple[str, ...]:
    """The same for the copies of these backups in the stores that were used; None: nothing could be restored.

    An inconclusive drill has proven nothing, for or against, and neither has one whose only fault is that there is
    nothing newer. Of a backup that could not be restored from any store each copy tried has failed.
    """
    if record.verdict == Verdict.INCONCLUSIVE or not record.level or _only_too_old(record):
        return ()
    passed = record.verdict == Verdict.RECOVERABLE
    repository = open_repository(system)
    problems = []
    for found in chain:
        for name in found.stores:
            if name not in repository.stores or (used is not None and name not in used):
                continue
            proof = Verification(
                level=level_named(record.level).name.lower(),
                store=name,
                passed=passed,
                at=record.end,
                seconds=round(record.seconds, 3),
                run=record.run,
                detail="; ".join(record.reasons) or f"drill: {record.asked}",
            )
            try:
                add_proof(repository.store(name), system.name, Label.parse(found.manifest.label), proof)
            except StoreError as error:
                problems.append(f"{found.manifest.label} in {name}: {error.message}")
    return tuple(problems)


def _only_too_old(record: DrillRecord) -> bool:
    failed = [item.name for item in record.probes if item.answer == Answer.FAILED]
    return failed == ["age"]

"""What a drill has proven of stored copies goes beside their manifests: the level shown there is never a higher one."""

from __future__ import annotations

from dr.catalog.drills import DrillRecord
from dr.catalog.labels import Label
from dr.catalog.manifest import Verification, level_named
from dr.configuration.model import System
from dr.errors import StoreError
from dr.operations.drill.draw import Drawn
from dr.operations.repositories import open_repository
from dr.operations.restore import Restored
from dr.policy.drill_verdict import Verdict
from dr.storage.proofs import add_proof


def keep_proofs(system: System, drawn: Drawn, restored: Restored | None, record: DrillRecord) -> tuple[str, ...]:
    """Note the outcome with every copy that the drill used; what could not be noted, in words.

    An inconclusive drill has proven nothing, for or against. Of a backup that could not be restored from any store
    each copy tried has failed.
    """
    if record.verdict == Verdict.INCONCLUSIVE or not record.level:
        return ()
    passed = record.verdict == Verdict.RECOVERABLE
    repository = open_repository(system)
    used = restored.store.split(" and ") if restored is not None else None
    problems = []
    for found in drawn.chain:
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

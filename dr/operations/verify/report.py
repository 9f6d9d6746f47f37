"""What a run that read stored copies again found, and the one error that says so at its end."""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import BackupInvalid, StoreError
from dr.operations.verify.copies import CopyProof, Survey
from dr.operations.verify.packs import StorePackProof
from dr.operations.verify.wal import StoreWalProof


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """The whole run: the copies that were read, and each store's share of the WAL and of the uploads' packs."""

    survey: Survey
    proofs: tuple[CopyProof, ...]
    wal: tuple[StoreWalProof, ...] = ()
    packs: tuple[StorePackProof, ...] = ()

    @property
    def system(self) -> str:
        """Whose copies."""
        return self.survey.system

    @property
    def _shares(self) -> tuple[StoreWalProof | StorePackProof, ...]:
        return (*self.wal, *self.packs)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Every copy that is not what was stored, with the first level that it does not reach."""
        found = [
            f"{item.label} in {item.store}: not {item.level}: {item.detail}" for item in self.proofs if item.failed
        ]
        found += [problem for item in self._shares if not item.silent for problem in item.problems]
        return tuple(found)

    @property
    def problems(self) -> tuple[str, ...]:
        """Damage first, then what could not be asked."""
        silent = [problem for item in self._shares if item.silent for problem in item.problems]
        return (*self.damaged, *self.survey.problems, *silent)

    def conclude(self) -> IntegrityReport:
        """The report of a good run. Raises ``BackupInvalid`` for damage, ``StoreError`` where a store is silent."""
        if self.damaged:
            raise BackupInvalid(
                f"{len(self.damaged)} stored copies of {self.system} are damaged or missing",
                detail="; ".join(self.problems),
                hint="A recovery takes another store's copy by itself; where there is none it needs an older backup. "
                "Make a new backup now (dr backup --cloud --full; of what is beside the database, "
                "dr application-backup), and look at that store's disk or endpoint. "
                "What is damaged is read again every day until it passes or has expired.",
            )
        if self.problems:
            raise StoreError(
                f"not everything of {self.system} could be verified",
                detail="; ".join(self.problems),
                hint="Nothing that was read is damaged. Mend what does not answer; the next run makes up for it.",
            )
        return self

"""Steps of the weekly verification, and what they found put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.errors import BackupInvalid, BackupNotFound, DrError, KeyUnusable
from dr.operations import custody as keys
from dr.operations.verify import registry
from dr.operations.verify.copies import CopyProof, Survey
from dr.operations.verify.report import IntegrityReport
from dr.operations.wal import check_wal as wal
from dr.policy.drill_verdict import Answer, Probe
from tasks.runner import task
from tasks.systems import load_system

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Verification:
    """The whole run, but for the restore of a sample: that is a drill with a record of its own."""

    survey: Survey
    proofs: tuple[CopyProof, ...]
    chain: wal.WalCheck | None
    custody: tuple[Probe, ...]

    def errors(self) -> Iterator[DrError]:
        """What was found wrong, worst first."""
        try:
            IntegrityReport(self.survey, self.proofs).conclude()
        except DrError as error:
            yield error
        if self.chain is not None and (problems := self.chain_problems):
            yield BackupInvalid(
                f"the WAL of {self.survey.system} is not whole",
                "; ".join(problems),
                "See dr window. Where WAL is lost for good, make a new base backup: dr backup --cloud --full.",
            )
        lost = [f"{item.name}: {item.detail}" for item in self.custody if item.answer is Answer.FAILED]
        if lost:
            yield KeyUnusable(
                f"the escrowed key does not open every backup of {self.survey.system}",
                "; ".join(lost),
                "Renew the escrow before anything else: if this host is lost now, so are those backups.",
            )

    @property
    def chain_problems(self) -> tuple[str, ...]:
        """What the WAL check found, that it is broken first."""
        if self.chain is None:
            return ()
        return (*((self.chain.broken,) if self.chain.broken else ()), *self.chain.problems)


@task(name="choose the newest of each kind", retries=2, timeout_seconds=HOUR)
def newest_of_each(system: str) -> Survey:
    """Every store's copy of the newest backup of every kind in the registry."""
    return registry.newest_of_each(load_system(system, require_postgres=False))


@task(name="check the WAL's chain", retries=2, timeout_seconds=HOUR)
def wal_chain(system: str) -> wal.WalCheck | None:
    """Every timeline of every store; None where no WAL is kept."""
    settings = load_system(system, require_postgres=False)
    return None if settings.wal.method == "none" else wal.check_wal(settings)


@task(name="prove the custody of the keys", retries=1, timeout_seconds=HOUR)
def prove_custody(system: str) -> tuple[Probe, ...]:
    """Open a sample of every kind with the escrowed key alone (I21)."""
    return keys.prove_custody(load_system(system, require_postgres=False))


@task(name="see how every kind stands", retries=2, timeout_seconds=HOUR)
def states(system: str) -> tuple[registry.State, ...]:
    """The newest of every kind and how far it is proven, now."""
    return registry.states(load_system(system, require_postgres=False), datetime.now(UTC))


def _problem(state: registry.State) -> str:
    where = f" in {state.store}" if state.store else ""
    return f"{state.name}{where}: {state.problem}"


def lacking(found: Iterable[registry.State]) -> BackupNotFound | None:
    """What is wrong when a kind has no backup, or none that is new enough; None when nothing is."""
    problems = dict.fromkeys(_problem(item) for item in found if item.problem)
    if not problems:
        return None
    return BackupNotFound(
        f"a backup is missing or too old: {'; '.join(problems)}",
        hint="See why the last run failed, and that it has a schedule; then make one now.",
    )

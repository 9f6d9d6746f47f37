"""Every week, all there is to verify: the newest of every kind, the WAL's chain, whose keys open it, one restore."""

from __future__ import annotations

from flows.any_drill import drill_of
from tasks.drill_series import Series, draw_one, drills_of
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting_verification import show_states, show_verification
from tasks.runner import flow
from tasks.verification import Verification, lacking, newest_of_each, prove_custody, states, wal_chain
from tasks.verify import read_copies


@flow(name="verification", flow_run_name="verification-{system}", when_done=keep)
def verification(system: str = "", seed: int = 0) -> Verification:
    """Verify one protected system: every kind of backup, WAL chain, keys, and the restore of a sample.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        seed: Draws which kind is restored; 0 for a new one, which is recorded.
    """
    with exclusive(system, "verify", require_postgres=False):
        survey = newest_of_each(system)
        proofs = read_copies(system, survey.chosen)
        chain = wal_chain(system)
        custody = prove_custody(system)
    found = Verification(survey, proofs, chain, custody)
    show_verification(found)

    series = Series(system, list(found.errors()))
    what, drawn = draw_one(drills_of(system), seed)
    series.drill(what, drill_of(system, what, seed=drawn))
    found_states = states(system)
    show_states(found_states)
    series.found(lacking(found_states))
    series.conclude()
    return found

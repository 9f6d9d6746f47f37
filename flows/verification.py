"""Every week, all there is to verify: the newest of every kind, the WAL's chain, whose keys open it, one restore."""

from __future__ import annotations

from functools import partial

from dr.policy.drill_draw import LATEST
from dr.policy.objectives import Scenario
from flows.restore_drill import restore_drill
from tasks.drill_series import Series, draw_method, methods_of
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting_verification import show_states, show_verification
from tasks.runner import flow
from tasks.verification import Verification, newest_of_each, prove_custody, states, wal_chain
from tasks.verify import read_copies


@flow(name="verification", flow_run_name="verification-{system}", when_done=keep)
def verification(system: str = "", seed: int = 0) -> Verification:
    """Verify one protected system: database, WAL chain, keys, and the restore of a sample.

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
    method, drawn = draw_method(methods_of(system), seed)
    series.drill(method, partial(restore_drill, system, Scenario.DATABASE_CORRUPTION, method, LATEST, seed=drawn))
    show_states(states(system))
    series.conclude()
    return found

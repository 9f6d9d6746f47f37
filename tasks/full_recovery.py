"""Steps of a full recovery: each a task around one operation, and which of them go on beside each other.

What runs beside something else has no time limit of its own: threads cannot be cut off. The programs that they wait
for have theirs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dr.catalog.canary import Beat
from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.errors import TargetRefused
from dr.evidence.full_outcome import FullOutcome
from dr.evidence.journal import Journal
from dr.notify.status_page import Announcement, Impact, Stage, Told, tell_status_page
from dr.operations.application.ask import Answered
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.start import start_application
from dr.operations.erasure.re_erase import Erased
from dr.operations.full_recovery import conclude as concluding
from dr.operations.full_recovery import database as databases
from dr.operations.full_recovery import elsewhere as charge
from dr.operations.full_recovery import exercise as practice
from dr.operations.full_recovery import infrastructure, launch, lay, parts, put_back, services
from dr.operations.full_recovery.conclude import Reached
from dr.operations.full_recovery.database import RecoveredDatabase
from dr.operations.full_recovery.draw_up import draw_up
from dr.operations.full_recovery.exercise import KeptIn
from dr.operations.full_recovery.kept import kept_plan
from dr.operations.full_recovery.launch import LaunchedServer
from dr.operations.full_recovery.lay import Placed
from dr.operations.full_recovery.parts import RestoredPart
from dr.operations.full_recovery.put_back import PutBack
from dr.operations.full_recovery.wish import Wish
from dr.operations.infrastructure.apply import InfrastructureMade, apply_infrastructure
from dr.operations.infrastructure.plan import InfrastructurePlan, plan_infrastructure
from dr.operations.measure_loss import last_position
from dr.operations.switch_traffic import Change, Side, Switched, lead_traffic, traffic_plan
from dr.operations.verify_recovery import VerifiedRecovery, verify
from dr.policy.full_plan import FullPlan, PlannedDatabase, PlannedPart
from dr.services.protocol import Status
from tasks.course import place_of
from tasks.runner import task
from tasks.systems import load_system

HOUR = 3600


def settings_of(system: str, exercise: bool = False) -> System:
    """The system as a host that only restores knows it; for an ``exercise`` with nothing that leads out of it."""
    settings = load_system(system, require_postgres=False)
    return practice.in_exercise(settings) if exercise else settings


@task(name="draw up the plan", retries=1, timeout_seconds=1800)
def draw_up_plan(system: str, wish: Wish, anew: bool, agreed_point: str) -> FullPlan:
    """That of the run that is gone on with, or a new one; refused when it is not the one that was agreed to.

    Refused also beside another server that is in charge.
    """
    settings = settings_of(system, wish.exercise)
    elsewhere = charge.see_elsewhere(settings, exercise=wish.exercise)
    kept = None if anew else kept_plan(place_of(settings), settings, wish)
    plan = replace(kept or draw_up(settings, wish), elsewhere=elsewhere)
    if wish.exercise:
        plan = replace(plan, left_out=practice.left_out(settings_of(system)))
    if agreed_point and plan.point != agreed_point:
        raise TargetRefused(
            f"the plan has changed: it was of {agreed_point}, and is of {plan.point or 'no point'} now",
            detail="nothing was touched",
            hint="Look at it again, and agree to that.",
        )
    return plan


@task(name="agree on the plan")
def pin(plan: FullPlan) -> FullPlan:
    """From here on every run of this recovery goes by it, also when newer backups have appeared."""
    return plan


@task(name="restore the database", retries=1)
def restore_database(system: str, planned: PlannedDatabase, run: str) -> RecoveredDatabase:
    """Restored, replayed, questioned; stopped."""
    return databases.recover(settings_of(system), planned, run)


@task(name="restore a part", retries=1)
def restore_part(system: str, part: PlannedPart, run: str) -> RestoredPart:
    """Into a directory of this run."""
    return parts.restore_part(settings_of(system), part, run)


@task(name="push states of the infrastructure")
def push_states(system: str, restored: RestoredPart) -> tuple[str, ...]:
    """Where they are missing."""
    return infrastructure.push_states(settings_of(system), restored)


@task(name="plan the infrastructure")
def plan_module(system: str, module: infrastructure.Module) -> InfrastructurePlan:
    """Refused where it would destroy something."""
    return plan_infrastructure(settings_of(system), infrastructure.module_path(module))


@task(name="make the infrastructure")
def apply_plan(system: str, plan: InfrastructurePlan) -> InfrastructureMade:
    """Exactly what was planned."""
    return apply_infrastructure(settings_of(system), plan)


@task(name="launch images")
def launch_images(system: str, restored: RestoredPart, run: str) -> tuple[LaunchedServer, ...]:
    """Each server once."""
    return launch.launch_images(settings_of(system), restored, run)


@task(name="lay uploads in their places")
def lay_uploads(restored: RestoredPart, run: str) -> Placed:
    """Renamed, where it is the same disk."""
    return lay.lay_uploads(restored, run)


@task(name="lay configuration in its places")
def lay_config(restored: RestoredPart, exercise: bool) -> Placed:
    """Never over a file that differs."""
    return lay.lay_config(restored, exercise=exercise)


@task(name="lay certificates in their places")
def lay_certificates(system: str, restored: RestoredPart) -> Placed:
    """Never over a file that differs."""
    return lay.lay_certificates(settings_of(system), restored)


@task(name="put secrets back")
def put_secrets_back(system: str, restored: RestoredPart, exercise: bool) -> PutBack:
    """What is absent; never over another value."""
    return put_back.put_secrets_back(settings_of(system, exercise), restored)


@task(name="erase the forgotten again", timeout_seconds=6 * HOUR)
def erase_again(system: str, database: RecoveredDatabase) -> Erased:
    """Before anybody can see them."""
    return databases.erase_again(settings_of(system), database)


@task(name="see who else is in charge", timeout_seconds=600)
def see_elsewhere(system: str, exercise: bool, state: str) -> tuple[str, ...]:
    """Not retried: who does not answer is told of."""
    return charge.see_elsewhere(settings_of(system), exercise=exercise, state=state)


@task(name="keep the exercise in", timeout_seconds=600)
def keep_in(system: str, run: str) -> None:
    """Before PostgreSQL is started, by whomever."""
    practice.keep_in(settings_of(system, exercise=True), run)


@task(name="see that the exercise is kept in", timeout_seconds=600)
def require_kept_in(system: str, run: str) -> KeptIn:
    """By what the running server says."""
    return practice.require_kept_in(settings_of(system, exercise=True), run)


@task(name="note the last commit")
def note_last_commit(system: str) -> Beat | None:
    """As this host remembers it. In service again, the database's canary goes on, and nobody knows any more."""
    return last_position(settings_of(system))


@task(name="see which server answers", retries=1, timeout_seconds=HOUR)
def another_server(system: str, database: RecoveredDatabase, must_answer: bool) -> str:
    """What tells it from the recovered one; empty when it is that one."""
    return services.another_server(settings_of(system), database, must_answer=must_answer)


@task(name="see whether all of it still runs", retries=1, timeout_seconds=HOUR)
def all_run(system: str, exercise: bool) -> bool:
    """As an earlier run had left it, so that nothing has to be started."""
    return services.all_run(settings_of(system, exercise))


@task(name="start the data's own services", timeout_seconds=HOUR)
def start_own_services(system: str) -> tuple[Status, ...]:
    """PostgreSQL, Redis."""
    return services.start_own_services(settings_of(system))


@task(name="see whom commits wait for", timeout_seconds=600)
def waited_for(system: str) -> str:
    """By the restored settings."""
    return services.waited_for(settings_of(system))


@task(name="free commits", timeout_seconds=600)
def free_commits(system: str) -> None:
    """Before PostgreSQL is started: those who confirmed them are gone."""
    services.free_commits(settings_of(system))


@task(name="see that Redis is empty", timeout_seconds=HOUR)
def require_empty_redis(system: str) -> int:
    """What is in it later is ours."""
    return put_back.require_empty_redis(settings_of(system))


@task(name="put Redis back", timeout_seconds=6 * HOUR)
def put_redis_back(system: str, restored: RestoredPart, again: bool) -> PutBack:
    """Key by key."""
    return put_back.put_back_redis(settings_of(system), restored, again)


@task(name="start the application", timeout_seconds=HOUR)
def start_services(system: str, exercise: bool) -> tuple[Status, ...]:
    """In the order that its services have."""
    return start_application(settings_of(system, exercise))


@task(name="wait until it is healthy", timeout_seconds=HOUR)
def healthy(system: str, exercise: bool) -> tuple[Answered, ...]:
    """Every address."""
    return wait_until_healthy(settings_of(system, exercise))


@task(name="ask what the exercise has recovered", timeout_seconds=12 * HOUR)
def ask_exercise(system: str, expected: Expected | None, seconds: float) -> VerifiedRecovery:
    """What stands on this host, and nothing else."""
    return verify.ask_recovered(settings_of(system, exercise=True), expected=expected, seconds=seconds)


@task(name="plan the traffic", retries=2, timeout_seconds=600)
def plan_traffic(system: str, outputs: dict[str, tuple[str, ...]]) -> tuple[Change, ...]:
    """What leads requests here, and what there was before."""
    return traffic_plan(settings_of(system), Side.RECOVERED, outputs)


@task(name="switch the traffic", retries=1, timeout_seconds=HOUR)
def switch(
    system: str, changes: tuple[Change, ...], outputs: dict[str, tuple[str, ...]], again: bool
) -> tuple[Switched, ...]:
    """In force and read back; ``again``: anew, where somebody has changed them since an earlier run."""
    return lead_traffic(settings_of(system), Side.RECOVERED, changes, outputs, again=again)


@task(name="tell the status page", timeout_seconds=120)
def tell(system: str, reference: str, text: str, stage: Stage) -> Told:
    """What could not be told fails nothing, and is said."""
    settings = settings_of(system)
    title = f"{settings.name} is being recovered"
    return tell_status_page(settings, Announcement(reference, title, text, stage, Impact.CRITICAL))


@task(name="conclude", timeout_seconds=60)
def conclude(
    system: str, plan: FullPlan, journal: Journal, reached: Reached, disaster_at: datetime | None
) -> FullOutcome:
    """Everything against the objective."""
    return concluding.conclude(settings_of(system), plan, journal, reached, disaster_at)

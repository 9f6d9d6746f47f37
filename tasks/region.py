"""Steps of going to the second region and back: each a task around one operation.

What is not tried again by itself is what a person should look at first: a fence, a promotion, a rebuild.
"""

from __future__ import annotations

from datetime import datetime

from dr.evidence.phases import Phase
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.start import start_services
from dr.operations.region import afterwards, diverged, rebuild, switch_back
from dr.operations.region import take_over as taking
from dr.operations.region.afterwards import Rearmed, RegionLoss
from dr.operations.region.archive import Replayed, replay_archive
from dr.operations.region.diverged import Diverged
from dr.operations.region.look import Fenced, RegionLook, fence_and_decide, look, require_possible, require_standby
from dr.operations.region.rebuild import KeptOut, Rebuilt
from dr.operations.region.sites import first_region, second_region
from dr.operations.region.switch_back import Handed
from dr.operations.region.take_over import TookOver
from dr.operations.region.traffic import Led, lead
from dr.operations.region.witnesses import ask_witnesses
from dr.operations.switch_traffic import Change, traffic_plan
from dr.operations.verify_recovery.expectation import find_expectation
from dr.operations.verify_recovery.verify import ask_recovered
from dr.policy.recovered_state import Finding, State
from dr.policy.traffic_side import Side
from dr.services.protocol import Status
from tasks.course import Course
from tasks.runner import current_run, task
from tasks.systems import load_system

HOUR = 3600


@task(name="look at both regions", retries=1, timeout_seconds=300)
def look_at_both(system: str) -> RegionLook:
    """Both servers and every store; nothing is changed."""
    settings = load_system(system, require_postgres=False)
    return look(settings, first_region(settings), second_region(settings))


@task(name="look at both regions", retries=1, timeout_seconds=300)
def look_back(system: str) -> RegionLook:
    """The same, with the second region in charge."""
    settings = load_system(system, require_postgres=False)
    return look(settings, second_region(settings), first_region(settings), planned=True)


def check_standby(seen: RegionLook) -> None:
    """Raises unless the second region's server can take over."""
    require_standby(seen)


@task(name="plan the traffic", retries=2, timeout_seconds=600)
def plan_traffic(system: str, side: Side) -> tuple[Change, ...]:
    """What leads requests there, and how everything is before."""
    return traffic_plan(load_system(system, require_postgres=False), side)


@task(name="fence the first region", timeout_seconds=2 * HOUR)
def fence_first(system: str, vouched_by: str, earlier: Fenced | None) -> Fenced:
    """It cannot write any more, proven, and nothing says otherwise; or nothing goes on."""
    settings = load_system(system, require_postgres=False)
    return fence_and_decide(settings, first_region(settings), second_region(settings), vouched_by, earlier)


@task(name="replay what the stores have", timeout_seconds=12 * HOUR)
def replay_stored(system: str, without: bool, fenced: Fenced, earlier: Replayed | None) -> Replayed:
    """WAL that was shipped and never reached the replica; together with what an attempt before has replayed."""
    settings = load_system(system, require_postgres=False)
    replayed = replay_archive(settings, second_region(settings), without=without)
    return replayed.since(fenced.successor.end).behind(earlier)


@task(name="claim the timeline", retries=2, timeout_seconds=300)
def claim_for_second(system: str, run: str) -> tuple[str, ...]:
    """In every store that answers: of two servers that are to be promoted one is refused."""
    settings = load_system(system, require_postgres=False)
    return taking.claim(settings, second_region(settings), run)


@task(name="claim the timeline", retries=2, timeout_seconds=300)
def claim_for_first(system: str, run: str) -> tuple[str, ...]:
    """The same for the way back, when nothing else stands against it: the application still runs."""
    settings = load_system(system, require_postgres=False)
    require_possible(settings, second_region(settings), first_region(settings))
    return taking.claim(settings, first_region(settings), run)


@task(name="promote the second region", timeout_seconds=HOUR)
def promote_second(system: str, fenced: Fenced) -> TookOver:
    """Looks once more, promotes, and writes to it."""
    settings = load_system(system, require_postgres=False)
    return taking.take_over(settings, first_region(settings), second_region(settings), fenced)


@task(name="promote the first region", timeout_seconds=HOUR)
def promote_first(system: str, handed: Handed) -> TookOver:
    """The same for the way back; the server has all that the other one had."""
    settings = load_system(system, require_postgres=False)
    first = first_region(settings)
    took = taking.take_over(settings, second_region(settings), first, handed.fenced)
    switch_back.settle(first)
    return took


@task(name="begin the application", timeout_seconds=HOUR)
def begin_second(system: str) -> tuple[Status, ...]:
    """The second region's services, in order."""
    return afterwards.begin_services(load_system(system, require_postgres=False))


@task(name="begin the application", timeout_seconds=HOUR)
def begin_first(system: str) -> tuple[Status, ...]:
    """The first region's services, in order."""
    settings = load_system(system, require_postgres=False)
    return start_services(settings, afterwards.first_order(settings))


@task(name="end the application", timeout_seconds=HOUR)
def end_second(system: str) -> tuple[Status, ...]:
    """The second region's services, in reverse order."""
    return afterwards.end_services(load_system(system, require_postgres=False))


@task(name="switch the traffic", retries=3, timeout_seconds=2 * HOUR)
def switch(system: str, side: Side, changes: tuple[Change, ...], again: bool) -> Led:
    """DNS, balancer and CDN, as planned; ``again``: anew, where somebody has changed them since an earlier run."""
    return lead(load_system(system, require_postgres=False), side, changes, again=again)


@task(name="verify the second region", timeout_seconds=2 * HOUR)
def verify_second(system: str) -> tuple[Finding, ...]:
    """Database and application answer as they should."""
    return _verified(system, Side.STANDBY)


@task(name="verify the first region", timeout_seconds=2 * HOUR)
def verify_first(system: str) -> tuple[Finding, ...]:
    """The same for the way back."""
    return _verified(system, Side.PRIMARY)


def _verified(system: str, side: Side) -> tuple[Finding, ...]:
    """Raises when something is wrong: the next run asks again. What could not be told is in the answers."""
    settings = load_system(system, require_postgres=False)
    site = first_region(settings) if side is Side.PRIMARY else second_region(settings)
    moved = afterwards.system_at(settings, site)
    if moved.procedures.application.health_urls:
        wait_until_healthy(moved)
    found = ask_recovered(moved, expected=find_expectation(moved))
    if found.judged.state is State.NOT_RECOVERED:
        found.require()
    return found.findings


@task(name="measure the loss", retries=1, timeout_seconds=300)
def loss_of(
    system: str, took: TookOver, replayed: Replayed, fenced: Fenced, disaster_at: datetime | None, begun: datetime
) -> RegionLoss:
    """Canary against canary, and WAL against WAL."""
    settings = load_system(system, require_postgres=False)
    return afterwards.lost(settings, took, replayed, fenced.leader.end, ask_witnesses(settings), disaster_at, begun)


@task(name="keep its WAL", retries=2, timeout_seconds=300)
def rearm_second(system: str) -> Rearmed:
    """A slot on the new primary, and what people have to point to it."""
    settings = load_system(system, require_postgres=False)
    return afterwards.rearm(settings, second_region(settings))


@task(name="keep its WAL", retries=2, timeout_seconds=300)
def rearm_first(system: str) -> Rearmed:
    """The same for the way back."""
    settings = load_system(system, require_postgres=False)
    return afterwards.rearm(settings, first_region(settings))


@task(name="back up the second region", retries=1, timeout_seconds=24 * HOUR)
def back_up_second(system: str) -> str:
    """The first base backup on the new timeline."""
    settings = load_system(system, require_postgres=False)
    return str(afterwards.back_up_at(settings, second_region(settings), current_run().id).label)


@task(name="keep the old server out", timeout_seconds=HOUR)
def keep_first_out(system: str) -> KeptOut:
    """One that has come back is recognised, and stopped."""
    settings = load_system(system, require_postgres=False)
    return rebuild.keep_out(settings, first_region(settings), second_region(settings))


@task(name="list what only it has", timeout_seconds=12 * HOUR)
def list_diverged(system: str) -> Diverged:
    """Its transactions that nobody else has, and a copy of its directory before anything is changed in it."""
    settings = load_system(system, require_postgres=False)
    return diverged.list_diverged(settings, first_region(settings), second_region(settings))


@task(name="rebuild it as a replica", timeout_seconds=24 * HOUR)
def rebuild_first(system: str, diverged: Diverged) -> Rebuilt:
    """By pg_rewind, or by a base backup."""
    settings = load_system(system, require_postgres=False)
    return rebuild.rebuild(settings, first_region(settings), second_region(settings), diverged, current_run().id)


@task(name="start the replica", timeout_seconds=HOUR)
def start_first(system: str) -> str:
    """By its service; it must be a standby."""
    settings = load_system(system, require_postgres=False)
    return rebuild.start_replica(settings, first_region(settings))


@task(name="wait until it has caught up", timeout_seconds=24 * HOUR)
def catch_up_first(system: str) -> str:
    """Within a megabyte of its primary."""
    settings = load_system(system, require_postgres=False)
    return str(rebuild.catch_up(settings, first_region(settings), second_region(settings)))


@task(name="hand over", timeout_seconds=HOUR)
def hand_over(system: str, begun: bool) -> Handed:
    """The second region's server is shut down in order, and the first has everything."""
    settings = load_system(system, require_postgres=False)
    return switch_back.hand_over(settings, second_region(settings), first_region(settings), begun=begun)


@task(name="let the second region follow", timeout_seconds=HOUR)
def follow_first(system: str) -> str:
    """It is a standby again, as before the disaster."""
    settings = load_system(system, require_postgres=False)
    return switch_back.follow_back(settings, second_region(settings), first_region(settings))


def phases_of(steps: Course) -> tuple[Phase, ...]:
    """The steps of this run and of those that were cut off, in seconds since the first of them began."""
    begun = steps.journal.begun_at
    ended = [event for event in steps.journal.events if event.what == "end"]
    spans = [((event.at - begun).total_seconds(), event.seconds or 0.0, event.step) for event in ended]
    return tuple(Phase(name, max(0.0, end - seconds), end) for end, seconds, name in spans)

"""After an earlier recovery there are two timelines: each is recovered to any moment, and neither is taken for the
other."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import TargetRefused
from dr.operations.plan_recovery import choose, plan
from dr.operations.repositories import open_repository
from dr.operations.restore import restore
from dr.operations.wal.replay import replayed
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.cluster import create_cluster
from dr.postgres.installations import server_for
from tests.integration.engine.procedures import make
from tests.integration.pitr.conftest import MAJORS, system_in
from tests.integration.pitr.recovering import recover
from tests.integration.pitr.shelf import Moment, primary, put_archive

pytestmark = pytest.mark.slow

ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Fork:
    """``shared`` is on both timelines; ``abandoned`` was committed after the point that timeline 2 branched off at."""

    system: System
    bases: tuple[str, ...]
    shared: list[Moment]
    abandoned: list[Moment]
    second: list[Moment]
    switch: Lsn

    def on(self, timeline: int) -> list[Moment]:
        return [*self.shared, *(self.abandoned if timeline == 1 else self.second)]


@pytest.fixture(scope="module", params=MAJORS, ids=lambda major: f"pg{major}")
def fork(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fork:
    """Two backups on timeline 1, a recovery to a moment behind them, the copy put into service, a backup of it.

    On servers that can, the second and third backups are incremental ones.
    """
    directory = tmp_path_factory.mktemp("fork")
    installation = server_for(request.param)
    create_cluster(directory / "data", installation)
    summaries = {"summarize_wal": "on"} if request.param >= 17 else {}
    with primary(directory / "data", installation, directory / "archive", summaries) as origin:
        origin.prepare()
        system = system_in(directory, origin.server.url)
        bases = [make(system, Kind.BASE).label]
        shared = origin.commit(3)
        origin.switch()
        bases.append(make(system, Kind.BASE).label)
        shared += origin.commit(3)
        abandoned = origin.commit(3)
        origin.switch()
        put_archive(system, origin)
    assert not summaries or bases[1].endswith("_incr")
    until = RecoveryTarget(TargetKind.TIME, time=shared[-1].time)
    chosen = choose(system, "latest", str(directory / "again"), until)
    restore(system, chosen)
    with replayed(system, chosen.found.manifest, directory / "again", chosen.point):
        pass
    with primary(directory / "again", installation, directory / "archive2", summaries) as origin:
        system = replace(system, postgres=replace(system.postgres, url=origin.server.url))
        second = origin.commit(3)
        origin.switch()
        bases.append(make(system, Kind.BASE).label)
        second += origin.commit(3)
        origin.switch()
        put_archive(system, origin)
    history = (directory / "archive2" / "00000002.history").read_text()
    return Fork(system, tuple(bases), shared, abandoned, second, Lsn.parse(history.split()[1]))


def test_by_default_the_newest_timeline_is_followed(fork: Fork, tmp_path: Path) -> None:
    """What the earlier recovery left behind does not come back."""
    done = recover(fork.system, tmp_path / "copy", RecoveryTarget())

    assert done.ids == [moment.id for moment in fork.on(2)]
    assert done.timeline == 3
    assert done.chosen.found.manifest.label == fork.bases[2]


def test_a_backup_of_the_first_timeline_leads_to_the_second(fork: Fork, tmp_path: Path) -> None:
    """Over the branch, by the history file."""
    done = recover(fork.system, tmp_path / "copy", RecoveryTarget(), fork.bases[0])

    assert done.ids == [moment.id for moment in fork.on(2)]


def test_the_abandoned_timeline_can_still_be_asked_for(fork: Fork, tmp_path: Path) -> None:
    """``--timeline 1``; its copy begins a timeline that neither has used."""
    done = recover(fork.system, tmp_path / "copy", RecoveryTarget(timeline=1))

    assert done.ids == [moment.id for moment in fork.on(1)]
    assert done.timeline == 3


@pytest.mark.incident("I6")
def test_a_moment_that_two_timelines_have_is_warned_of(fork: Fork, tmp_path: Path) -> None:
    """Who means the other one is told how to get it."""
    target = RecoveryTarget(TargetKind.TIME, time=fork.abandoned[1].time)
    chosen = choose(fork.system, "latest", str(tmp_path / "copy"), target)
    warnings = plan(fork.system, chosen).warnings
    assert any("WAL on timeline 1 too" in line and "--timeline 1" in line for line in warnings)

    done = recover(fork.system, tmp_path / "copy", replace(target, timeline=1))
    assert done.ids == [moment.id for moment in [*fork.shared, *fork.abandoned[:2]]]


@pytest.mark.incident("I6")
def test_any_moment_of_the_window_is_recovered_exactly(fork: Fork, tmp_path: Path) -> None:
    """Random moments, on both timelines, from whichever of the backups the plan chooses."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    chance = random.Random(seed)
    for number in range(ROUNDS):
        timeline = chance.choice((1, 2))
        moments = fork.on(timeline)
        begin = open_repository(fork.system).find(labels.Label.parse(fork.bases[0])).manifest.server_end
        assert begin is not None
        span = moments[-1].time - begin
        at = begin + timedelta(microseconds=chance.randint(0, int(span.total_seconds() * 1e6)))
        target = RecoveryTarget(TargetKind.TIME, time=at, timeline=timeline, inclusive=chance.random() < 0.5)
        done = recover(fork.system, tmp_path / f"copy{number}", target)

        wanted = [m.id for m in moments if m.time < at or (m.time == at and target.inclusive)]
        assert done.ids == wanted, f"seed {seed}: {target}"


def test_without_the_history_file_the_timeline_is_left_aside_and_named(fork: Fork, tmp_path: Path) -> None:
    """Backups made on it still lead to it; without them it is not silently passed over."""
    store = open_repository(fork.system).stores["local"]
    key = labels.wal_history_index_key(fork.system.name, 2)
    kept = store.read_bytes(key)
    store.delete(key)
    try:
        done = recover(fork.system, tmp_path / "copy", RecoveryTarget())
        assert done.ids == [moment.id for moment in fork.on(2)]
        assert any("history file of timeline 2 is not stored" in line for line in done.plan.warnings)
        with pytest.raises(TargetRefused, match="first consistent point"):
            choose(fork.system, "latest", "", RecoveryTarget(TargetKind.TIME, time=fork.shared[4].time))
    finally:
        store.put_bytes(key, kept)

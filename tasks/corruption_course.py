"""The order's verbs: each a step of the journal, and a line in the incident where a person would note one."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dr.configuration.model import System
from dr.errors import TargetRefused
from dr.evidence.in_place import RecoveredInPlace, Undone
from dr.evidence.journal import Journal, read_journal, unfinished
from dr.evidence.phases import Phase
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations import measure_loss
from dr.operations.application.ask import Answered
from dr.operations.database.assess_damage import require_restore
from dr.operations.database.emergency_copy import EmergencyCopy
from dr.operations.database.exchange import Exchanged
from dr.operations.database.plan_in_place import InPlace
from dr.operations.database.stage import Staged
from dr.policy.damage import Damage
from dr.policy.objectives import Scenario, Verdict
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import TargetKind
from tasks import corruption
from tasks.corruption import Settled
from tasks.course import Course, place_of
from tasks.incident import IncidentRecord
from tasks.systems import load_system

logger = logging.getLogger(__name__)

PROCEDURE = "recover-db-in-place"
NAMES = "relations.json"
RECENT = timedelta(hours=24)
"""What was begun longer ago belongs to another disaster: its copy would take today's data with it."""


@dataclass(slots=True)
class InPlaceRecovery:
    """One run of the playbook, with what its steps gave."""

    system: str
    wanted: InPlace
    steps: Course
    told: IncidentRecord
    begun: datetime = field(init=False)
    damage: Damage = field(init=False)
    copy: EmergencyCopy = field(init=False)
    settled: Settled = field(init=False)
    staged: Staged = field(init=False)
    exchanged: Exchanged = field(init=False)
    answers: tuple[Answered, ...] = ()

    def begin(self) -> None:
        self.begun = self.steps.step("begin", corruption.begin)

    def stop_application(self) -> None:
        self.steps.step("stop the application", corruption.stop_the_application, self.system)

    def stop_database(self) -> None:
        """Only a server that has stopped shows what lies on its disk."""
        self.steps.step("stop PostgreSQL", corruption.stop_postgresql, self.system)
        if self.wanted.swap:
            return
        names = self.steps.journal.directory / NAMES
        self.damage = self.steps.step(
            "look at the pages on disk", corruption.look_at_the_disk, self.system, self.damage, names
        )
        self.told.note("; ".join(self.damage.lines()))

    def look_at_damage(self, *, even_so: bool) -> None:
        """Indexes alone are no reason to restore, unless a moment was asked for, or somebody insists."""
        names = self.steps.journal.directory / NAMES
        self.damage = self.steps.step("look at the damage", corruption.look_at_the_damage, self.system, names)
        if not even_so and not self.wanted.search and self.wanted.until.kind is TargetKind.LATEST:
            require_restore(self.damage)

    def copy_what_is_left(self) -> None:
        self.copy = self.steps.step(
            "copy what can still be read", corruption.copy_what_is_left, self.system, self.begun, self.wanted.declined
        )
        if not self.copy.made:
            self.told.decision(f"no emergency copy: {self.copy.why}")

    def choose_target(self) -> None:
        found = None
        if self.wanted.search:
            found = corruption.search(self.system, self.wanted.good_when, self.wanted.trials, self.steps)
        self.settled = self.steps.step(
            "choose the target", corruption.settle, self.system, self.wanted, self.begun, found
        )
        self.told.decision(f"recover {self.settled.label} up to {self.settled.until}")

    def make_the_copy(self) -> None:
        self.staged = self.steps.step(
            "restore beside, question and re-erase", corruption.make_the_copy, self.system, self.settled, self.begun
        )

    def exchange(self) -> None:
        self.exchanged = self.steps.step(
            "exchange the directories", corruption.exchange_directories, self.system, self.begun
        )

    def start_database(self) -> None:
        identifier = self.settled.identifier
        self.steps.step("start PostgreSQL", corruption.start_postgresql, self.system, identifier)

    def start_application(self) -> None:
        self.steps.step("start the application", corruption.start_the_application, self.system)
        self.answers = self.steps.step("wait until it is healthy", corruption.wait_for_health, self.system)

    def conclude(self, scenario: Scenario, disaster_at: datetime | None) -> RecoveredInPlace:
        """Counted from the very first beginning, however often it was cut off."""
        settings = load_system(self.system)
        journal, staged = self.steps.journal, self.staged
        seconds = (datetime.now(UTC) - journal.begun_at).total_seconds()
        lost = measure_loss.measure_loss(settings, staged.canary, disaster_at)
        outcome = RecoveryOutcome(
            label=staged.label,
            kind="base",
            target=self.exchanged.data,
            store=staged.store,
            scenario=scenario,
            seconds=seconds,
            phases=_phases(journal),
            checks=staged.checks,
            loss=lost,
            verdict=Verdict(settings.objectives[scenario], seconds, lost.seconds if lost.measured else None),
            tables=staged.tables,
            rows=staged.rows,
            notes=staged.notes,
            reached=staged.reached,
        )
        return RecoveredInPlace(
            outcome=outcome,
            aside=self.exchanged.aside,
            damage=self.damage.lines(),
            copy=self.copy.lines(),
            found=self.settled.found,
            erased=str(staged.erased),
            configured=self.exchanged.configured,
            answers=tuple(f"{item.url}: {item.status}, {item.detail}" for item in self.answers),
            journal=str(journal.directory),
            resumed=journal.resumed,
        )


def with_unfinished(system: System, wanted: InPlace, plan: RecoveryPlan, *, anew: bool) -> RecoveryPlan:
    """The plan, with what an earlier run has done already."""
    found = None if anew else _unfinished(system, wanted)
    if found is None:
        return plan
    name, begun, done = found
    return plan.with_warnings(
        (f"goes on with {name}, which began at {begun:%Y-%m-%d %H:%M:%S} UTC; done already: {', '.join(done)}",)
    )


def require_recent(system: System, wanted: InPlace, *, anew: bool) -> None:
    """Raise ``TargetRefused`` rather than go on with a run of another day."""
    found = None if anew else _unfinished(system, wanted)
    if found is not None and datetime.now(UTC) - found[1] > RECENT:
        raise TargetRefused(
            f"{found[0]} was cut off on {found[1]:%Y-%m-%d} and never finished",
            detail=f"done were: {', '.join(found[2])}; nothing was touched now",
            hint="What it had restored is too old to be put into service today: say --anew.",
        )


def _unfinished(system: System, wanted: InPlace) -> tuple[str, datetime, tuple[str, ...]] | None:
    for directory, first in unfinished(place_of(system), PROCEDURE, system.name):
        if first.parameters == wanted.parameters:
            events = read_journal(directory)
            return directory.name, first.at, tuple(event.step for event in events if event.what == "end")
    return None


def _phases(journal: Journal) -> tuple[Phase, ...]:
    """One per step that ended, by the journal's clock: some may have been done by an earlier run."""
    found = []
    for event in journal.events:
        if event.what == "end" and event.seconds is not None:
            end = event.at.timestamp()
            found.append(Phase(event.step, end - event.seconds, end))
    return tuple(found)


def undo_course(system: str, wanted: Undone, steps: Course) -> Undone:
    """Stop, exchange, start."""
    begun = steps.step("begin", corruption.begin)
    steps.step("stop the application", corruption.stop_the_application, system)
    steps.step("stop PostgreSQL", corruption.stop_postgresql, system)
    exchanged = steps.step("exchange the directories back", corruption.exchange_back, system, begun, wanted.aside)
    steps.step("start PostgreSQL", corruption.start_postgresql, system, "")
    steps.step("start the application", corruption.start_the_application, system)
    steps.step("wait until it is healthy", corruption.wait_for_health, system)
    return Undone(exchanged.data, wanted.aside, exchanged.aside)

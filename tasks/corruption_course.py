"""The order's verbs: each a step of the journal, and a line in the incident where a person would note one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from dr.errors import DrError, TargetRefused
from dr.evidence.findings import Loss, held_against
from dr.evidence.in_place import RecoveredInPlace
from dr.evidence.journal import Journal, supersede
from dr.evidence.phases import Phase
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations.application.ask import Answered
from dr.operations.database.assess_damage import require_restore
from dr.operations.database.emergency_copy import EmergencyCopy
from dr.operations.database.exchange import Exchanged
from dr.operations.database.plan_in_place import InPlace
from dr.operations.database.stage import Staged
from dr.policy.damage import Damage
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import TargetKind
from tasks import corruption
from tasks.corruption import Settled
from tasks.corruption_unfinished import COPY, EXCHANGE, FORGET, LAST_RAN, UNDO
from tasks.course import Course, place_of
from tasks.incident import IncidentRecord
from tasks.systems import load_system

logger = logging.getLogger(__name__)

R = TypeVar("R")
NAMES = "relations.json"
STOP = "stop PostgreSQL"


def each_time(steps: Course, name: str, action: Callable[..., R], *arguments: Any) -> R:
    """A step that is done also when an earlier run has done it: a reboot undoes it, and twice does no harm."""
    if steps.journal.is_done(name):
        return action(*arguments)
    return steps.step(name, action, *arguments)


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
    lost: Loss = field(init=False)
    exchanged: Exchanged = field(init=False)
    answers: tuple[Answered, ...] = ()

    @property
    def _in_service(self) -> bool:
        """Whether an earlier run has put the copy into production's place: nothing is stopped under it."""
        return self.steps.journal.is_done(EXCHANGE)

    def begin(self) -> None:
        """A way back that was cut off is over: gone on with later, it would take away what is put there now."""
        settings = load_system(self.system)
        supersede(place_of(settings), UNDO, settings.name, f"by {self.steps.journal.name}")
        self.begun = self.steps.step("begin", corruption.begin)

    def stop_application(self) -> None:
        if not self._in_service:
            each_time(self.steps, "stop the application", corruption.stop_the_application, self.system)

    def stop_database(self) -> None:
        """Only a server that has stopped shows what lies on its disk."""
        if not self._in_service:
            each_time(self.steps, STOP, corruption.stop_postgresql, self.system)
            self.steps.step(LAST_RAN, corruption.note_last_ran, self.system)
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
            try:
                require_restore(self.damage)
            except TargetRefused as refused:
                self._leave_as_it_was(refused)
                raise

    def _leave_as_it_was(self, refused: TargetRefused) -> None:
        """Nothing is restored: what was stopped for it serves again, and nobody goes on with this."""
        if not self.wanted.swap:
            try:
                corruption.start_the_application(self.system)
            except DrError as error:
                self.told.note(f"{refused.message}; the application was stopped for this and does not start")
                raise error from refused
        self.steps.journal.close(refused.message)

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
        if self.settled.unstored:
            self.told.note(f"{self.settled.unstored}: what was committed there is lost")

    def make_the_copy(self) -> None:
        self.staged = self.steps.step(COPY, corruption.make_the_copy, self.system, self.settled, self.begun)

    def measure_loss(self, disaster_at: datetime | None) -> None:
        """Before the database is started: its canary goes on at once. Nothing was committed after it was stopped."""
        stopped = self.steps.journal.ended_at(STOP) or self.begun
        self.lost = self.steps.step(
            "measure the loss", corruption.measure_the_loss, self.system, self.staged, disaster_at, stopped
        )

    def exchange(self) -> None:
        """Raises ``TargetRefused`` when an earlier run has exchanged them, and somebody has taken the copy away."""
        identity = self.staged.identity
        if self._in_service:
            corruption.require_exchanged(self.system, identity)
        self.exchanged = self.steps.step(EXCHANGE, corruption.exchange_directories, self.system, self.begun, identity)

    def start_database(self) -> None:
        identifier = self.settled.identifier
        each_time(self.steps, "start PostgreSQL", corruption.start_postgresql, self.system, identifier)

    def erase_meanwhile(self) -> None:
        """The copy may be hours old, and production has gone on forgetting people: before anybody works in it."""
        erased = each_time(self.steps, FORGET, corruption.erase_meanwhile, self.system)
        if erased.rows:
            self.told.note(f"erased while the copy was made, and again in it: {erased}")

    def start_application(self) -> None:
        each_time(self.steps, "start the application", corruption.start_the_application, self.system)
        self.answers = each_time(self.steps, "wait until it is healthy", corruption.wait_for_health, self.system)

    def conclude(self, scenario: Scenario) -> RecoveredInPlace:
        """Counted from the very first beginning, however often it was cut off."""
        settings = load_system(self.system)
        journal, staged = self.steps.journal, self.staged
        seconds = (datetime.now(UTC) - journal.begun_at).total_seconds()
        outcome = RecoveryOutcome(
            label=staged.label,
            kind="base",
            target=self.exchanged.data,
            store=staged.store,
            scenario=scenario,
            seconds=seconds,
            phases=_phases(journal),
            checks=staged.checks,
            loss=self.lost,
            verdict=held_against(settings.objectives[scenario], seconds, self.lost),
            tables=staged.tables,
            rows=staged.rows,
            notes=(*staged.notes, *((self.settled.unstored,) if self.settled.unstored else ())),
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


def _phases(journal: Journal) -> tuple[Phase, ...]:
    """One per step that ended, by the journal's clock: some may have been done by an earlier run."""
    found = []
    for event in journal.events:
        if event.what == "end" and event.seconds is not None:
            end = event.at.timestamp()
            found.append(Phase(event.step, end - event.seconds, end))
    return tuple(found)

"""The steps of a full recovery in their order, over what the journal knows of them, and what they have given so far.

What becomes of the parts beside the database stands in ``full_recovery_parts``. Whether people are led to what came out
of all of it is decided once, before the traffic is switched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from dr.catalog.canary import Beat
from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.errors import DrError, DrillInconclusive, IdentityMismatch, RecoveryFailed
from dr.evidence.full_outcome import FullOutcome
from dr.notify.status_page import Stage, Told
from dr.operations.application.parts import is_configured
from dr.operations.full_recovery.conclude import Reached, blocked
from dr.operations.full_recovery.elsewhere import is_asked
from dr.operations.full_recovery.exercise import how_to_end
from dr.operations.full_recovery.own import release
from dr.operations.full_recovery.places import data_directory, room
from dr.operations.full_recovery.surroundings import own_services
from dr.operations.verify_recovery.expectation import find_expectation
from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.policy.full_plan import FullPlan, Then
from dr.policy.recovered_state import State
from tasks import full_recovery as step
from tasks.course import Course
from tasks.full_recovery_parts import RestoredParts
from tasks.incident import IncidentRecord
from tasks.verify_recovery import ask, back_up, see_wal

R = TypeVar("R")

APPLICATION = "start the application"
SWITCH = "switch traffic"
_QUESTION_SECONDS = 300.0
_NOT_ASKED = "verification: postgres.url is not set, so nobody has asked what runs here"


class Recovery(RestoredParts):
    """One run of the procedure. Every method is a step of the runbook, called in the order in which they stand here."""

    def __init__(self, system: str, settings: System, plan: FullPlan, steps: Course, told: IncidentRecord) -> None:
        super().__init__(system, settings, plan, steps, told)
        # From when the journal was opened, as its phases are; how long ago that was is a matter of milliseconds.
        self._begin = time.monotonic() - (datetime.now(UTC) - steps.journal.begun_at).total_seconds()
        self._in_service, self._seconds = datetime.now(UTC), 0.0
        self._verified: VerifiedRecovery | None = None
        self._why_not_verified: tuple[str, ...] = ()
        self._switched: tuple[str, ...] = ()
        self._everywhere = 0.0
        self._last: Beat | None = None
        self._led_since = steps.journal.ended_at(SWITCH)
        self._ran_on = False

    def tell_people(self) -> None:
        """On the status page, that it is being worked on; not once more where an earlier run has led people here."""
        if self._led_since is None:
            self._say("All of it is being recovered. Nothing needs to be done on your side.", Stage.IDENTIFIED)

    def _say(self, text: str, stage: Stage) -> None:
        if self.plan.exercise:
            return
        try:
            said = step.tell(self.system, self._told.id, text, stage)
        except DrError as error:  # its time was over, above all: nobody's recovery waits for it
            said = Told(done=False, detail=error.message)
        if said.wanted:
            self._notes.append(said.described())
            self._todo += [] if said.done else [f"tell people: {text}"]

    def erase_the_forgotten(self) -> None:
        """Before the database is in service (I32)."""
        if self._database is not None:
            erased = self._steps.step("erase the forgotten", step.erase_again, self.system, self._database)
            self._notes += (str(erased), *erased.notes)

    def start_data(self) -> None:
        """PostgreSQL and Redis, and what belongs into the latter. Raises ``NotFenced`` beside another primary."""
        self._keep_in()
        self._see_elsewhere("see who is in charge", "what is restored here was not started")
        self._ran_on = self._led_since is not None and step.all_run(self.system, self.plan.exercise)
        self._last = self._steps.step("note the last commit", step.note_last_commit, self.system)
        self._free_commits()
        if own_services(self.settings):
            self._each_time("start data services", step.start_own_services, self.system)
        if self._database is not None and not self.settings.procedures.recovery.database_service:
            self._todo.append(f"start PostgreSQL on {self._database.directory}")
        if found := self._another_server(must_answer=bool(self.settings.procedures.recovery.database_service)):
            raise IdentityMismatch(
                "another server than the recovered one answers at postgres.url",
                found,
                "Is the lost one still alive? Fence it, or set postgres.url to the one here; then run this again.",
            )
        if self.plan.exercise and self._database is not None and self.settings.postgres.configured:
            self._steps.anew("see that it is kept in", step.require_kept_in, self.system, self._run)
        part = self.plan.part(Kind.REDIS)
        restored = self._parts.get(part.name) if part else None
        if part is None or restored is None or part.then is not Then.PUT_BACK:
            return
        try:
            self._steps.step("see that Redis is empty", step.require_empty_redis, self.system)
            name = "put Redis back"
            # What the application has written there since is not ours to take out: then it has to be empty.
            again = self._steps.journal.was_begun(name) and not self._steps.journal.was_begun(APPLICATION)
            back = self._steps.step(name, step.put_redis_back, self.system, restored, again)
            self._notes += back.notes
        except DrError as error:
            self._note_failures({part.name: error})

    def _free_commits(self) -> None:
        """An exercise has that among its settings."""
        if self.plan.exercise or self._database is None:
            return
        names = self._steps.step("see whom commits wait for", step.waited_for, self.system)
        if names:
            step.free_commits(self.system)
            self._notes.append(f"synchronous_standby_names was {names!r}: emptied, or every commit would hang")
            self._todo.append(f"set synchronous_standby_names to {names!r} again when who confirms commits is there")

    def _keep_in(self) -> None:
        if self.plan.exercise and self._database is not None:
            self._each_time("keep it in", step.keep_in, self.system, self._run)

    def _see_elsewhere(self, name: str, state: str) -> None:
        """In every run, whatever an earlier one has seen: it may have restored for hours."""
        if not is_asked(self.settings):
            return
        told = self._steps.anew(name, step.see_elsewhere, self.system, self.plan.exercise, state)
        for line in told:
            if line not in self._notes:
                self._notes.append(line)
                self._told.note(line)

    def _another_server(self, *, must_answer: bool) -> str:
        if self._database is None or not self.settings.postgres.configured:
            return ""
        return step.another_server(self.system, self._database, must_answer)

    def _each_time(self, name: str, action: Callable[..., R], *arguments: Any) -> R:
        """What bears repetition and does not outlive a reboot: every run does it, its time is the first one's."""
        if self._steps.journal.is_done(name):
            return action(*arguments)
        return self._steps.step(name, action, *arguments)

    def start_application(self) -> None:
        """In its order, then until it answers."""
        if not is_configured(self.settings):
            self._todo += [] if self.plan.exercise else ["start the application"]
            return
        self._each_time(APPLICATION, step.start_services, self.system, self.plan.exercise)
        if self.settings.procedures.application.health_urls:
            self._each_time("wait until healthy", step.healthy, self.system, self.plan.exercise)

    def verify(self) -> None:
        """Always anew: what was well yesterday may not be so now."""
        if not self.settings.postgres.configured:
            self._why_not_verified = (_NOT_ASKED,)
            self._todo.append(
                "start what is not started, set postgres.url, and run this again: it verifies and goes on"
            )
            return
        expected = find_expectation(self.settings)
        asking = step.ask_exercise if self.plan.exercise else ask
        self._verified = asking(self.system, expected, _QUESTION_SECONDS)
        judged = self._verified.judged
        if judged.state is not State.RECOVERED:
            self._why_not_verified = tuple(f"verification: {reason}" for reason in judged.reasons)
            self._todo += judged.mend
        if found := self._another_server(must_answer=False):
            self._why_not_verified += (f"verification: postgres.url leads to another server: {found}",)

    def switch_traffic(self, *, anyway: bool) -> None:
        """Only to what passed, or when somebody wants it all the same. Here the time of the recovery ends.

        Where an earlier run has led people here and all of it ran on since, it had ended then.
        """
        self._switch(anyway=anyway)
        self._seconds, self._in_service = time.monotonic() - self._begin, datetime.now(UTC)
        if self._ran_on and self._led_since is not None and self._switched:
            self._in_service = self._led_since

    def _switch(self, *, anyway: bool) -> None:
        if self.plan.exercise:
            return
        against = blocked(self.plan, self._failed, self._why_not_verified)
        if against and not anyway:
            what = "lead people here when it is well"
            if self._led_since is not None:
                what = f"mend it: an earlier run has led people here at {self._led_since:%Y-%m-%d %H:%M:%S}Z"
            self._todo.append(f"{what}: {'; '.join(against)}")
            return
        self._see_elsewhere("see who is in charge now", "what was recovered here runs, and nobody is led to it")
        outputs = self._outputs()
        changes = self._steps.step("plan traffic", step.plan_traffic, self.system, outputs)
        if not changes:
            self._say("It runs again.", Stage.MONITORING)  # nobody but people can lead anybody here, and say it is over
            if self.settings.procedures.status_page.page:
                self._todo.append("resolve the incident on the status page when people are led here")
            return
        if against and self._led_since is None:
            self._told.decision(f"traffic is switched although: {'; '.join(against)}")
        again = self._steps.journal.was_begun(SWITCH)
        switched = self._steps.step(SWITCH, step.switch, self.system, changes, outputs, again)
        self._switched = tuple(item.described() for item in switched)
        self._everywhere = max((item.everywhere_seconds for item in switched if item.change.needed), default=0.0)
        self._todo += [text for item in switched for text in (item.change.hint, item.todo) if text]
        self._say("It is back.", Stage.MONITORING if against else Stage.RESOLVED)

    def protect_again(self) -> None:
        """A backup, and WAL that arrives; after the traffic, for people are waiting for that. None of an exercise."""
        if self.plan.exercise:
            self._todo += how_to_end(self.settings, self._run, tuple(self._places))
            return
        if self._verified is None or self._why_not_verified:
            self._todo.append("verify, back up and see WAL arrive when it runs: dr verify")
            return
        found = see_wal(self.system, back_up(self.system, self._verified, True), True)
        judged = found.judged
        if judged.state is not State.RECOVERED:
            self._notes += judged.reasons
            self._todo += judged.mend

    def reached(self) -> Reached:
        """What there is to conclude from."""
        verified = str(self._verified.judged.state) if self._verified else "not asked: postgres.url is not set"
        left = [
            f"{part.title}: bring it to where it belongs, from {self._parts[part.name].directory}"
            for part in self.plan.parts
            if part.then is Then.LEFT and part.name in self._parts
        ]
        return Reached(
            database=self._database,
            parts=self._parts,
            failed=self._failed,
            verified=verified,
            unverified=self._why_not_verified,
            last=self._last,
            state=self._state(),
            switched=self._switched,
            everywhere_seconds=self._everywhere,
            seconds=self._seconds,
            at=self._in_service,
            todo=tuple(dict.fromkeys((*self._todo, *left, *self._rest()))),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _rest(self) -> tuple[str, ...]:
        place = room(self.settings, self._run)
        first = f"first move away {', '.join(self._keep)}, which nobody else has; then " if self._keep else ""
        return (f"{first}remove {place} when all that is in it is in its place: secrets lie there in the clear",)

    def _state(self) -> str:
        if self.plan.exercise and self._verified is not None and not self._why_not_verified:
            return "recovered, as an exercise"
        if self._verified is not None and not self._why_not_verified:
            return "in service"
        started = self.settings.procedures.recovery.database_service
        return f"{'started' if started else 'restored'}, not verified"

    def require_in_service(self, outcome: FullOutcome) -> None:
        """Raises while something keeps people from it: the run stays open, to be gone on with.

        ``DrillInconclusive`` where all of it is restored and nobody could ask what runs, otherwise ``RecoveryFailed``.
        """
        if outcome.blocked == (_NOT_ASKED,) and not outcome.switched:
            raise DrillInconclusive(
                f"{self.settings.name} is restored, and not verified: it is not in service",
                detail="postgres.url is not set, so nobody has asked what runs here; no traffic was switched",
                hint="Do what the list says, set postgres.url, and run this again: it verifies and leads people here.",
            )
        if not outcome.in_service:
            raise RecoveryFailed(
                f"{self.settings.name} is restored as far as it went, and not in service",
                detail="; ".join(outcome.blocked),
                hint="Mend it and run this again: only what is left is done."
                + ("" if self.plan.exercise else " Or lead people here all the same: --switch-anyway."),
            )
        for place in (data_directory(self.settings), *map(Path, self._places)):
            release(place)

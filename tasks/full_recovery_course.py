"""The steps of a full recovery in their order, over what the journal knows of them, and what they have given so far.

A part that fails lets the others go on: what works without it should work. The database is the exception. Whether
people are led to what came out of it is decided once, before the traffic is switched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from dr.operations.full_recovery.database import RecoveredDatabase
from dr.operations.full_recovery.infrastructure import modules
from dr.operations.full_recovery.kinds import BY_KIND
from dr.operations.full_recovery.own import release
from dr.operations.full_recovery.parts import RestoredPart
from dr.operations.full_recovery.places import data_directory, room
from dr.operations.full_recovery.surroundings import own_services
from dr.operations.infrastructure.apply import InfrastructureMade
from dr.operations.verify_recovery.expectation import find_expectation
from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.policy.full_plan import FullPlan, PlannedPart, Then
from dr.policy.recovered_state import State
from dr.policy.traffic_values import together
from tasks import full_recovery as step
from tasks.course import Course, Step
from tasks.incident import IncidentRecord
from tasks.verify_recovery import ask, back_up, see_wal

R = TypeVar("R")
logger = logging.getLogger(__name__)

DATABASE = "database"
APPLICATION = "start the application"
_MAKE = "make "
_QUESTION_SECONDS = 300.0
_NOT_ASKED = "verification: postgres.url is not set, so nobody has asked what runs here"


@dataclass(frozen=True, slots=True)
class Machines:
    """What came of infrastructure or images. ``keep``: directories with a state that is nowhere else."""

    restored: RestoredPart
    notes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


class Recovery:
    """One run of the procedure. Every method is a step of the runbook, called in the order in which they stand here."""

    def __init__(self, system: str, settings: System, plan: FullPlan, steps: Course, told: IncidentRecord) -> None:
        self.system, self.settings, self.plan = system, settings, plan
        self._steps, self._told = steps, told
        # From when the journal was opened, as its phases are; how long ago that was is a matter of milliseconds.
        self._begin = time.monotonic() - (datetime.now(UTC) - steps.journal.begun_at).total_seconds()
        self._in_service, self._seconds = datetime.now(UTC), 0.0
        self._run = steps.journal.name
        self._database: RecoveredDatabase | None = None
        self._parts: dict[str, RestoredPart] = {}
        self._failed: dict[str, DrError] = {}
        self._verified: VerifiedRecovery | None = None
        self._why_not_verified: tuple[str, ...] = ()
        self._switched: tuple[str, ...] = ()
        self._everywhere = 0.0
        self._todo: list[str] = []
        self._notes: list[str] = []
        self._places: list[str] = []
        self._keep: list[str] = []
        self._last: Beat | None = None

    def tell_people(self) -> None:
        """On the status page, that it is being worked on."""
        self._say("All of it is being recovered. Nothing needs to be done on your side.", Stage.IDENTIFIED)

    def _say(self, text: str, stage: Stage) -> None:
        try:
            said = step.tell(self.system, self._told.id, text, stage)
        except DrError as error:  # its time was over, above all: nobody's recovery waits for it
            said = Told(done=False, detail=error.message)
        if said.wanted:
            self._notes.append(said.described())
            self._todo += [] if said.done else [f"tell people: {text}"]

    def restore_beside_each_other(self) -> None:
        """Everything that can be fetched now. Raises when the database is among what failed."""
        beside = self._restoring(needed=True)
        chains = [Step(part.name, self._machines, (part,)) for part in self.plan.parts if _is_machines(part)]
        base = self.plan.database
        first = [Step(DATABASE, step.restore_database, (self.system, base, self._run))] if base else []
        # What takes longest begins first.
        done, failed = self._steps.as_far_as_possible([*chains, *first, *beside])
        self._database = done.get(DATABASE)
        self._note_parts(done, failed)
        if DATABASE in failed:
            raise failed[DATABASE]

    def restore_the_rest(self) -> None:
        """What the product runs without, logs and code: nobody had to wait for it."""
        self._note_parts(*self._steps.as_far_as_possible(self._restoring(needed=False)))

    def _restoring(self, *, needed: bool) -> list[Step]:
        wanted = [part for part in self.plan.parts if BY_KIND[part.kind].needed is needed and not _is_machines(part)]
        return [Step(f"restore {part.name}", step.restore_part, (self.system, part, self._run)) for part in wanted]

    def _note_parts(self, done: Mapping[str, Any], failed: dict[str, DrError]) -> None:
        for name, value in done.items():
            if isinstance(value, Machines):
                self._notes += value.notes
                self._keep += value.keep
                self._todo += [
                    f"{path} holds the infrastructure's code and its new state: keep it" for path in value.keep
                ]
                self._parts[name] = value.restored
            elif name != DATABASE:
                self._parts[name.removeprefix("restore ")] = value
        self._note_failures(failed)

    def _machines(self, part: PlannedPart) -> Machines:
        """Infrastructure or images: restored, and then made, beside everything else."""
        restored = self._steps.step(f"restore {part.name}", step.restore_part, self.system, part, self._run)
        if part.then is Then.LAUNCHED:
            launched = self._steps.step("launch images", step.launch_images, self.system, restored, self._run)
            told = tuple(f"{server.source} runs as {server.instance} in {server.region}" for server in launched)
            return Machines(restored, told)
        notes = [*self._steps.step("push states", step.push_states, self.system, restored)]
        keep = []
        for module in modules(self.settings, restored):
            planned = self._steps.step(f"plan {module.name}", step.plan_module, self.system, module)
            made = self._steps.step(f"{_MAKE}{module.name}", step.apply_plan, self.system, planned)
            if planned.needed:
                notes.append(f"infrastructure: {len(made.done)} resources of {made.module} made")
            if module.local:
                keep.append(module.directory)
        return Machines(restored, tuple(notes), tuple(keep))

    def _outputs(self) -> dict[str, tuple[str, ...]]:
        """What the infrastructure that this run has made says of itself; what another run had made leads nowhere."""
        journal = self._steps.journal
        ended = [event.step for event in journal.events if event.what == "end" and event.step.startswith(_MAKE)]
        made = [journal.result(name, InfrastructureMade) for name in ended]
        return together({one.module: one.values() for one in made})

    def bring_to_their_places(self) -> None:
        """Uploads, configuration, certificates, secrets."""
        actions: dict[Kind, tuple[Any, tuple[Any, ...]]] = {
            Kind.FILES: (step.lay_uploads, (self._run,)),
            Kind.CONFIG: (step.lay_config, ()),
        }
        beside = []
        for part in self.plan.parts:
            restored = self._parts.get(part.name)
            if restored is None or part.then not in (Then.LAID, Then.PUT_BACK):
                continue
            if part.kind in actions:
                action, more = actions[part.kind]
                beside.append(Step(f"lay {part.name}", action, (restored, *more)))
            elif part.kind is Kind.CERTIFICATES:
                beside.append(Step(f"lay {part.name}", step.lay_certificates, (self.system, restored)))
            elif part.kind is Kind.SECRETS:
                beside.append(Step(f"put {part.name} back", step.put_secrets_back, (self.system, restored)))
        done, failed = self._steps.as_far_as_possible(beside)
        for value in done.values():
            self._places += getattr(value, "places", ())
            self._todo += getattr(value, "left", ())
            self._notes += getattr(value, "notes", ())
        self._note_failures(
            {
                name.removeprefix("lay ").partition(" back")[0].removeprefix("put "): error
                for name, error in failed.items()
            }
        )

    def erase_the_forgotten(self) -> None:
        """Before the database is in service (I32)."""
        if self._database is not None:
            erased = self._steps.step("erase the forgotten", step.erase_again, self.system, self._database)
            self._notes += (str(erased), *erased.notes)

    def start_data(self) -> None:
        """PostgreSQL and Redis, and what belongs into the latter."""
        self._last = self._steps.step("note the last commit", step.note_last_commit, self.system)
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
            self._todo.append("start the application")
            return
        self._each_time(APPLICATION, step.start_services, self.system)
        if self.settings.procedures.application.health_urls:
            self._each_time("wait until healthy", step.healthy, self.system)

    def verify(self) -> None:
        """Always anew: what was well yesterday may not be so now."""
        if not self.settings.postgres.configured:
            self._why_not_verified = (_NOT_ASKED,)
            self._todo.append(
                "start what is not started, set postgres.url, and run this again: it verifies and goes on"
            )
            return
        expected = find_expectation(self.settings)
        self._verified = ask(self.system, expected, _QUESTION_SECONDS)
        judged = self._verified.judged
        if judged.state is not State.RECOVERED:
            self._why_not_verified = tuple(f"verification: {reason}" for reason in judged.reasons)
            self._todo += judged.mend
        if found := self._another_server(must_answer=False):
            self._why_not_verified += (f"verification: postgres.url leads to another server: {found}",)

    def switch_traffic(self, *, anyway: bool) -> None:
        """Only to what passed, or when somebody wants it all the same. Here the time of the recovery ends."""
        self._switch(anyway=anyway)
        self._seconds, self._in_service = time.monotonic() - self._begin, datetime.now(UTC)

    def _switch(self, *, anyway: bool) -> None:
        against = blocked(self.plan, self._failed, self._why_not_verified)
        if against and not anyway:
            self._todo.append(f"lead people here when it is well: {'; '.join(against)}")
            return
        outputs = self._outputs()
        changes = self._steps.step("plan traffic", step.plan_traffic, self.system, outputs)
        if not changes:
            return
        if against:
            self._told.decision(f"traffic is switched although: {'; '.join(against)}")
        again = self._steps.journal.was_begun("switch traffic")
        switched = self._steps.step("switch traffic", step.switch, self.system, changes, outputs, again)
        self._switched = tuple(item.described() for item in switched)
        self._everywhere = max((item.everywhere_seconds for item in switched if item.change.needed), default=0.0)
        self._todo += [text for item in switched for text in (item.change.hint, item.todo) if text]
        self._say("It is back.", Stage.MONITORING if against else Stage.RESOLVED)

    def protect_again(self) -> None:
        """A backup, and WAL that arrives; after the traffic, for people are waiting for that."""
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
                hint="Mend it and run this again: only what is left is done. Or lead people here all the same:"
                " --switch-anyway.",
            )
        for place in (data_directory(self.settings), *map(Path, self._places)):
            release(place)

    def _note_failures(self, failed: dict[str, DrError]) -> None:
        for name, error in failed.items():
            logger.error("%s failed, the others go on: %s", name, error)
            self._told.note(f"{name} failed: {error.message}. {error.detail}".strip())
            self._failed[name.removeprefix("restore ")] = error


def _is_machines(part: PlannedPart) -> bool:
    return part.then in (Then.APPLIED, Then.LAUNCHED)

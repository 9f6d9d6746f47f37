"""The parts of a full recovery: restored beside each other, made or laid where they belong, and what failed.

A part that fails lets the others go on: what works without it should work. The database is the exception.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.full_recovery.database import RecoveredDatabase
from dr.operations.full_recovery.infrastructure import modules
from dr.operations.full_recovery.kept import LAUNCH, MAKE
from dr.operations.full_recovery.kinds import BY_KIND
from dr.operations.full_recovery.parts import RestoredPart
from dr.operations.infrastructure.apply import InfrastructureMade
from dr.policy.full_plan import FullPlan, PlannedPart, Then
from dr.policy.traffic_values import together
from tasks import full_recovery as step
from tasks.course import Course, Step
from tasks.incident import IncidentRecord

logger = logging.getLogger(__name__)

DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Machines:
    """What came of infrastructure or images. ``keep``: directories with a state that is nowhere else."""

    restored: RestoredPart
    notes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


class RestoredParts:
    """What of the parts one run has so far. Every public method is a step of the runbook."""

    def __init__(self, system: str, settings: System, plan: FullPlan, steps: Course, told: IncidentRecord) -> None:
        self.system, self.settings, self.plan = system, settings, plan
        self._steps, self._told = steps, told
        self._run = steps.journal.name
        self._database: RecoveredDatabase | None = None
        self._parts: dict[str, RestoredPart] = {}
        self._failed: dict[str, DrError] = {}
        self._todo: list[str] = []
        self._notes: list[str] = []
        self._places: list[str] = []
        self._keep: list[str] = []

    def restore_beside_each_other(self) -> None:
        """Everything that can be fetched now. Raises when the database is among what failed."""
        beside = self._restoring(needed=True)
        chains = [Step(part.name, self._machines, (part,)) for part in self.plan.parts if part.makes_machines]
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
        wanted = [part for part in self.plan.parts if BY_KIND[part.kind].needed is needed and not part.makes_machines]
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
            launched = self._steps.step(LAUNCH, step.launch_images, self.system, restored, self._run)
            told = tuple(f"{server.source} runs as {server.instance} in {server.region}" for server in launched)
            return Machines(restored, told)
        notes = [*self._steps.step("push states", step.push_states, self.system, restored)]
        keep = []
        for module in modules(self.settings, restored):
            planned = self._steps.step(f"plan {module.name}", step.plan_module, self.system, module)
            made = self._steps.step(f"{MAKE}{module.name}", step.apply_plan, self.system, planned)
            if planned.needed:
                others = ", the others by a run that was cut off" if made.resumed else ""
                notes.append(f"infrastructure: {len(made.done)} resources of {made.module} made{others}")
            if module.local:
                keep.append(module.directory)
        return Machines(restored, tuple(notes), tuple(keep))

    def _outputs(self) -> dict[str, tuple[str, ...]]:
        """What the infrastructure that this run has made says of itself; what another run had made leads nowhere."""
        journal = self._steps.journal
        ended = [event.step for event in journal.events if event.what == "end" and event.step.startswith(MAKE)]
        made = [journal.result(name, InfrastructureMade) for name in ended]
        return together({one.module: one.values() for one in made})

    def bring_to_their_places(self) -> None:
        """Uploads, configuration, certificates, secrets."""
        actions: dict[Kind, tuple[Any, tuple[Any, ...]]] = {
            Kind.FILES: (step.lay_uploads, (self._run,)),
            Kind.CONFIG: (step.lay_config, (self.plan.exercise,)),
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
                beside.append(
                    Step(f"put {part.name} back", step.put_secrets_back, (self.system, restored, self.plan.exercise))
                )
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

    def _note_failures(self, failed: dict[str, DrError]) -> None:
        for name, error in failed.items():
            logger.error("%s failed, the others go on: %s", name, error)
            self._told.note(f"{name} failed: {error.message}. {error.detail}".strip())
            self._failed[name.removeprefix("restore ")] = error

"""Look at the application and say what is going to be done about it; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dr.configuration.model import System
from dr.errors import ConfigurationError, LeaseHeld, TargetRefused
from dr.evidence.application_outcome import SCENARIO
from dr.operations.application.alone import refuse_beside_another
from dr.operations.application.ask import Answered
from dr.operations.application.health import ask_application, is_healthy
from dr.operations.application.look import look_at_services
from dr.operations.application.parts import data_services, regions_services
from dr.operations.application.roll_back import Older, older_releases
from dr.policy.application_plan import Restart, Seen, choose_services
from dr.policy.objectives import Objective
from dr.services.protocol import State, Status
from dr.services.registry import order

UP = frozenset({State.RUNNING, State.STARTING})


@dataclass(frozen=True, slots=True)
class ApplicationPlan:
    """How everything was found, what is restarted, and what there is to go back to if that does not help."""

    system: str
    services: tuple[Status, ...]
    answers: tuple[Answered, ...]
    restart: Restart
    older: tuple[Older, ...]
    objective: Objective
    beside: str = ""
    """Why nothing is done now: another procedure is at work, or was cut off."""

    @property
    def nothing(self) -> bool:
        """Whether nothing is to be done."""
        return self.restart.nothing

    def lines(self) -> list[str]:
        """The plan for a person."""
        lines = [f"Application of {self.system}:"]
        lines += [f"  {item.service}: {item.state}{_more(item)}" for item in self.services]
        lines += [f"  {item.url}: {'ok' if item.ok else 'NOT OK'}, {item.detail}" for item in self.answers]
        lines += [f"  LEFT ALONE {item.name}: {item.reason}" for item in self.restart.left]
        if self.beside:
            lines.append(f"  REFUSED: {self.beside}")
        if self.nothing:
            well = all(item.ok for item in self.answers)
            return [
                *lines,
                f"{'The application is healthy' if well else 'There is no service to restart'}: nothing to do.",
            ]
        layers = self.restart.order
        lines.append(f"Stop:  {_chain(tuple(reversed(layers)))}")
        lines.append(f"Start: {_chain(layers)}")
        lines += [f"  {item.name}: {item.reason}" for item in self.restart.services]
        lines.append("Then wait until it is healthy, and warm its caches.")
        lines += [
            f"If a release is the fault: {item.service} goes back from {item.current or 'its own'} to {item.previous}."
            for item in self.older
        ]
        lines.append(f"Objective: healthy within {self.objective.rto_seconds:.0f} s, nothing lost.")
        return lines


def plan_application(system: System, *, named: Sequence[str] = (), everything: bool = False) -> ApplicationPlan:
    """How everything is, and what is to be done. Raises ``ConfigurationError`` where no service is declared."""
    settings = system.procedures
    if not settings.services:
        raise ConfigurationError(
            f"the configuration of {system.name} names no services",
            hint=f"Declare each in a table [system.{system.name}.services.NAME] with its driver.",
        )
    statuses = look_at_services(system)
    answers = ask_application(system, float(settings.application.answer_seconds))
    chosen = choose_services(
        seen(system, statuses), order(system), is_healthy(answers), named=named, everything=everything
    )
    older = older_releases(system) if settings.application.roll_back and not chosen.nothing else ()
    beside = _beside(system, named)
    return ApplicationPlan(system.name, statuses, answers, chosen, older, system.objectives[SCENARIO], beside)


def _beside(system: System, named: Sequence[str]) -> str:
    try:
        refuse_beside_another(system, named)
    except (LeaseHeld, TargetRefused) as error:
        return f"{error.message}. {error.hint}"
    return ""


def seen(system: System, statuses: Sequence[Status]) -> tuple[Seen, ...]:
    """The services as the policy sees them."""
    after = {item.name: item.after for item in system.procedures.services}
    own, region = data_services(system), regions_services(system)
    return tuple(
        Seen(
            item.service,
            after[item.service],
            item.state in UP,
            f"{item.state}{_more(item)}",
            item.service in own,
            item.service in region,
        )
        for item in statuses
    )


def _more(status: Status) -> str:
    release = f" [{status.release}]" if status.release else ""
    return (f", {status.detail}" if status.detail else "") + release


def _chain(layers: Sequence[Sequence[str]]) -> str:
    return ", then ".join(" and ".join(layer) for layer in layers)

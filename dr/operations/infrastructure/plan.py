"""What Terraform would do to make machines and networks again, kept in a file that is applied exactly as it is."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.components.terraform.program import Program
from dr.configuration.model import System
from dr.errors import TargetRefused
from dr.operations.infrastructure.accounts import Intent, parse_plan
from dr.operations.infrastructure.kept_outputs import place_of
from dr.operations.infrastructure.working import account_of, failure, initialised, run_gently, working

DISASTER = "disaster_recovery=true"
_FORGOTTEN_SECONDS = 24 * 3600
_SAME, _CHANGES = 0, 2


@dataclass(frozen=True, slots=True)
class InfrastructurePlan:
    """A plan to be shown and agreed to. No value of it is here: the file holds them, for its owner alone.

    ``variables`` are the names of those that were given. ``needed``: there is something to do, outputs included.
    """

    module: str
    workspace: str
    program: str
    file: str
    sha256: str
    needed: bool
    intent: Intent
    variables: tuple[str, ...] = ()

    def described(self) -> tuple[str, ...]:
        """Lines for a person: how much, then every address."""
        intent = self.intent
        lines = [f"infrastructure {self.module} (workspace {self.workspace}): {intent.described()}"]
        lines += [f"  + {one}" for one in intent.adds] + [f"  ~ {one}" for one in intent.changes]
        lines += [f"  ± {one}" for one in intent.replaces] + [f"  - {one}" for one in intent.destroys]
        return tuple(lines)


def plan_infrastructure(system: System, module: Path) -> InfrastructurePlan:
    """Make the module ready and plan it with ``disaster_recovery=true``. Nothing outside of it is changed.

    Raises ``TargetRefused`` for a plan that destroys or replaces something, unless ``infrastructure.allow_destroy``;
    ``InfrastructureError`` with Terraform's own words; ``ToolError`` where the program is missing.
    """
    program = working(system, module)
    initialised(system, program)
    plan = make_plan(system, program)
    refused = (*plan.intent.destroys, *plan.intent.replaces)
    if refused and not system.procedures.infrastructure.allow_destroy:
        Path(plan.file).unlink(missing_ok=True)
        raise TargetRefused(
            f"the plan for {plan.module} would destroy or replace {len(refused)} that exist",
            ", ".join(refused[:20]) + (", ..." if len(refused) > 20 else ""),
            "Is it the right state and workspace? If all of it may go: infrastructure.allow_destroy = true.",
        )
    return plan


def make_plan(system: System, program: Program) -> InfrastructurePlan:
    """A plan in a module that is ready, whatever it does."""
    settings = system.procedures.infrastructure
    place = place_of(system)
    _remove_forgotten(place)
    file = place / f"plan_{datetime.now(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(4)}.tfplan"
    given = (DISASTER, *settings.variables)
    arguments = (
        "plan",
        "-input=false",
        "-detailed-exitcode",
        "-json",
        f"-lock-timeout={settings.lock_wait_minutes * 60:.0f}s",
        f"-out={file}",
        *(f"-var-file={path}" for path in settings.variable_files),
        *(f"-var={pair}" for pair in given),
    )
    ended, output = run_gently(program, *arguments, workspace=settings.workspace, seconds=settings.plan_minutes * 60)
    if ended.status not in (_SAME, _CHANGES) or not file.exists():
        file.unlink(missing_ok=True)
        hint = f"Run it there by hand: {Path(program.path).name} plan -var={DISASTER}, in {program.directory}."
        raise failure("plan the infrastructure", program, ended, account_of(ended, output), hint)
    file.chmod(0o600)
    return InfrastructurePlan(
        module=str(program.directory),
        workspace=settings.workspace,
        program=f"{Path(program.path).name} {program.version()}",
        file=str(file),
        sha256=digest(file),
        needed=ended.status == _CHANGES,
        intent=_intent(program, file, settings.workspace),
        variables=tuple(pair.partition("=")[0] for pair in given),
    )


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _intent(program: Program, file: Path, workspace: str) -> Intent:
    ended, output = program.run("show", "-json", file, workspace=workspace)
    if not ended.ok:
        raise failure("read the plan", program, ended, account_of(ended, ""), "Plan anew.")
    return parse_plan(output)


def _remove_forgotten(place: Path) -> None:
    """Plans hold secrets: one that nobody applied within a day goes."""
    for file in place.glob("plan_*.tfplan"):
        if time.time() - file.stat().st_mtime > _FORGOTTEN_SECONDS:
            file.unlink(missing_ok=True)

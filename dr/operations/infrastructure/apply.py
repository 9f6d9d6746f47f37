"""Make machines and networks: exactly the plan that was agreed to, or what a run that was cut off has left of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.components.terraform.program import Program
from dr.configuration.model import System
from dr.errors import InfrastructureError
from dr.evidence.phases import Phase, Stopwatch
from dr.operations.infrastructure.accounts import STALE, Account, Output, parse_outputs
from dr.operations.infrastructure.kept_outputs import keep_outputs
from dr.operations.infrastructure.plan import InfrastructurePlan, digest, make_plan
from dr.operations.infrastructure.working import account_of, failure, initialised, run_gently, working
from dr.pipeline.process import Exit


@dataclass(frozen=True, slots=True)
class InfrastructureMade:
    """What there is now. ``done`` are the addresses that this run finished; ``resumed``: an earlier run had begun.

    Of what is sensitive among the outputs, only the name is here.
    """

    module: str
    workspace: str
    done: tuple[str, ...]
    outputs: tuple[Output, ...]
    phases: tuple[Phase, ...]
    resumed: bool = False

    def values(self) -> dict[str, tuple[str, ...]]:
        """The outputs that are text, by name: what ``terraform:NAME`` stands for."""
        return {one.name: one.values for one in self.outputs if one.values}


def apply_infrastructure(system: System, plan: InfrastructurePlan) -> InfrastructureMade:
    """Apply the plan's file. Where an earlier run of it was cut off, plan anew and do what is left of what was agreed.

    Where there is nothing to do, its outputs are read and kept all the same: names lead to them.
    Raises ``InfrastructureError``: with Terraform's own words; when what is left goes beyond what was agreed to; when
    a lock was left behind, which is explained and not broken.
    """
    watch = Stopwatch()
    file = Path(plan.file)
    if not plan.needed:
        return _made(system, working(system, Path(plan.module)), plan, (), watch)
    resumed = not file.exists()  # applied by a run that died before it could say so
    if not resumed and digest(file) != plan.sha256:
        raise InfrastructureError(
            "the plan's file is not the one that was agreed to", str(file), "Plan anew, and agree to the new plan."
        )
    program = working(system, Path(plan.module))
    with watch.phase("make the infrastructure"):
        tried = None if resumed else _apply(system, program, file, plan.workspace)
        if tried is None or tried[1].says(STALE):
            resumed, tried = True, _go_on(system, program, plan)
        ended, account = tried
    if not ended.ok:
        raise _cut_short(system, program, ended, account)
    return _made(system, program, plan, account.done, watch, resumed=resumed)


def _made(
    system: System,
    program: Program,
    plan: InfrastructurePlan,
    done: tuple[str, ...],
    watch: Stopwatch,
    *,
    resumed: bool = False,
) -> InfrastructureMade:
    with watch.phase("read its outputs"):
        outputs = _outputs(program, plan.workspace)
    made = InfrastructureMade(plan.module, plan.workspace, done, outputs, watch.phases, resumed)
    keep_outputs(system, plan.module, made.values())
    Path(plan.file).unlink(missing_ok=True)  # it holds secrets, and is of no use any more
    return made


def _apply(system: System, program: Program, file: Path, workspace: str) -> tuple[Exit, Account]:
    settings = system.procedures.infrastructure
    ended, output = run_gently(
        program,
        *("apply", "-input=false", "-json", f"-lock-timeout={settings.lock_wait_minutes * 60:.0f}s", str(file)),
        workspace=workspace,
        seconds=settings.apply_minutes * 60,
    )
    return ended, account_of(ended, output)


def _go_on(system: System, program: Program, agreed: InfrastructurePlan) -> tuple[Exit, Account]:
    """The state is not the one that was planned from: a run of ours was cut off, or somebody else was at work."""
    initialised(system, program)
    left = make_plan(system, program)
    file = Path(left.file)
    try:
        if beyond := left.intent.beyond(agreed.intent):
            raise InfrastructureError(
                "the infrastructure has changed since the plan was agreed to, and not only by it",
                f"what is left to be done is more than that: {', '.join(beyond[:20])}",
                "Plan anew, look who changed it, and agree to the new plan.",
            )
        return _apply(system, program, file, agreed.workspace)
    finally:
        file.unlink(missing_ok=True)


def _cut_short(system: System, program: Program, ended: Exit, account: Account) -> InfrastructureError:
    done = f"done so far: {', '.join(account.done) or 'nothing'}"
    minutes = system.procedures.infrastructure.apply_minutes
    found = failure(
        "make the infrastructure",
        program,
        ended,
        account,
        f"Correct what it names and run this again: it goes on from what is there. It may take {minutes:g} minutes "
        "(infrastructure.apply_minutes).",
    )
    return InfrastructureError(found.message, f"{found.detail}\n{done}", found.hint)


def _outputs(program: Program, workspace: str) -> tuple[Output, ...]:
    ended, output = program.run("output", "-json", workspace=workspace)
    if not ended.ok:
        hint = "The infrastructure is made: run this again, which reads them once more."
        raise failure("read the outputs of the infrastructure", program, ended, account_of(ended, ""), hint)
    return parse_outputs(output)

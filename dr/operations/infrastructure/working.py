"""Terraform at work on one module of ours: made ready, run, and stopped so that it lets go of its lock."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path

from dr.components.terraform.module import LOCK_FILE, read_module
from dr.components.terraform.program import Program, headlines, required_program
from dr.configuration.model import System
from dr.errors import InfrastructureError, SourceError
from dr.operations.infrastructure.accounts import LOCKED, UNDECLARED, Account, parse_account
from dr.pipeline.process import Child, Exit

GRACE_SECONDS = 60.0
"""How long it may take to end what it is at and to give back its lock, before it is killed."""
DEFAULT = "default"


def working(system: System, module: Path) -> Program:
    """The program in the module's own directory. Raises ``ToolError`` where it is missing."""
    try:
        found = read_module("infrastructure", module)
    except SourceError as error:
        raise InfrastructureError(
            f"there is no infrastructure to be made from {module}",
            error.message,
            "Name a root module in infrastructure.directory, or restore the terraform backup first.",
        ) from None
    settings = system.procedures.infrastructure
    path = required_program(system.components.terraform.program, found)
    return Program(path, found.directory, settings.plan_minutes * 60)


def initialised(system: System, program: Program) -> None:
    """Backend, modules and providers are there afterwards. Raises ``InfrastructureError``."""
    settings = system.procedures.infrastructure
    given = [f"-backend-config={path}" for path in system.components.terraform.backend_config]
    if settings.provider_directory is not None:
        given.append(f"-plugin-dir={settings.provider_directory}")
    if (program.directory / LOCK_FILE).exists():
        given.append("-lockfile=readonly")
    ended, _ = program.run("init", "-input=false", "-no-color", *given)
    if not ended.ok:
        raise InfrastructureError(
            f"{program.directory} cannot be initialised",
            headlines(ended),
            f"Run it there by hand: {Path(program.path).name} init. Where no registry can be reached, name providers "
            "that were fetched beforehand in infrastructure.provider_directory.",
        )
    if settings.workspace != DEFAULT:
        _require_workspace(program, settings.workspace)


def _require_workspace(program: Program, workspace: str) -> None:
    try:
        known = program.workspaces()
    except SourceError as error:
        raise InfrastructureError(error.message, error.detail, error.hint) from None
    if workspace not in known:
        raise InfrastructureError(
            f"there is no workspace {workspace}",
            f"there are: {', '.join(known)}",
            f"Correct infrastructure.workspace, or make it: terraform workspace new {workspace}",
        )


def run_gently(program: Program, *arguments: str | Path, workspace: str, seconds: float) -> tuple[Exit, str]:
    """Run a command that holds a lock. After ``seconds``, or when we are interrupted or die, it is asked to stop.

    It then ends what it is at, writes its state and gives back the lock; it is killed after a minute.
    """
    with Child(
        f"{Path(program.path).name} {arguments[0]}",
        (program.path, *arguments),
        environment=program.environment(workspace),
        stdout=subprocess.PIPE,
        directory=program.directory,
        death_signal="INT",
    ) as child:
        timers = (
            threading.Timer(seconds, child.signal, (signal.SIGINT,)),
            threading.Timer(seconds + GRACE_SECONDS, child.kill_group),
        )
        for timer in timers:
            timer.daemon = True
            timer.start()
        try:
            output = child.stdout.read().decode(errors="replace")
            return child.wait(seconds + 2 * GRACE_SECONDS), output
        except BaseException:
            child.signal(signal.SIGINT)
            child.wait(GRACE_SECONDS)
            raise
        finally:
            for timer in timers:
                timer.cancel()


def failure(doing: str, program: Program, ended: Exit, account: Account, hint: str) -> InfrastructureError:
    """What a command says that failed; a lock that somebody left behind is explained, and never broken by us."""
    if account.says(LOCKED):
        unlock = f"{Path(program.path).name} force-unlock {account.lock_id or 'ID'}"
        return InfrastructureError(
            f"cannot {doing}: the state is locked",
            f"{account.lock}; lock {account.lock_id or 'without an id'}",
            "If that run is alive, wait for it. If it is dead, and only then, because two at once destroy the state: "
            f"{unlock}, in {program.directory}; then run this again.",
        )
    if account.says(UNDECLARED):
        hint = 'Declare it in the module (variable "disaster_recovery" {}), or correct infrastructure.variables.'
    told = "; ".join(account.errors) or headlines(ended)
    return InfrastructureError(f"cannot {doing}", told, hint)


def account_of(ended: Exit, output: str) -> Account:
    """What ``-json`` printed; what a program too old for it, or one that dies early, wrote to its standard error."""
    found = parse_account(output)
    return found if found.errors or ended.ok else Account((headlines(ended),), done=found.done)

"""``dr failback``: look, show, ask, then go back to the first region without losing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli import consent
from dr.cli.commands.failover import Anew, Confirm, DryRun
from dr.cli.commands.region import show
from dr.cli.runners import effective_configuration, procedures
from dr.cli.session import Session
from dr.errors import ConfigurationError

if TYPE_CHECKING:
    from dr.configuration.model import System


def failback(
    session: Session,
    dry_run: DryRun = False,
    confirm: Confirm = "",
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make the first region's server a replica, and stop there.")
    ] = False,
    may_start: Annotated[
        str,
        typer.Option(
            "--may-start",
            metavar="primary|standby",
            show_default=False,
            help="Only ask whether that server of this host may come up in charge: for ExecStartPre.",
        ),
    ] = "",
    anew: Anew = False,
) -> None:
    """Go back to the first region; run it on the host of its server.

    Its old server is kept out, what only it has is listed and copied aside,
    it becomes a replica and catches up; then the second region's server is
    shut down in order, both are compared, and the first takes over. Nothing is
    lost. Run again after a crash it goes on where it was. Exit code 21: another
    server is or was in charge, and nothing was changed.

    Examples:
      dr failback --dry-run
      dr failback --prepare
      dr failback --confirm main
      dr failback --may-start primary
    """
    system = effective_configuration(session).system
    if may_start:
        _ask_whether_it_may(session, system, may_start)
        return
    with procedures(session):
        from flows.fail_back import fail_back

        fail_back(system=system.name, dry_run=True)
        show(session, "look")
        if dry_run:
            session.output.say("Nothing was done: this was a dry run.")
            return
        asked = consent.Question(system.name, production=True)
        typed = consent.obtain(session, asked, yes=False, typed=confirm, auto=system.auto_confirm)
        fail_back(system=system.name, confirm_name=typed, prepare_only=prepare, anew=anew)
    show(session, "failback")


def _ask_whether_it_may(session: Session, system: System, side: str) -> None:
    from dr.operations.region.may_start import may_start
    from dr.operations.region.sites import first_region, second_region

    sites = {"primary": first_region, "standby": second_region}
    if side not in sites:
        raise ConfigurationError(f"--may-start takes primary or standby, not {side!r}", hint="Name one of the two.")
    session.output.say(f"It may start: {may_start(system, sites[side](system))}.")

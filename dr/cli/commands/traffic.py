"""``dr traffic``: where requests are led, and leading them elsewhere without recovering anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli import consent
from dr.cli.output import plain
from dr.cli.runners import effective_configuration, procedures
from dr.cli.session import Session
from dr.policy.traffic_side import Destination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dr.traffic.protocol import Change, Switched


def traffic(
    session: Session,
    to: Annotated[
        Destination | None,
        typer.Option(show_default=False, help="A side; back: undo the last switch; settled: keep it, with usual TTLs."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="The system's name: nobody is asked.")
    ] = "",
) -> None:
    """Show where requests are led, or lead them to another side.

    Load balancer first, then names, then caches; each is read back. failover,
    failback and full-recovery do this themselves: here it is done alone. Until
    the old time to live has passed, some are still led to the old side. Exit
    code 20: a provider refused; what is switched and what is not is said.

    Examples:
      dr traffic
      dr traffic --to standby --dry-run
      dr traffic --to back
    """
    system = effective_configuration(session, require_encryption=False).system
    if to is None:
        from dr.operations.switch_traffic import look_at_traffic

        seen = look_at_traffic(system)
        session.output.document["traffic"] = plain(seen)
        for one in seen:
            session.output.say(f"{one.name}: {one.now.words}")
        if not seen:
            session.output.say("Nothing is configured that leads requests: see dns, balancer and cdn.")
        return
    with procedures(session):
        from dr.operations.switch_traffic import digest_of
        from flows.switch_traffic import switch_traffic

        changes = switch_traffic(system=system.name, to=to, dry_run=True)
        agreed = digest_of([_change(one) for one in changes])
        _show_plan(session, changes)
        if dry_run or not any(_change(one).needed for one in changes):
            session.output.say("Nothing was done: " + ("this was a dry run." if dry_run else "there is nothing to do."))
            return
        asked = consent.Question(system.name, production=True, because="Everybody will be led elsewhere.")
        typed = consent.obtain(session, asked, yes=False, typed=confirm, auto=system.auto_confirm)
        _show(session, switch_traffic(system=system.name, to=to, confirm_name=typed, agreed=agreed))


def _show_plan(session: Session, changes: Sequence[Change | Switched]) -> None:
    session.output.document["plan"] = plain(changes)
    for change in map(_change, changes):
        session.output.say(change.described())
        if change.hint:
            session.output.note(change.hint)


def _show(session: Session, switched: Sequence[Change | Switched]) -> None:
    session.output.document["switched"] = plain(switched)
    for one in switched:
        session.output.say(one.described())


def _change(one: Change | Switched) -> Change:
    from dr.traffic.protocol import Switched

    return one.change if isinstance(one, Switched) else one

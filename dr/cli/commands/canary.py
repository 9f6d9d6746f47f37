"""``dr canary``: a row a second in the protected database, by which a recovery knows how much was lost."""

from __future__ import annotations

from typing import Annotated

import typer

from dr.cli.interruption import Terminated
from dr.cli.output import plain
from dr.cli.runners import effective_configuration
from dr.cli.session import Session


def canary(
    session: Session,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds from row to row.")] = 1.0,
    keep_days: Annotated[int, typer.Option(min=1, help="Older rows are removed.")] = 2,
    once: Annotated[bool, typer.Option("--once", help="Write one row and end.")] = False,
) -> None:
    """Write a row a second, by which a loss can be measured.

    The last row is noted outside the database too. Survives restarts of the
    server; Ctrl-C or SIGTERM ends it, with exit code 0. Run one per system, as
    a service.

    Example:
      dr canary --system shop
    """
    system = effective_configuration(session, require_postgres=True, require_encryption=False).system
    from dr.operations.keep_canary import Canary

    keeper = Canary(system, interval_seconds=interval, keep_days=keep_days, tell=session.output.note)
    try:
        if once:
            keeper.beat_once()
        else:
            keeper.keep()
    except Terminated as ended:
        session.output.note(f"ended by {ended.number.name}")
    finally:
        last = keeper.last
        session.output.document.update(
            system=system.name,
            beats=keeper.count,
            interruptions=keeper.interruptions,
            last=plain(last) if last else None,
        )
    session.output.say(
        f"{keeper.count} canary rows written"
        + (f", the last is {last.seq} of {last.committed_at:%Y-%m-%d %H:%M:%S.%f} UTC." if last else ".")
    )

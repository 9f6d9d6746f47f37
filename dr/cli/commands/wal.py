"""``dr wal``: take the server's write-ahead log in, ship it, and say how far it is."""

from __future__ import annotations

from typing import Annotated

import typer

from dr.cli.interruption import Terminated
from dr.cli.output import plain
from dr.cli.runners import effective_configuration
from dr.cli.session import Session, command

app = typer.Typer(
    no_args_is_help=True,
    help="Take the write-ahead log (WAL) in, and ship it.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def wal() -> None:
    """Take the write-ahead log (WAL) in, and ship it."""


def receive(
    session: Session,
    synchronous: Annotated[
        bool,
        typer.Option(
            "--synchronous", help="Confirm WAL only when it is on this host's disk: a commit can wait for it."
        ),
    ] = False,
) -> None:
    """Receive WAL and ship it, until Ctrl-C or SIGTERM.

    Streams through a replication slot into the spool, and ships from there
    (with wal.method = archive: ships what archive_command put there). Closed
    segments go at once, the open one every wal.partial_seconds. Told to end, it
    ships what it has; exit code 0. Run one per system, as a service.

    --synchronous loses no acknowledged commit when the server names the slot
    in synchronous_standby_names. The price: each commit waits for this host's
    disk, and all commits stop while no receiver runs.

    Example:
      dr wal receive --system shop
    """
    import secrets

    system = effective_configuration(session, require_postgres=True).system
    from dr.operations.wal.receive import Receiver

    receiver = Receiver(system, synchronous=synchronous, run=f"wal-{secrets.token_hex(4)}", tell=session.output.note)
    try:
        receiver.keep()
    except Terminated as ended:
        session.output.note(f"ended by {ended.number.name}")
    finally:
        session.output.document.update(system=system.name, shipped=receiver.shipped)
    session.output.say(f"{receiver.shipped} WAL files shipped.")


def ship(session: Session) -> None:
    """Ship what lies in the spool now, and level the stores.

    For a spool that archive_command fills, or after a receiver has gone. While
    a receiver runs on this host, that one is asked to store what it has; one on
    another host makes exit code 12: it ships by itself.

    Example:
      dr wal ship --system shop
    """
    import secrets

    system = effective_configuration(session).system
    from dr.errors import PartialBackup
    from dr.operations.wal.hurry import hurry
    from dr.operations.wal.level_stores import level_stores
    from dr.operations.wal.ship_once import ship_once

    if hurry(system):
        session.output.document.update(system=system.name, asked="receiver")
        session.output.say("The receiver of this host has stored all that it had received.")
        return
    summary = ship_once(system, run=f"wal-{secrets.token_hex(4)}")
    session.output.document.update(system=system.name, **plain(summary))
    levelled = level_stores(system)
    session.output.document["levelled"] = plain(levelled)
    session.output.say(
        f"{summary.shipped} WAL files shipped, {summary.waiting} wait; "
        f"{levelled.copied} copied to stores that missed them, {levelled.missing} still missing."
    )
    if summary.refused or summary.waiting or summary.failures or levelled.missing:
        raise PartialBackup(
            f"not all WAL of {system.name} is in every store",
            detail="; ".join([*summary.refused, *(f"store {item.store}: {item.message}" for item in summary.failures)]),
            hint="What waits stays in the spool. Mend the cause and ship again.",
        )


def status(session: Session) -> None:
    """Show how far the receiver of this host is.

    Example:
      dr wal status --json
    """
    system = effective_configuration(session).system
    from dr.operations.wal.spool import backlog, refused, scan
    from dr.operations.wal.status import read_status

    found = read_status(system)
    listing = scan(system.wal_spool)
    waiting = backlog((*listing.histories, *listing.segments))
    aside = refused(system.wal_spool)
    session.output.document.update(
        system=system.name,
        spool=str(system.wal_spool),
        receiver=plain_status(found),
        spool_files=waiting.files,
        spool_bytes=waiting.size,
        refused=list(aside),
        others=list(listing.others),
    )
    if found is None:
        session.output.say(f"no receiver of {system.name} ever ran on this host")
    else:
        rows = [{"receiver": key, "is": _told(value)} for key, value in plain_status(found).items()]
        session.output.table(f"Receiver of {system.name}", rows)
    session.output.say(f"{waiting.files} closed files in {system.wal_spool}, {len(aside)} refused.")


def plain_status(found: object) -> dict[str, object]:
    """The receiver's state as what JSON knows; empty when there is none."""
    if found is None:
        return {}
    import msgspec

    told = msgspec.to_builtins(found, enc_hook=str)
    return {key: value for key, value in told.items() if key != "process_start"}


def _told(value: object) -> object:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def archive_command(session: Session) -> None:
    """Print the settings by which the server archives its WAL into the spool.

    The other way in, for a server on this host or one that mounts the spool.
    The line is plain sh: it copies, flushes, renames, takes the same file twice
    and refuses another one under the same name.

    Example:
      dr wal archive-command --system shop | psql
    """
    system = effective_configuration(session).system
    from dr.operations.wal.archive_line import archive_line, archive_settings
    from dr.operations.wal.spool import make_spool

    make_spool(system.wal_spool)
    session.output.document.update(
        system=system.name, spool=str(system.wal_spool), archive_command=archive_line(system)
    )
    for statement in archive_settings(system):
        session.output.say(statement)


def drop_slot(session: Session) -> None:
    """Drop the receiver's replication slot: the server keeps no WAL for us any more.

    Do it when a receiver is gone for good: its slot would fill the server's
    disk. Refused while a receiver runs.

    Example:
      dr wal drop-slot --system shop
    """
    system = effective_configuration(session, require_postgres=True).system
    from dr.operations.check_source import physical_url
    from dr.postgres.slots import drop_slot as drop

    dropped = drop(physical_url(system), system.wal_slot)
    session.output.document.update(system=system.name, slot=system.wal_slot, dropped=dropped)
    session.output.say(f"slot {system.wal_slot} " + ("dropped." if dropped else "was not there."))


for _name, _function in (
    ("receive", receive),
    ("ship", ship),
    ("status", status),
    ("archive-command", archive_command),
    ("drop-slot", drop_slot),
):
    app.command(_name)(command(_function))

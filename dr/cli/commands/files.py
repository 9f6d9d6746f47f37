"""``dr files`` and ``dr certificates``: what a backup of uploads holds, and how long certificates are still good."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.figures import size
from dr.cli.runners import effective_configuration
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.catalog.file_index import FileEntry


def files(
    session: Session,
    label: Annotated[str, typer.Argument(metavar="[LABEL]", help="A backup of uploads; the newest if absent.")] = "",
    prefix: Annotated[
        str, typer.Option("--path", metavar="PATH", help="Only what lies there: uploads/2026/01.", show_default=False)
    ] = "",
    unread: Annotated[bool, typer.Option("--unread", help="Only what is not in the backup, or maybe torn.")] = False,
    most: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 1000,
) -> None:
    """List the uploads as they were at the time of a backup.

    Nothing is restored; the key to the backups is needed, for names are
    encrypted too. dr restore brings one back.

    Examples:
      dr files --path uploads/2026
      dr files files_20260101_023000
    """
    from dr.catalog.labels import Kind
    from dr.operations.component.listing import listed_files

    system = effective_configuration(session).system
    found = listed_files(system, label or "latest", Kind.FILES, prefix)
    wanted = (entry for entry in found.entries if not unread or entry.unread or entry.changed)
    entries = list(islice(wanted, most + 1))
    more = len(entries) > most
    rows = [_row(entry) for entry in entries[:most]]
    session.output.document.update(label=found.label, files=rows, more=more)
    session.output.table(f"{found.label}: {len(rows)} paths" + (" and more" if more else ""), rows)
    if more:
        session.output.say(f"There are more than {most}: narrow it with --path, or raise --most.")


def _row(entry: FileEntry) -> dict[str, object]:
    return {
        "path": _printable(f"{entry.root}/{entry.path}".rstrip("/")),
        "type": entry.type,
        "mode": entry.mode,
        "owner": f"{entry.user or entry.uid}:{entry.group or entry.gid}",
        "size": size(entry.size) if entry.type == "file" else "",
        "changed": f"{datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "content": f"NOT IN THE BACKUP: {entry.unread}" if entry.unread else "maybe torn" if entry.changed else "",
    }


def _printable(name: str) -> str:
    """A name as it can be shown: whoever may upload names files, and could otherwise speak to the terminal."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def certificates(session: Session) -> None:
    """Say how long each certificate in use is still good.

    Reads the files themselves. Exit code 4 when one is critical, expired, or
    cannot be used as it lies there.

    Example:
      dr certificates
    """
    from dr.errors import SourceInvalid
    from dr.operations.certificate_states import certificate_states
    from dr.policy.certificate_age import Urgency

    system = effective_configuration(session, require_encryption=False).system
    states = certificate_states(system, datetime.now(UTC))
    rows = [
        {"certificate": item.name, "days left": item.days_left, "state": str(item.urgency), "reason": item.reason}
        for item in states
    ]
    session.output.document.update(system=system.name, certificates=rows)
    session.output.table(f"Certificates of {system.name}", rows)
    if not rows:
        session.output.say(f"{system.name} has no certificates configured (certificates.directories).")
    bad = [item for item in states if item.urgency in (Urgency.CRITICAL, Urgency.EXPIRED, Urgency.UNKNOWN)]
    if bad:
        raise SourceInvalid(
            f"{len(bad)} of {len(states)} certificates need somebody now",
            detail="; ".join(item.reason for item in bad),
            hint="Renew them; with certificates.renewal_command the next application backup does.",
        )

"""Nothing is started here that another procedure has stopped: it goes on with its own, or somebody says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import DrError, LeaseHeld, TargetRefused
from dr.evidence.approvals import NOTHING
from dr.evidence.journal import FILE, TOO_OLD, last_work, read_journal
from dr.evidence.journal_files import one_opens, refuse_held

GOES_ON = {
    "recover-db-in-place": "dr recover-db --in-place",
    "undo-recovery": "dr recover-db --undo",
    "full-recovery": "dr full-recovery",
    "full-recovery-exercise": "dr full-recovery --exercise",
    "region-failover": "dr failover",
    "fail-back": "dr failback",
}
"""Procedures that stop services and start them themselves, by their journals' name; and the command that goes on."""


def refuse_beside_another(system: System, named: Collection[str] = ()) -> None:
    """Raises ``LeaseHeld`` while another procedure is at work on this host, ``TargetRefused`` where one was cut off.

    A database that a recovery has stopped, or a failover has fenced, is not started because it is down. Services that
    were ``named`` are, beside one that was cut off: whoever names them has looked.
    """
    place = system.state_directory / "procedures" / system.name
    for procedure, command in GOES_ON.items():
        left = tuple(_left(place, procedure, system.name))
        for directory in left:
            _refuse_held(place, procedure, directory)
        if left and not named:
            raise TargetRefused(
                f"{left[0].name} was cut off: what is down may be down because of it",
                detail=f"{', '.join(str(path) for path in left)}; {NOTHING}",
                hint=f"Go on with it: {command}. --service NAME starts a service all the same.",
            )


def _left(place: Path, procedure: str, system: str) -> Iterator[Path]:
    """Those that are not over. What nobody has worked on for a day nobody can go on with either."""
    for directory in sorted(place.glob(f"{procedure}_*"), reverse=True):
        try:
            events = read_journal(directory)
        except DrError:
            yield directory  # it has not said that it is over
            continue
        unfinished = events and events[-1].what != "close" and events[0].system == system
        if unfinished and datetime.now(UTC) - last_work(events) < TOO_OLD:
            yield directory


def _refuse_held(place: Path, procedure: str, directory: Path) -> None:
    try:
        with one_opens(place, procedure):  # whoever opens one at this moment must not find it held by us
            refuse_held(directory, FILE)
    except LeaseHeld as error:
        raise LeaseHeld(
            f"{directory.name} is at work: it starts itself what it has stopped",
            detail=NOTHING,
            hint="Wait for it, or end it and run this again.",
        ) from error

"""What was there before traffic was switched, noted on this host before anything is switched: the way back.

``last`` is the last switch, which can be undone; what was undone of it is in it no more. ``usual`` has, of every name,
how it was before the first switch since all was settled: its time to live is that of normal times, whatever was
switched in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations.whole_file import write_whole
from dr.traffic.protocol import Change


@dataclass(frozen=True, slots=True)
class Kept:
    """Each in the order in which it was switched. ``unfinished``: whoever made ``last`` has not come to its end."""

    last: tuple[Change, ...] = ()
    usual: tuple[Change, ...] = ()
    unfinished: bool = False


def kept_traffic(system: System) -> Kept:
    """Empty where nothing was switched from here. Raises ``ConfigurationError`` for notes that cannot be read."""
    file = _file(system)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept()
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(
            f"{file} cannot be read", str(error), "Move it aside: what it says of the way back is then not known."
        ) from None


def keep_before(system: System, changes: Sequence[Change]) -> None:
    """Note how everything is that is about to be switched to a side. What leads back is not noted."""
    going = [change for change in changes if change.side and change.needed]
    if not going:
        return
    kept = kept_traffic(system)
    # A run that was cut off is gone on with: what it had switched already belongs to the same switch.
    same = [change for change in kept.last if kept.unfinished and change.side == going[0].side]
    if not same and not any(change.lasting for change in going):
        return  # a cache that is emptied once more is no switch, and takes no way back from the one before
    _write(system, Kept(_merged(same, going), _merged(kept.usual, going), unfinished=True))


def keep_finished(system: System, changes: Sequence[Change]) -> None:
    """All of the changes are in force. What they led back is not to be led back again."""
    kept = kept_traffic(system)
    undone = {(change.switch, change.name, change.after.value) for change in changes if not change.side}
    last, usual = (
        tuple(change for change in some if (change.switch, change.name, change.before.value) not in undone)
        for some in (kept.last, kept.usual)
    )
    unfinished = kept.unfinished and not any(change.side for change in changes) and bool(last)
    if (found := Kept(last, usual, unfinished)) != kept:
        _write(system, found)


def keep_settled(system: System) -> None:
    """All is as in normal times: there is no other time to live to be remembered."""
    kept = kept_traffic(system)
    if kept.usual:
        _write(system, Kept(kept.last, (), kept.unfinished))


def _merged(earlier: Iterable[Change], later: Iterable[Change]) -> tuple[Change, ...]:
    """Of each thing how it was first, and how it is to be at last."""
    found: dict[tuple[str, str], Change] = {}
    for change in (*earlier, *later):
        first = found.get((change.switch, change.name), change)
        found[change.switch, change.name] = Change(
            change.switch, change.name, change.side, first.before, change.after, change.hint
        )
    return tuple(found.values())


def _file(system: System) -> Path:
    return system.state_directory / "traffic" / f"{system.name}.json"


def _write(system: System, kept: Kept) -> None:
    file = _file(system)
    try:
        write_whole(file, msgspec.json.encode(kept))
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written, and without it there is no way back",
            str(error),
            "Give state_directory (DR_STATE_DIRECTORY) a place to write to. Nothing was switched.",
        ) from error

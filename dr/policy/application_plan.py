"""What is done about an application that does not answer: which services are stopped and started, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dr.errors import ConfigurationError
from dr.policy.service_order import Layers, needed_by, only

_LEFT = "down, and a failover decides whether it may run: `dr failover --dry-run` looks. --service starts it"


@dataclass(frozen=True, slots=True)
class Seen:
    """One service as it was found. ``own``: it is the data's own, and not the application's.

    ``region``: a failover decides whether it may run. Down, it is started by nobody else, unless it is named.
    """

    name: str
    after: tuple[str, ...]
    running: bool
    state: str
    own: bool = False
    region: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """One service that is restarted, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Restart:
    """``services`` are stopped from the last layer of ``order`` to the first, and started from the first on.

    ``left`` are down and left alone, with the reason.
    """

    services: tuple[Chosen, ...]
    order: Layers
    left: tuple[Chosen, ...] = ()

    @property
    def nothing(self) -> bool:
        return not self.services


def choose_services(
    seen: Sequence[Seen], order: Layers, healthy: bool, *, named: Collection[str] = (), everything: bool = False
) -> Restart:
    """Which services are restarted.

    What is down is started, and nothing else, unless it was ``named``. When all run and the application is not
    ``healthy``, or ``everything`` is wanted, that is every service but the data's own. What a failover decides on is
    left alone when it is down. Raises ``ConfigurationError`` for a name that is no service.
    """
    by_name = {item.name: item for item in seen}
    _require_known(named, by_name)
    left = tuple(Chosen(item.name, _LEFT) for item in seen if item.region and not item.running)
    seen = [item for item in seen if item.name in named or item.running or not item.region]
    down = {item.name: f"it is {item.state}" for item in seen if not item.running}
    if named:
        needed = needed_by({name: item.after for name, item in by_name.items()}, set(named))
        reasons = dict.fromkeys(named, "it was asked for")
        reasons |= {name: f"{why}, and another one needs it" for name, why in down.items() if name in needed}
    elif everything:
        reasons = down | {item.name: "everything was asked for" for item in seen if not item.own}
    elif down:
        reasons = down
    elif not healthy:
        reasons = {item.name: "it runs, and the application does not answer well" for item in seen if not item.own}
    else:
        reasons = {}
    chosen = only(order, reasons.keys())
    kept = tuple(item for item in left if item.name not in reasons)
    return Restart(tuple(Chosen(name, reasons[name]) for layer in chosen for name in layer), chosen, kept)


def widened(seen: Sequence[Seen], order: Layers, done: Restart) -> Restart:
    """What to try when ``done`` was not enough: every service but the data's own. Nothing where that was all."""
    names = {item.name for item in seen if not item.own and (item.running or not item.region)}
    if names <= {item.name for item in done.services}:
        return Restart((), ())
    chosen = only(order, names)
    why = "the restart of what was down was not enough"
    return Restart(tuple(Chosen(name, why) for layer in chosen for name in layer), chosen)


def _require_known(named: Collection[str], known: Mapping[str, Seen]) -> None:
    for name in named:
        if name not in known:
            raise ConfigurationError(
                f"there is no service {name!r}",
                detail=f"there are: {', '.join(sorted(known)) or 'none at all'}",
                hint="`dr recover-app --dry-run` lists them.",
            )

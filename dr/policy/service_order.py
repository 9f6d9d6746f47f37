"""In which order services start: each when those it comes after run. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dr.errors import ConfigurationError

Layers = tuple[tuple[str, ...], ...]


def layers(after: Mapping[str, Sequence[str]]) -> Layers:
    """Services that may start together, layer by layer; within a layer in the order of their names.

    ``after`` names for each service those that have to run before it. Raises ``ConfigurationError`` for a name that is
    no service and for a circle. Stopping is the same from the end.

    >>> layers({"web": ["db", "redis"], "db": [], "redis": [], "worker": ["web"]})
    (('db', 'redis'), ('web',), ('worker',))
    """
    _require_known(after)
    left = {name: set(before) for name, before in after.items()}
    found: list[tuple[str, ...]] = []
    while left:
        ready = tuple(sorted(name for name, before in left.items() if not before & left.keys()))
        if not ready:
            raise ConfigurationError(
                f"services wait for each other in a circle: {' after '.join(_circle(left))}",
                hint="Take one of them out of the other's services.NAME.after.",
            )
        found.append(ready)
        for name in ready:
            del left[name]
    return tuple(found)


def only(order: Layers, wanted: Collection[str]) -> Layers:
    """The same order of some of them.

    >>> only((("db", "redis"), ("web",), ("worker",)), {"redis", "worker"})
    (('redis',), ('worker',))
    """
    kept = (tuple(name for name in layer if name in wanted) for layer in order)
    return tuple(layer for layer in kept if layer)


def needed_by(after: Mapping[str, Sequence[str]], wanted: Collection[str]) -> frozenset[str]:
    """Everything that has to run before any of ``wanted``, directly or not, without those themselves.

    >>> sorted(needed_by({"web": ["db"], "db": [], "worker": ["web"]}, {"worker"}))
    ['db', 'web']
    """
    found: set[str] = set()
    ahead = list(wanted)
    while ahead:
        for name in after[ahead.pop()]:
            if name not in found:
                found.add(name)
                ahead.append(name)
    return frozenset(found - set(wanted))


def _require_known(after: Mapping[str, Sequence[str]]) -> None:
    for name, before in sorted(after.items()):
        for other in before:
            if other not in after:
                raise ConfigurationError(
                    f"services.{name}.after names {other!r}, and there is no such service",
                    detail=f"there are: {', '.join(sorted(after))}",
                    hint="Correct the name, or declare the service.",
                )


def _circle(left: Mapping[str, set[str]]) -> list[str]:
    """One way around, the first name again at its end. Everything in ``left`` waits for something in it."""
    path = [min(left)]
    while (following := min(left[path[-1]] & left.keys())) not in path:
        path.append(following)
    return [*path[path.index(following) :], following]

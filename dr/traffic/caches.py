"""What emptying a cache has in common, whoever runs it. It has no state to look at, and is right to do again."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from dr.configuration.procedures.cdn import CdnSettings
from dr.errors import ConfigurationError
from dr.policy.traffic_side import Side
from dr.policy.traffic_values import Outputs
from dr.traffic.failures import as_infrastructure
from dr.traffic.protocol import Change, Now, Seen, Switched
from dr.traffic.timing import in_force

EVERYTHING = "/*"


class Cache(ABC):
    """The switch ``cdn``. A plan holds a reference, by which a provider that can knows the same wish again."""

    name = "cdn"
    lasting = False
    at_once = False

    def __init__(self, settings: CdnSettings, caches: Sequence[str]) -> None:
        for path in settings.paths:
            if not path.startswith("/"):
                raise ConfigurationError(
                    f"cdn.paths: {path!r} does not begin with a slash", hint="Write /index.html or /assets/*."
                )
        self._settings = settings
        self._caches = tuple(caches)
        self._paths = tuple(settings.paths) or (EVERYTHING,)

    @abstractmethod
    def last(self, cache: str) -> str:
        """What is known of the last time that it was emptied, in words."""

    @abstractmethod
    def empty(self, cache: str, paths: Sequence[str], reference: str) -> str:
        """Make it forget ``paths``, and wait until it has; what to say of it."""

    def look(self) -> tuple[Seen, ...]:
        with as_infrastructure():
            return tuple(Seen(cache, Now(self.last(cache), "")) for cache in self._caches)

    def plan(self, side: Side, outputs: Outputs) -> tuple[Change, ...]:
        return tuple(
            Change(self.name, seen.name, side, seen.now, Now(self._words(), f"coreflow360-dr-{secrets.token_hex(8)}"))
            for seen in self.look()
        )

    def apply(self, changes: Sequence[Change]) -> tuple[Switched, ...]:
        switched = []
        with as_infrastructure():
            for change in changes:
                begin = time.monotonic()
                # Gone back: what was cached of the side that is left is as stale, so it is emptied once more.
                reference = change.after.value or f"{change.before.value}-back"
                told = self.empty(change.name, self._paths, reference) if change.needed else ""
                switched.append(in_force(change, begin, told))
        return tuple(switched)

    def settled(self, change: Change) -> Change:
        return replace(change, before=change.after)

    def _words(self) -> str:
        return "empty" if EVERYTHING in self._paths else f"without {', '.join(self._paths)}"

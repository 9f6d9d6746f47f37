"""The component: each verb in a file of its own, loaded when it is used.

Every command asks every component whether it is configured: that must not cost the import of a client library.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Manifest, ObjectRecord, Role
from dr.components.protocol import Laid, Scanner, Sink, Source
from dr.configuration.model import System
from dr.errors import ServerUnreachable
from dr.policy.drill_verdict import Probe


class Component:
    """The Redis of one system."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.redis

    @property
    def configured(self) -> bool:
        return self._settings.url is not None

    @property
    def optional(self) -> bool:
        """Whether it holds nothing but a cache: that its backup could not be taken is then no failure."""
        return self._settings.cache_only

    def check(self) -> tuple[str, ...]:
        from dr.components.redis.server import Server
        from dr.components.redis.taking import notes_on

        try:
            return notes_on(Server(self._settings).state())
        except ServerUnreachable as error:
            if not self.optional:
                raise
            return (f"{error.message}; it is only a cache, so the application can begin with an empty one",)

    def back_up(self, sink: Sink) -> ComponentContents:
        from dr.components.redis.taking import take

        return take(self._settings, sink)

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        from dr.components.redis.laying import lay

        return lay(source, directory, wanted)

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        from dr.components.redis.question import question

        return question(manifest, directory, scratch)

    def put_back(self, manifest: Manifest, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        from dr.components.redis.putting_back import put_back

        return put_back(self._settings, manifest, directory, wanted)


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """What looks at the RDB file when it is read back."""
    from dr.components.redis.inventory import RdbScanner

    if item.role is not Role.CONTENT or manifest.component is None:
        return None
    return RdbScanner(manifest.component)

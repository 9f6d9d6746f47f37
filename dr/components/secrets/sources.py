"""What a place that keeps secrets must do: be read whole, tell what it holds now, and take one secret back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dr.catalog.manifest import Item
from dr.components.protocol import Sink
from dr.components.secrets.records import CURRENT, Entry, digest_of

TRIES = 4
"""How often one secret is read anew when it changes while it is read."""
_PREFERRED = (CURRENT, "AWSCURRENT")


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a place would give. ``items`` are of objects that it wrote itself; texts name no secret.

    ``warnings`` say what is missing from the copy, ``notes`` what is worth knowing.
    """

    entries: tuple[Entry, ...]
    items: tuple[Item, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


class SecretSource(Protocol):
    """One place that keeps secrets; the constructor connects to nothing."""

    @property
    def name(self) -> str: ...

    def check(self) -> tuple[str, ...]:
        """Can it be read? Returns notes; raises SourceError or ConfigurationError."""
        ...

    def read(self, sink: Sink) -> Reading:
        """All secrets with their values. What does not go into a document is written into ``sink``."""
        ...

    def now(self, entry: Entry) -> Entry | None:
        """What it holds at the place of ``entry``; None when nothing is there."""
        ...

    def put(self, entry: Entry, existing: Entry | None) -> tuple[str, ...]:
        """Write a secret; replace ``existing`` and nothing else. Returns notes; raises ``TargetRefused``."""
        ...

    def close(self) -> None:
        """Let go of connections, and of a login that was ours."""
        ...


def digests(entry: Entry) -> dict[str, str]:
    """Hash of every value by what it is called: its stages, or its name."""
    return {label: digest_of(value.plain()) for value in entry.values for label in (value.stages or (value.name,))}


def current(entry: Entry) -> dict[str, str]:
    """The value that programs get who ask for the secret; all of them where none is called so."""
    found = digests(entry)
    return {label: found[label] for label in _PREFERRED if label in found} or found


def some(count: int, thing: str) -> str:
    """A count in words.

    >>> some(1, "secret"), some(2, "secret")
    ('1 secret', '2 secrets')
    """
    return f"{count} {thing}{'' if count == 1 else 's'}"

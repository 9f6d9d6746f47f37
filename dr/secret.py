"""A value that cannot be printed by accident."""

from __future__ import annotations


class Secret:
    """Holds a password, a passphrase or a URL that contains one. ``str`` and ``repr`` show asterisks.

    >>> f"{Secret('hunter2')}"
    '********'
    >>> Secret('hunter2').reveal()
    'hunter2'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it at the last moment, and never into argv, a log or an error."""
        return self._value

    def __repr__(self) -> str:
        return "********"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("********", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

"""Ages and sizes as people read them."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def age(seconds: float) -> str:
    """How long ago, coarsely.

    >>> age(42), age(5400), age(3 * 86400)
    ('42 s', '90 min', '72 h')
    >>> age(400 * 86400), age(-3)
    ('400 d', '0 s')
    """
    seconds = max(seconds, 0)
    for unit, length, limit in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 96)):
        if seconds < limit * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def size(count: int) -> str:
    """Bytes with decimal units.

    >>> size(999), size(4_222_722), size(2_900_000_000)
    ('999 B', '4.2 MB', '2.9 GB')
    """
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the last unit takes whatever is left")

"""Reads results of a journal from several threads at once, each of a type that nobody has met before.

A program of its own: what it must not do is die.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import field, make_dataclass
from datetime import UTC, datetime
from typing import Any

from dr.evidence.journal_events import Event, decoded_result, encoded_result

THREADS, TYPES, FIELDS = 4, 30, 20
AT = datetime(2026, 1, 1, tzinfo=UTC)


def new_type(number: int) -> Any:
    """A value that holds values of another new type."""
    names = [f"field_{place}" for place in range(FIELDS)]
    inner = make_dataclass(f"Inner{number}", [(name, int | None, field(default=1)) for name in names])
    outer = [("inner", tuple[inner, ...], field(default=(inner(),)))]  # type: ignore[valid-type]
    return make_dataclass(f"Outer{number}", [*outer, *((name, str | None, field(default="x")) for name in names)])


def main() -> int:
    """0 when every thread has read each of them."""
    sys.setswitchinterval(1e-6)
    read = []
    for number in range(TYPES):
        kind = new_type(number)
        event = Event(AT, "end", "restore", result=encoded_result(kind()))
        together = threading.Barrier(THREADS)

        def look(kind: Any = kind, event: Event = event, together: threading.Barrier = together) -> None:
            together.wait()
            read.append(decoded_result(event, kind) == kind())

        threads = [threading.Thread(target=look) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return 0 if read == [True] * THREADS * TYPES else 1


if __name__ == "__main__":
    sys.exit(main())

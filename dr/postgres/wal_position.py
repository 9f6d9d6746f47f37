"""Where the server's WAL ended at which moment, by its own clock, sampled once a second.

A piece of WAL that ends at an LSN holds every commit that was acknowledged before the newest sample that is not beyond
that LSN. The server's clock is used on both sides, so one that is wrong does no harm.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.errors import DrError
from dr.postgres.connection import connected
from dr.postgres.queries import query
from dr.secret import Secret

_KEPT = 200_000
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the server. The slot's and the receiver's state are empty where the role may not see them."""

    server_time: datetime
    lsn: Lsn
    timeline: int | None
    sync_state: str = ""
    write_lsn: Lsn | None = None
    wal_status: str = ""
    safe_wal_size: int | None = None


class WalPositions:
    """Keeps what was sampled; safe for several threads. Older samples go when there are very many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: deque[Sample] = deque(maxlen=_KEPT)

    def add(self, sample: Sample) -> None:
        """Note a sample. What another server or timeline said of a later LSN is no longer true."""
        with self._lock:
            while self._samples and (
                self._samples[-1].lsn > sample.lsn or self._samples[-1].timeline != sample.timeline
            ):
                self._samples.pop()
            if self._samples and self._samples[-1].lsn == sample.lsn:
                self._samples.pop()  # nothing was written since: the later moment says more
            self._samples.append(sample)

    @property
    def newest(self) -> Sample | None:
        with self._lock:
            return self._samples[-1] if self._samples else None

    def closed_at(self, end: Lsn) -> datetime | None:
        """The newest moment whose acknowledged commits all lie before ``end``; None when nobody looked by then."""
        with self._lock:
            for sample in reversed(self._samples):
                if sample.lsn <= end:
                    return sample.server_time
        return None


class Sampler:
    """A thread that samples once a second and connects again when it has to. ``trouble`` says why it cannot, or ''."""

    def __init__(self, url: Secret, slot: str, positions: WalPositions, interval_seconds: float = 1.0) -> None:
        self._url, self._slot, self._positions, self._interval = url, slot, positions, interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_sampling, name="WAL position", daemon=True)
        self.trouble = ""
        self.sampled_at: datetime | None = None

    def _keep_sampling(self) -> None:
        pause = self._interval
        while not self._stop.wait(pause if self.trouble else 0):
            try:
                with connected(self._url) as connection:
                    connection.execute("SET statement_timeout = '10s'")
                    while True:
                        row = connection.execute(query("wal_position"), {"slot": self._slot}).fetchone()
                        self._take(row or {})
                        pause = self._interval
                        if self._stop.wait(self._interval):
                            return
            except DrError as error:
                self.trouble = f"{error.message} ({error.detail})" if error.detail else error.message
                pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _take(self, row: dict[str, object]) -> None:
        self.trouble = ""
        self.sampled_at = datetime.now(UTC)
        moment, lsn, timeline, written = (row.get(key) for key in ("server_time", "lsn", "timeline", "write_lsn"))
        if not isinstance(moment, datetime) or not isinstance(lsn, str):
            return  # a standby that has received nothing yet
        safe = row.get("safe_wal_size")
        self._positions.add(
            Sample(
                server_time=moment.astimezone(UTC),
                lsn=Lsn.parse(lsn),
                timeline=timeline if isinstance(timeline, int) else None,
                sync_state=str(row.get("sync_state") or ""),
                write_lsn=Lsn.parse(written) if isinstance(written, str) else None,
                wal_status=str(row.get("wal_status") or ""),
                safe_wal_size=safe if isinstance(safe, int) else None,
            )
        )

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(timeout=15)

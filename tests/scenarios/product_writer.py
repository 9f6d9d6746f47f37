"""A customer of the product: orders through the application, again and again, and notes what was acknowledged."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.demo.journal import Row

ORDERS = "/api/orders"


@dataclass(frozen=True, slots=True)
class Order:
    """One acknowledged order: its rows with the digests of their content, and when the answer was here."""

    reference: str
    rows: tuple[Row, ...]
    at: datetime


class Writer:
    """A thread that orders ``rate`` times a second and goes on through every outage. ``run`` begins its references.

    What got no answer, or an error, is in ``doubtful``: it may have been committed all the same.
    """

    def __init__(self, port: int, users: int, rate: float = 20.0) -> None:
        self.run = secrets.token_hex(4)
        self._port, self._users, self._rate = port, users, rate
        self._acknowledged: list[Order] = []
        self._doubtful: list[str] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True, name="writer")
        self._thread.start()

    @property
    def acknowledged(self) -> tuple[Order, ...]:
        return tuple(self._acknowledged)

    @property
    def doubtful(self) -> tuple[str, ...]:
        return tuple(self._doubtful)

    def wait_for_more(self, count: int = 1, seconds: float = 30) -> None:
        """Return when ``count`` further orders were acknowledged."""
        wanted = len(self._acknowledged) + count
        deadline = time.monotonic() + seconds
        while len(self._acknowledged) < wanted:
            assert time.monotonic() < deadline, f"no {count} orders acknowledged within {seconds} s"
            time.sleep(0.02)

    def stop(self) -> None:
        """No order is under way afterwards."""
        self._stopped.set()
        self._thread.join(30)

    def _write(self) -> None:
        number = 0
        while not self._stopped.wait(1 / self._rate):
            number += 1
            reference = f"{self.run}-{number:08d}"
            try:
                rows = self._order(reference, 1 + number % self._users)
            except (OSError, http.client.HTTPException, ValueError):
                self._doubtful.append(reference)
            else:
                self._acknowledged.append(Order(reference, rows, datetime.now(UTC)))

    def _order(self, reference: str, user: int) -> tuple[Row, ...]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("POST", ORDERS, json.dumps({"reference": reference, "user": user}))
            response = connection.getresponse()
            document = json.loads(response.read())
            if response.status != http.client.CREATED:
                raise ValueError(f"HTTP {response.status}: {document}")
            return tuple(Row(**row) for row in document["rows"])
        finally:
            connection.close()

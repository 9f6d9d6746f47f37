"""A customer of the demo's shop, who orders through the application whatever happens to it.

Unlike the writer he sees what people see: an application that does not answer, and one that is back.
"""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time

from dr.demo.ports import LOOPBACK

_ORDERS = "/api/orders"
_ANSWER_SECONDS = 5.0
_TICK_SECONDS = 0.05


class Customer:
    """Orders ``rate`` times a second in a thread of its own, from its making to ``stop``.

    ``acknowledged`` orders were answered with a success. One that was not is never asked for again: it may have been
    committed all the same.
    """

    def __init__(self, port: int, users: int, rate: float) -> None:
        self._port, self._users, self._pause = port, max(users, 1), 1 / rate
        self._run = secrets.token_hex(4)
        self._stopped = threading.Event()
        self.acknowledged = 0
        self._thread = threading.Thread(target=self._order_on, daemon=True, name="customer")
        self._thread.start()

    def wait_for_order(self, seconds: float) -> bool:
        """Whether an order is acknowledged within that time."""
        begin, before = time.monotonic(), self.acknowledged
        while self.acknowledged == before and time.monotonic() - begin < seconds:
            time.sleep(_TICK_SECONDS)
        return self.acknowledged > before

    def stop(self) -> None:
        """No order is under way afterwards."""
        self._stopped.set()
        self._thread.join(_ANSWER_SECONDS)

    def _order_on(self) -> None:
        number = 0
        while not self._stopped.wait(self._pause):
            number += 1
            self.acknowledged += self._order(f"{self._run}-{number:08d}", 1 + number % self._users)

    def _order(self, reference: str, user: int) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("POST", _ORDERS, json.dumps({"reference": reference, "user": user}))
            return connection.getresponse().status == http.client.CREATED
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

"""What goes on beside the demo's services as long as it lives: the canary, and the WAL receiver that is begun again.

Disasters are made on the demo on purpose. Whatever ends with its database is there again when that is.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dr.configuration.model import PostgresSettings
from dr.demo.estate import Estate
from dr.demo.receiver import Receiver, receiving
from dr.demo.second_region import STANDBY, SecondRegion, lay_replica
from dr.errors import DrError
from dr.operations.application.start import start_services
from dr.operations.application.stop import stop_services
from dr.operations.keep_canary import Canary
from dr.policy.service_order import only
from dr.postgres.standby import server_role
from dr.secret import Secret
from dr.services.registry import order

_PAUSE_SECONDS = 5.0
_LEFT_SECONDS = 60.0


def say(text: str) -> None:
    """Into the demo's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())}Z {text}\n")
    sys.stderr.flush()


def keep_canary(place: Estate, url: Secret, stopped: threading.Event) -> None:
    """A row a second at ``url``, until the process ends; begun in a thread of its own."""
    system = dataclasses.replace(place.system, postgres=PostgresSettings(url))

    def keep() -> None:
        while not stopped.is_set():
            try:
                Canary(system, interval_seconds=1.0, keep_days=2, tell=say).keep()
            except DrError as error:
                say(f"canary: {error.message}")
            stopped.wait(_PAUSE_SECONDS)

    threading.Thread(target=keep, daemon=True, name="canary").start()


@contextmanager
def kept_receiver(place: Estate) -> Iterator[KeptReceiver]:
    """``dr wal receive`` at work; ended in order afterwards, when it still runs."""
    made = KeptReceiver(place)
    try:
        made.wait()
        yield made
    finally:
        made.close()


class KeptReceiver:
    """Begun by the thread that makes it, which has to live as long; ``look`` begins it again when it has ended."""

    def __init__(self, place: Estate) -> None:
        self._place = place
        self._ended = 0.0
        self._context = receiving(place)
        self.receiver: Receiver | None = self._context.__enter__()

    def wait(self) -> None:
        """Until WAL comes in for the first time."""
        if self.receiver is not None:
            self.receiver.wait_until_receiving()

    def look(self) -> None:
        """As a service manager does: what has ended is begun anew after a pause."""
        if self.receiver is not None:
            said = self.receiver.ended()
            if not said:
                return
            say(f"the WAL receiver has ended and is begun again in {_PAUSE_SECONDS:.0f} s: {said}")
            self._context.__exit__(None, None, None)
            self.receiver, self._ended = None, time.monotonic()
        if time.monotonic() - self._ended >= _PAUSE_SECONDS:
            self._context = receiving(self._place)
            self.receiver = self._context.__enter__()

    def close(self) -> None:
        """It stores what it still has."""
        if self.receiver is not None:
            try:
                if not self.receiver.ended():
                    self.receiver.stop()
            finally:
                self._context.__exit__(None, None, None)
                self.receiver = None


class KeptReplica:
    """The second region's people: a replica that has lost its first region's server for a while is laid anew.

    Never one that was promoted, and never while the first region's server is not in charge: a failover, or a return, is
    the operator's. ``look`` is called again and again.
    """

    def __init__(self, place: Estate, region: SecondRegion) -> None:
        self._place, self._region = place, region
        self._well = self._looked = time.monotonic()

    def look(self) -> None:
        """Notices every few seconds, acts when it has gone on for a minute."""
        now = time.monotonic()
        if now - self._looked < _PAUSE_SECONDS:
            return
        self._looked = now
        if self._follows() or not self._is_left():
            self._well = now
        if now - self._well < _LEFT_SECONDS:
            return
        self._well = now
        say("the second region does not follow the first one any more, and gets a new copy")
        system = self._place.system
        layer = only(order(system), {STANDBY})
        try:
            stop_services(system, layer)
            lay_replica(self._place, self._region)
            start_services(system, layer)
        except (DrError, OSError) as error:
            say(f"the second region: {error}")

    def _follows(self) -> bool:
        try:
            return server_role(self._region.url).streaming
        except DrError:
            return False

    def _is_left(self) -> bool:
        """Whether it was to follow, and there is somebody to follow."""
        if not (self._region.data / "standby.signal").exists():
            return False
        try:
            return not server_role(self._place.superuser_url).standby
        except DrError:
            return False

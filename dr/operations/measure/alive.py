"""While the exporter lives and can measure, an outside watcher hears of it: a process that is killed tells nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dr.configuration.alerting.pings import PingsSettings
from dr.notify.ping import Event, Turn, ping

logger = logging.getLogger(__name__)


@contextmanager
def telling_alive(settings: PingsSettings, measure: Callable[[], object]) -> Iterator[None]:
    """Ask the watcher's address every so many seconds, each time after ``measure`` has come back."""
    if settings.exporter is None:
        yield
        return
    ended = threading.Event()

    def tell() -> None:
        while True:
            try:
                measure()
            except Exception:  # the next may come back; until then the watcher hears nothing, which is the alarm
                logger.exception("nothing could be measured")
            else:
                ping(settings, Event.EXPORTER, Turn.GOOD)
            if ended.wait(settings.exporter_seconds):
                return

    thread = threading.Thread(target=tell, name="alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()

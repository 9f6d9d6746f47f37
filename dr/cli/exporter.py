"""Serving measurements to Prometheus until told to end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, start_http_server

from dr.cli.session import Session
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations.measure.exposition import Measurements
from dr.operations.measure.gather import measure
from dr.policy.metric import Sample

KEPT_SECONDS = 30.0
"""Two that scrape, or one that scrapes every second, do not make the stores be read each time."""


class _Kept:
    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._samples: Sequence[Sample] = ()

    def __call__(self) -> Sequence[Sample]:
        with self._lock:
            if time.monotonic() - self._at >= KEPT_SECONDS:
                self._samples = measure(self._system, datetime.now(UTC)).samples
                self._at = time.monotonic()
            return self._samples


def serve_metrics(session: Session, system: System, where: str) -> None:
    """``where`` is HOST:PORT. Ends on SIGTERM or Ctrl-C."""
    host, _, port = where.rpartition(":")
    if not port.isdigit():
        raise ConfigurationError(f"{where!r} is no HOST:PORT", hint="Say --serve 127.0.0.1:9360.")
    registry = CollectorRegistry()
    registry.register(Measurements(_Kept(system)))
    try:
        server, thread = start_http_server(int(port), host.strip("[]") or "127.0.0.1", registry)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {where}", str(error), "Choose another port.") from error
    session.output.note(f"serving the measurements of {system.name} on http://{host}:{server.server_port}/metrics")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.shutdown()
    thread.join(5)

"""Serving measurements to Prometheus until told to end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, start_http_server

from dr.cli.session import Session
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations.measure.alive import telling_alive
from dr.operations.measure.exposition import Measurements
from dr.operations.measure.gather import measure
from dr.operations.measure.lasting import Lasting
from dr.policy.metric import Sample

KEPT_SECONDS = 30.0
"""Two that scrape, or one that scrapes every second, do not make the stores be read each time."""
PROMPT_SECONDS = 5.0
OLD_SECONDS = 300.0
HERE = "127.0.0.1:9360"


class Kept:
    """The newest measurement, made anew where it is older than ``seconds``; whoever asks has an answer promptly.

    Stores may be slow. An answer that comes too late is none to Prometheus, and every alert that waits for its time
    would begin to wait again. So after ``prompt`` seconds the measurement before is given, while the new one goes on;
    one that is older than ``old`` seconds is never given.
    """

    def __init__(
        self,
        measured: Callable[[], Sequence[Sample]],
        seconds: float,
        prompt: float = PROMPT_SECONDS,
        old: float = OLD_SECONDS,
    ) -> None:
        self._measured, self._seconds, self._prompt, self._old = measured, seconds, prompt, old
        self._lock = threading.Lock()
        self._running: Future[Sequence[Sample]] | None = None
        self._samples: Sequence[Sample] = ()
        self._at = float("-inf")

    def __call__(self) -> Sequence[Sample]:
        with self._lock:
            if time.monotonic() - self._at < self._seconds:
                return self._samples
            if self._running is None:
                self._running = Future()
                # A daemon: one that waits for a store must not hold up the end of the exporter.
                threading.Thread(target=self._measure, args=(self._running,), daemon=True).start()
            running = self._running
        wait((running,), self._prompt)
        with self._lock:
            if not running.done() and time.monotonic() - self._at < self._old:
                return self._samples
        return running.result()

    def _measure(self, running: Future[Sequence[Sample]]) -> None:
        begun = time.monotonic()
        try:
            samples = self._measured()
        except BaseException as error:
            with self._lock:
                self._running = None
            running.set_exception(error)
            raise
        with self._lock:
            self._samples, self._at, self._running = samples, begun, None
        running.set_result(samples)


def serve_metrics(session: Session, system: System, where: str, seconds: float = KEPT_SECONDS) -> None:
    """``where`` is HOST:PORT; it is measured at most every so many ``seconds``. Ends on SIGTERM or Ctrl-C."""
    host, _, port = where.rpartition(":")
    if not port.isdigit():
        raise ConfigurationError(f"{where!r} is no HOST:PORT", hint=f"Say for example {HERE}.")
    registry = CollectorRegistry()
    lasting = Lasting(lambda now: measure(system, now))
    kept = Kept(lambda: lasting(datetime.now(UTC)), seconds)
    registry.register(Measurements(kept))
    try:
        server, thread = start_http_server(int(port), host.strip("[]") or "127.0.0.1", registry)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {where}", str(error), "Choose another port.") from error
    session.output.note(f"serving the measurements of {system.name} on http://{host}:{server.server_port}/metrics")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with telling_alive(system.alerting.pings, kept):
        ended.wait()
    server.shutdown()
    thread.join(5)
    server.server_close()

"""The line between two regions: a relay in a process of its own, which can be cut while both ends live.

Run as ``python -m tests.scenarios.data_center_outage.line LISTEN TARGET``. SIGUSR1 cuts it: open connections end and
new ones are refused, as when a route is withdrawn. SIGUSR2 mends it.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import suppress

LOOPBACK = "127.0.0.1"


class Line:
    """Listens on one port and passes everything on to another."""

    def __init__(self, listen: int, target: int) -> None:
        self._listen, self._target = listen, target
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()

    def mend(self) -> None:
        """Listen again."""
        if self._listener is None:
            listener = socket.create_server((LOOPBACK, self._listen), reuse_port=False)
            self._listener = listener
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Let nobody in, and end who is in."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((LOOPBACK, self._target), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source, sink}


def main() -> None:
    """Relay until it is killed."""
    line = Line(int(sys.argv[1]), int(sys.argv[2]))
    signals = {signal.SIGUSR1: line.cut, signal.SIGUSR2: line.mend}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    line.mend()
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    while True:
        signals[signal.Signals(signal.sigwait(signals))]()


if __name__ == "__main__":
    main()

"""A name that leads to whichever region answers: what DNS with health checks does, on one machine.

A door listens on an address of its own and passes every connection on to the first of its targets that takes it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dr.demo.ports import LOOPBACK

_CONNECT_SECONDS = 2.0
_BYTES = 1 << 16


@contextmanager
def door(*targets: int) -> Iterator[int]:
    """A port of the loopback address that leads to the first of these ports that takes a connection."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=_welcome, args=(listener, targets), daemon=True, name="door").start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # or accept would wait on


def _welcome(listener: socket.socket, targets: tuple[int, ...]) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_lead, args=(near, targets), daemon=True, name="guest").start()


def _lead(near: socket.socket, targets: tuple[int, ...]) -> None:
    far = _first(targets)
    if far is None:
        near.close()
        return
    back = threading.Thread(target=_pass, args=(far, near), daemon=True, name="guest")
    back.start()
    _pass(near, far)
    back.join()
    near.close()
    far.close()


def _first(targets: tuple[int, ...]) -> socket.socket | None:
    for port in targets:
        with suppress(OSError):
            found = socket.create_connection((LOOPBACK, port), timeout=_CONNECT_SECONDS)
            found.settimeout(None)
            return found
    return None


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_BYTES):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

"""A wire between two servers that packets vanish in when it is cut: a real network, as far as a test can have one.

Who connects to the near port is passed on over a pair of virtual interfaces into a network namespace of its own, and
from there to the far port. Cut, the far interface is down: nothing is refused and nothing ends, no packet comes back.
That is what a partition looks like, and what a relay that closes connections does not show. Wants root and iproute2;
where they cannot be had it falls back to such a relay, and ``vanishes`` says so.

Run as ``python -m tests.integration.region.wire NEAR FAR``. SIGUSR1 cuts it, SIGUSR2 mends it.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dr.pipeline.launch import tool
from dr.pipeline.process import Child

ROOT = Path(__file__).resolve().parents[3]
LOOPBACK = "127.0.0.1"
_NEW_NETWORK = 0x40000000
_READY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Wire:
    """``vanishes``: packets are lost when it is cut. Otherwise connections end and new ones are refused."""

    child: Child
    vanishes: bool

    def cut(self) -> None:
        """From now on nobody hears of the other side."""
        self.child.signal(signal.SIGUSR1)

    def mend(self) -> None:
        """As before."""
        self.child.signal(signal.SIGUSR2)


@contextmanager
def wire(near: int, far: int) -> Iterator[Wire]:
    """From a port of the loopback to another one."""
    begun = None
    if os.geteuid() == 0 and tool("ip") is not None:
        begun = _begin("tests.integration.region.wire", near, far)
    with begun or _begin_or_raise("tests.scenarios.data_center_outage.line", near, far) as child:
        yield Wire(child, begun is not None)


def _begin_or_raise(module: str, near: int, far: int) -> Child:
    child = _begin(module, near, far)
    assert child is not None, f"{module} does not come up"
    return child


def _begin(module: str, near: int, far: int) -> Child | None:
    """None where this machine lets nobody make interfaces."""
    child = Child("wire", (sys.executable, "-m", module, str(near), str(far)), directory=ROOT)
    deadline = time.monotonic() + _READY_SECONDS
    while "ready" not in child.stderr_so_far():
        if child.poll() is not None or time.monotonic() > deadline:
            child.kill()
            return None
        time.sleep(0.02)
    return child


class _Namespace:
    """A thread that lives on a network of its own, and does there what it is told."""

    def __init__(self) -> None:
        self._asked: queue.Queue[Callable[[], object]] = queue.Queue()
        self._answers: queue.Queue[object] = queue.Queue()
        threading.Thread(target=self._live, daemon=True).start()
        self.thread = self.do(threading.get_native_id)

    def do(self, action: Callable[[], object]) -> object:
        """What it gives there; raises what it raises."""
        self._asked.put(action)
        answer = self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _live(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        entered = libc.unshare(_NEW_NETWORK) == 0
        while True:
            action = self._asked.get()
            try:
                if not entered:
                    raise PermissionError("no network of its own")
                self._answers.put(action())
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                self._answers.put(error)


class _Between:
    """The two interfaces, and a door on the far one."""

    def __init__(self) -> None:
        self.space = _Namespace()
        self._near, self._far = f"drw{os.getpid()}a", f"drw{os.getpid()}b"
        third = os.getpid() % 250 + 1
        here, self.there = f"169.254.{third}.1", f"169.254.{third}.2"
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
        _ip("link", "set", self._far, "netns", f"/proc/{os.getpid()}/task/{self.space.thread}/ns/net")
        _ip("addr", "add", f"{here}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        self.space.do(lambda: _ip("addr", "add", f"{self.there}/30", "dev", self._far))
        self.mend()
        # Known once and for all: with nobody there to say who has it, packets are sent all the same, and vanish.
        told = str(self.space.do(lambda: _ip("-o", "link", "show", "dev", self._far)))
        address = told.partition("link/ether ")[2].split()[0]
        _ip("neigh", "replace", self.there, "lladdr", address, "dev", self._near, "nud", "permanent")

    def mend(self) -> None:
        self.space.do(lambda: _ip("link", "set", self._far, "up"))

    def cut(self) -> None:
        self.space.do(lambda: _ip("link", "set", self._far, "down"))


def _ip(*words: str) -> str:
    argv = (str(tool("ip")), *words)
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_READY_SECONDS).stdout


def _accept(door: socket.socket, host: str, port: int) -> None:
    while True:
        near, _ = door.accept()
        threading.Thread(target=_pass_on, args=(near, host, port), daemon=True).start()


def _pass_on(near: socket.socket, host: str, port: int) -> None:
    far = _connected(host, port)
    if far is None:
        near.close()
        return
    far.settimeout(None)
    for source, sink in ((near, far), (far, near)):
        threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _connected(host: str, port: int) -> socket.socket | None:
    """Tried every second, for the kernel's own pauses grow: whoever waits is let through as soon as it is mended."""
    while True:
        try:
            return socket.create_connection((host, port), timeout=1)
        except TimeoutError:
            continue
        except OSError:
            return None


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Carry until it is killed."""
    near, far = map(int, sys.argv[1:])
    signals = {signal.SIGUSR1, signal.SIGUSR2}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    between = _Between()
    inner = between.space.do(lambda: socket.create_server((between.there, 0)))
    assert isinstance(inner, socket.socket)
    outer = socket.create_server((LOOPBACK, near))
    threading.Thread(target=_accept, args=(inner, LOOPBACK, far), daemon=True).start()
    threading.Thread(target=_accept, args=(outer, between.there, inner.getsockname()[1]), daemon=True).start()
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    while True:
        between.cut() if signal.sigwait(signals) is signal.SIGUSR1 else between.mend()


if __name__ == "__main__":
    main()

"""A second machine, as far as a test can have one: a network namespace of its own, a home and a state of its own.

Nothing of the outer network is reached from within but the ports that are named: a gate listens on the same port of the
machine's own loopback and passes bytes on. So the same addresses work, and nothing else does. Wants root.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dr.pipeline.launch import tool
from dr.pipeline.process import Child

ROOT = Path(__file__).resolve().parents[2]
_NEW_NETWORK = 0x40000000
_SIOCSIFFLAGS, _IFF_UP, _IFF_LOOPBACK = 0x8914, 0x1, 0x8
_FAMILY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Machine:
    """``network`` is its namespace."""

    network: str

    def within(self, *argv: str) -> tuple[str, ...]:
        """The command, begun on this machine."""
        nsenter = tool("nsenter")
        assert nsenter is not None
        return (nsenter, f"--net={self.network}", "--", *argv)

    def run(
        self, *argv: str, environment: dict[str, str], seconds: float = 200, directory: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The command's end. ``environment`` is all that it has."""
        return subprocess.run(
            self.within(*argv),
            env=environment,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def do(self, action: Any, *arguments: Any) -> Any:
        """Call something in a thread that is on this machine's network, and give what it gives."""

        def inside() -> Any:
            descriptor = os.open(self.network, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _checked(ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NETWORK))
            finally:
                os.close(descriptor)
            return action(*arguments)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(inside).result()


@contextmanager
def machine(*ports: int) -> Iterator[Machine]:
    """One whose only way out are these ports of the test's own loopback. It is gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: a network namespace of its own needs root")
    argv = (sys.executable, "-m", "tests.scenarios.machine", *map(str, ports))
    with Child("machine", argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, directory=ROOT) as child:
        thread = child.stdout.readline().decode().strip()
        assert thread.isdigit(), child.wait(_FAMILY_SECONDS)
        yield Machine(f"/proc/{child.process.pid}/task/{thread}/ns/net")


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _serve(ports: list[int]) -> None:
    """The gate: one thread lives on the new network and opens the doors, all others stay outside and pass bytes on."""
    opened: list[socket.socket] = []
    ready, over = threading.Event(), threading.Event()

    def inside() -> None:
        _checked(ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            request = struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_LOOPBACK)
            fcntl.ioctl(control, _SIOCSIFFLAGS, request)
        opened.extend(socket.create_server(("127.0.0.1", port)) for port in ports)
        sys.stdout.write(f"{threading.get_native_id()}\n")
        sys.stdout.flush()
        ready.set()
        over.wait()  # the namespace lives as long as this thread

    threading.Thread(target=inside, daemon=True).start()
    ready.wait(_FAMILY_SECONDS)
    for door, port in zip(opened, ports, strict=True):
        threading.Thread(target=_let_through, args=(door, port), daemon=True).start()
    sys.stdin.buffer.read()


def _let_through(door: socket.socket, port: int) -> None:
    while True:
        near, _ = door.accept()
        try:
            far = socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            near.close()  # what is outside has died: so it is here as well
            continue
        far.settimeout(None)
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with suppress(OSError):
            end.shutdown(how)


if __name__ == "__main__":
    _serve([int(word) for word in sys.argv[1:]])

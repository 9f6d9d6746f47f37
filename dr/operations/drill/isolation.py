"""Prove that nothing gets out of a restored copy: its own server process tries to, and a listener outside sees nothing.

First the same program dials from outside, and must be seen; a listener that nobody can reach would prove anything.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from dr.catalog.manifest import Level
from dr.errors import DrillInconclusive
from dr.pipeline.process import run
from dr.policy.drill_verdict import Answer, Probe
from dr.postgres.cluster import Server
from dr.postgres.dial import run_inside
from dr.postgres.installations import Installation
from dr.postgres.neutralise import Outside

_PATIENCE_SECONDS = 3
_SETTLE_SECONDS = 0.05


def prove_isolation(server: Server, installation: Installation) -> tuple[Probe, ...]:
    """Whether its network and other servers' sockets are out of its reach.

    A copy that is not sealed, or whose dialling cannot be tried, is UNPROVEN; one that was seen outside although it is
    sealed is so too, and essential: that is this host's failing, not the backup's, and the drill goes no further.
    """
    return (
        _probe("isolation: network", server, installation, _tcp, sealed=server.seal.network),
        _probe("isolation: sockets", server, installation, _unix, sealed=server.seal.sockets),
    )


def quiet_probe(found: Iterable[Outside]) -> Probe:
    """Whether anything in the copy could still act on others or by itself."""
    there = tuple(found)
    active = [f"{item.kind} {item.name} in {item.database}" for item in there if item.active]
    if active:
        detail = f"still active: {', '.join(active)}"
        return Probe("isolation: actors", Answer.UNPROVEN, detail, Level.BOOTED, essential=True)
    return Probe("isolation: actors", Answer.PASSED, f"{len(there)} disabled, none active", Level.BOOTED)


def environment_probes(server: Server) -> tuple[Probe, ...]:
    """What of the original's settings this host could not give the copy."""
    return tuple(Probe("settings", Answer.UNPROVEN, text, Level.BOOTED) for text in server.environment)


def require_kept_in(probes: Iterable[Probe]) -> None:
    """Raise ``DrillInconclusive`` when the copy could reach somebody: then nobody may use it."""
    escaped = [item.detail for item in probes if item.essential and item.answer is Answer.UNPROVEN]
    if escaped:
        raise DrillInconclusive(
            "the restored copy is not kept in",
            "; ".join(escaped),
            "It was stopped at once. Look at what this host lets a network namespace reach, before any other drill.",
        )


class _Listener:
    """Somebody outside who notes whether anybody calls, and hangs up at once."""

    def __init__(self, listening: socket.socket, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._socket = listening
        self._calls = 0
        self._thread = threading.Thread(target=self._listen, daemon=True, name="listener outside")
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return  # closed: nobody listens any more
            self._calls += 1
            caller.close()

    @property
    def calls(self) -> int:
        """How many have called so far."""
        return self._calls

    def close(self) -> None:
        """Hang up for good."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(_PATIENCE_SECONDS)


@contextmanager
def _tcp() -> Iterator[_Listener]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        contextlib.closing(_Listener(listening, "127.0.0.1", listening.getsockname()[1])) as listener,
    ):
        yield listener


@contextmanager
def _unix() -> Iterator[_Listener]:
    """In a directory that anybody may enter, as servers have theirs."""
    with tempfile.TemporaryDirectory(prefix="dr-seal-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        path = Path(name, ".s.PGSQL.5432")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(path))
            path.chmod(0o777)
            listening.listen(8)
            with contextlib.closing(_Listener(listening, name, 5432)) as listener:
                yield listener


def _probe(
    name: str,
    server: Server,
    installation: Installation,
    listening: Callable[[], AbstractContextManager[_Listener]],
    *,
    sealed: bool,
) -> Probe:
    if not sealed:
        return Probe(name, Answer.UNPROVEN, f"the copy is not sealed: {server.seal.reason}", Level.BOOTED)
    with listening() as listener:
        argv = (str(installation.program("pg_isready")), "-h", listener.host, "-p", str(listener.port), "-t", "2")
        run("pg_isready", argv, account=server.account, deadline_seconds=_PATIENCE_SECONDS * 2)
        seen = listener.calls
        if not seen:
            detail = "the listener cannot be reached from this host itself, so that nobody calls proves nothing"
            return Probe(name, Answer.UNPROVEN, detail, Level.BOOTED)
        answer = run_inside(server, argv)
        time.sleep(_SETTLE_SECONDS)
        calls = listener.calls - seen
    if calls:
        detail = f"the copy got out: a listener on this host was called {calls} times"
        return Probe(name, Answer.UNPROVEN, detail, Level.BOOTED, essential=True)
    return Probe(name, Answer.PASSED, f"its own process dialled out and nobody was called ({answer})", Level.BOOTED)

"""A dead man's switch on loopback, in a process of its own: it alarms when what it waits for does not come in time.

``python -m tests.endpoints.deadman DIRECTORY`` serves addresses such as Healthchecks has: ``POST /ping/NAME`` for
success, ``/start`` and ``/fail`` behind it. A test arms a check with a period, and reads what came and what alarmed.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx

SLOW_SECONDS = 20
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ping:
    """What came: ``turn`` is start, fail or nothing for success; ``run`` is its ``rid``; ``text`` the body."""

    turn: str
    run: str
    text: str


@dataclass(frozen=True, slots=True)
class Deadman:
    """The running switch."""

    url: str

    def address(self, name: str) -> str:
        """What is asked for the check of that name."""
        return f"{self.url}/ping/{name}"

    def arm(self, name: str, seconds: float) -> None:
        """From now on a success is wanted every so many seconds."""
        self._control("PUT", name, {"seconds": seconds})

    def set_moods(self, name: str, *moods: str) -> None:
        """How the next requests are answered, each once: a status such as 500, or ``slow``; then well again."""
        self._control("PUT", name, {"moods": list(moods)})

    def pings(self, name: str) -> list[Ping]:
        """What it took, in order."""
        return [Ping(**item) for item in self._control("GET", name)["pings"]]

    def requests(self, name: str) -> int:
        """How often it was asked, also where it did not take it."""
        return int(self._control("GET", name)["requests"])

    def has_alarmed(self, name: str) -> bool:
        """Whether a success was ever too late since it was armed."""
        return bool(self._control("GET", name)["alarmed"])

    def _control(self, method: str, name: str, document: object = None) -> Any:
        answer = _http().request(method, f"{self.url}/control/{name}", json=document)
        answer.raise_for_status()
        return answer.json()


@functools.cache
def _http() -> httpx.Client:
    return httpx.Client(timeout=30)


@dataclass(slots=True)
class _Check:
    seconds: float = float("inf")
    last: float = field(default_factory=time.monotonic)
    alarmed: bool = False
    requests: int = 0
    moods: list[str] = field(default_factory=list)
    pings: list[dict[str, str]] = field(default_factory=list)


_LOCK = threading.Lock()
_CHECKS: dict[str, _Check] = {}


def _watch() -> None:
    while True:
        time.sleep(_PAUSE_SECONDS)
        with _LOCK:
            for check in _CHECKS.values():
                check.alarmed |= time.monotonic() - check.last > check.seconds


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""

    def do_POST(self) -> None:
        parts = urlparse(self.path)
        name, _, turn = parts.path.removeprefix("/ping/").partition("/")
        text = self._body().decode()
        with _LOCK:
            check = _CHECKS.setdefault(name, _Check())
            check.requests += 1
            mood = check.moods.pop(0) if check.moods else "200"
        if mood == "slow":
            time.sleep(SLOW_SECONDS)
            return
        if mood == "200":
            with _LOCK:
                check.pings.append({"turn": turn, "run": parse_qs(parts.query).get("rid", [""])[0], "text": text})
                if not turn:
                    check.last = time.monotonic()
        self._answer(int(mood), {})

    def do_PUT(self) -> None:
        wanted = json.loads(self._body())
        with _LOCK:
            check = _CHECKS.setdefault(self.path.rpartition("/")[2], _Check())
            check.moods = wanted.get("moods", check.moods)
            if "seconds" in wanted:
                check.seconds, check.last, check.alarmed = wanted["seconds"], time.monotonic(), False
        self._answer(200, {})

    def do_GET(self) -> None:
        with _LOCK:
            check = _CHECKS.setdefault(self.path.rpartition("/")[2], _Check())
            found = {"pings": list(check.pings), "alarmed": check.alarmed, "requests": check.requests}
        self._answer(200, found)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def deadman(directory: Path) -> Iterator[Deadman]:
    """The switch, in a process of its own."""
    from tests.endpoints.serving import running

    program = (sys.executable, "-m", "tests.endpoints.deadman")
    announced = re.compile(rb"Running on (http://127\.0\.0\.1:\d+)")
    with running(program, directory / "deadman.log", announced, {}) as (url, _):
        yield Deadman(url)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=_watch, daemon=True).start()
    sys.stdout.write(f"Running on http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()

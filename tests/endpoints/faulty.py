"""A proxy on loopback, in a process of its own, that breaks what a test tells it to; all else goes through as it is.

Before a real server it shows what that does too rarely to wait for: a refusal for one path, rate limits, a standby's
redirect, a stream that ends early. It keeps no connection open and knows nothing of the protocol behind it.

    python -m tests.endpoints.faulty http://127.0.0.1:8200
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.endpoints.serving import running

RULES = "/_rules"


@dataclass
class Rule:
    """What happens to requests whose ``METHOD /path?query target`` matches, and whose body matches where that is given.

    With ``status`` the proxy answers itself; with ``cut_after`` the real answer breaks off after so many bytes; with
    ``end_after`` it ends there as if it were whole; with ``replace`` bytes of it become others. ``times`` runs down to
    0; below 0 means for ever.
    """

    match: str
    body: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    delay: float = 0
    cut_after: int = -1
    end_after: int = -1
    replace: tuple[str, str] = ("", "")
    times: int = -1


@dataclass(frozen=True)
class Faulty:
    """A running proxy; ``url`` is what clients are given."""

    url: str

    def rules(self, *rules: Rule) -> None:
        """Break this from now on, and nothing else."""
        answer = _client().put(self.url + RULES, json=[asdict(rule) for rule in rules])
        assert answer.status_code == 204

    def seen(self) -> list[str]:
        """Every request so far."""
        return list(_client().get(self.url + RULES).json())


@cache
def _client() -> httpx.Client:
    """To make one takes longer than what it is for."""
    return httpx.Client(trust_env=False)


@contextmanager
def faulty(directory: Path, upstream: str) -> Iterator[Faulty]:
    """A proxy before ``upstream``; nothing is broken yet."""
    program = (sys.executable, "-m", "tests.endpoints.faulty", upstream)
    where = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(program, directory / "faulty.log", re.compile(rb"at (http://127\.0\.0\.1:\d+)"), where) as (url, _):
        yield Faulty(url)


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.rules: list[Rule] = []
        self.seen: list[str] = []
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are what is tested."""

    def rule_for(self, line: str, body: str) -> Rule | None:
        with self.lock:
            self.seen.append(line)
            for rule in self.rules:
                if rule.times and re.search(rule.match, line) and re.search(rule.body, body):
                    rule.times -= rule.times > 0
                    return rule
        return None


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == RULES:
            self._rules(body)
            return
        text = body.decode(errors="replace")
        action = re.match(r"Action=(\w+)", text)  # Amazon's older services say there what is asked for
        line = f"{self.command} {self.path} {self.headers.get('X-Amz-Target', action[1] if action else '')}"
        rule = self.server.rule_for(line, text)
        time.sleep(rule.delay if rule else 0)
        if rule is not None and rule.status:
            self._answer(rule.status, rule.headers, rule.answer.encode())
            return
        status, headers, content = self._upstream(body)
        if rule is not None:
            old, new = (text.encode() for text in rule.replace)
            content = content.replace(old, new) if old else content
            if rule.end_after >= 0:
                content = content[: rule.end_after]
        cut = rule.cut_after if rule is not None and rule.cut_after >= 0 else None
        self._answer(status, headers, content, cut)

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_PATCH(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _rules(self, body: bytes) -> None:
        if self.command == "GET":
            self._answer(200, {}, json.dumps(self.server.seen).encode())
            return
        with self.server.lock:
            self.server.rules = [Rule(**{**one, "replace": tuple(one["replace"])}) for one in json.loads(body)]
            self.server.seen.clear()
        self._answer(204, {}, b"")

    def _upstream(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        place = self.server.upstream
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        hop = ("connection", "transfer-encoding", "host", "accept-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in hop}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in (*hop, "content-length")}
        return answer.status, kept, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if cut is None else content[:cut])


if __name__ == "__main__":
    proxy = _Proxy(sys.argv[1])
    sys.stdout.write(f"at http://127.0.0.1:{proxy.server_port}\n")
    sys.stdout.flush()
    proxy.serve_forever()

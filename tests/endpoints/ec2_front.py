"""A door in front of moto's EC2 and RDS through which its answers come changed: moto makes everything at once.

A process of its own (``python -m tests.endpoints.ec2_front ADDRESS``) that hands each request on and its answer back,
but for what the rules say: a state that is another for a while or for ever, an error instead, an answer that is lost.
A wish to run instances with a token that was there before is answered as it was then, as EC2 does and moto does not.

It checks no signature, and neither does moto.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.endpoints.serving import Endpoint, running

_REGION = re.compile(r"Credential=[^/]+/[0-9]+/([a-z0-9-]+)/")


@dataclass
class Rule:
    """What happens to requests of one action: ``times`` of them, or all when it is -1, in one region or in any.

    The first rule that fits and is not used up is followed.

    ``old``, a regular expression, is replaced by ``new`` in the answer; or ``code`` is answered with ``status`` and
    moto never asked; or the answer is ``lost``: the request is carried out and the connection closed.
    """

    action: str
    times: int = -1
    region: str = ""
    old: str = ""
    new: str = ""
    status: int = 400
    code: str = ""
    message: str = "so it was ruled"
    lost: bool = False


@dataclass(frozen=True)
class Front:
    """The door, as a test sees it."""

    endpoint: Endpoint

    def rule(self, *rules: Rule) -> None:
        """From now on these and no others."""
        self._ask("PUT", json.dumps([asdict(rule) for rule in rules]))

    def seen(self, action: str) -> int:
        """How many requests of an action came since the rules were set."""
        return list(json.loads(self._ask("GET"))).count(action)

    def _ask(self, method: str, body: str | None = None) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint.url).netloc, timeout=10)
        try:
            connection.request(method, "/rules", body)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def front(behind: Endpoint, directory: Path) -> Iterator[Front]:
    """The door before an endpoint, in a process of its own."""
    program = (sys.executable, "-m", "tests.endpoints.ec2_front", behind.url)
    announced = re.compile(rb"Running on (http://127\.0\.0\.1:\d+)")
    where = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(program, directory / "front.log", announced, where) as (url, pid):
        yield Front(Endpoint(url, behind.access_key_id, behind.secret_access_key, pid))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behind: str
    rules: list[Rule]
    seen: list[str]
    wishes: dict[str, tuple[int, bytes, str]]
    lock: threading.Lock

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            self.rules[:] = [Rule(**item) for item in json.loads(body)]
            self.seen.clear()
        self._answer(200, b"{}", "application/json")

    def do_GET(self) -> None:
        with self.lock:
            said = json.dumps(self.seen).encode()
        self._answer(200, said, "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        action = parse_qs(body.decode()).get("Action", [""])[0]
        found = _REGION.search(self.headers.get("Authorization", ""))
        with self.lock:
            self.seen.append(action)
            region = found[1] if found else ""
            rule = next((rule for rule in self.rules if self._applies(rule, action, region)), Rule(action))
            rule.times -= rule.times > 0
        if rule.code:
            self._answer(rule.status, _error(rule), "text/xml")
            return
        status, answer, kind = self._hand_on(body)
        if rule.lost:
            self.close_connection = True
            return
        if rule.old:
            answer = re.sub(rule.old.encode(), rule.new.encode(), answer, flags=re.DOTALL)
        self._answer(status, answer, kind)

    @staticmethod
    def _applies(rule: Rule, action: str, region: str) -> bool:
        return rule.action == action and rule.times != 0 and rule.region in ("", region)

    def _hand_on(self, body: bytes) -> tuple[int, bytes, str]:
        wish = parse_qs(body.decode())
        token = wish.get("ClientToken", [""])[0] if wish.get("Action") == ["RunInstances"] else ""
        with self.lock:
            known = self.wishes.get(token)
        answer = known or self._asked(body)
        if token and answer[0] == 200:
            with self.lock:
                self.wishes[token] = answer
        return answer

    def _asked(self, body: bytes) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type", "text/xml")
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _error(rule: Rule) -> bytes:
    said = f"<Code>{rule.code}</Code><Message>{rule.message}</Message>"
    return f"<Response><Errors><Error>{said}</Error></Errors><RequestID>0</RequestID></Response>".encode()


def main() -> None:
    """Serve until killed."""
    state = {"behind": sys.argv[1], "rules": [], "seen": [], "wishes": {}, "lock": threading.Lock()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), state))
    server.daemon_threads = True
    sys.stdout.write(f"Running on http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

"""Every provider that people are told by, on loopback in a process of its own: what it gets, and how it answers.

``python -m tests.endpoints.receivers DIRECTORY`` serves HTTP for PagerDuty, Slack, Twilio, Jira, Teams and webhooks,
and SMTP with STARTTLS. A test sets each one's mood and reads what arrived; the answers have the documented shapes.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx

SLOW_SECONDS = 30
MOODS = ("well", "429", "500", "401", "garbage", "slow", "reset")


@dataclass(frozen=True, slots=True)
class Receivers:
    """The running process. ``url`` serves HTTP, ``https`` the same, ``smtp`` is HOST:PORT; ``ca_file`` signs both."""

    url: str
    https: str
    smtp: str
    ca_file: Path
    pid: int

    def set_mood(self, provider: str, mood: str) -> None:
        """How a provider answers from now on: one of ``MOODS``."""
        _http().put(f"{self.url}/control/{provider}", json={"mood": mood}).raise_for_status()

    def received(self, provider: str) -> list[dict[str, Any]]:
        """What it took or refused, in order: ``path``, ``headers`` and ``body``."""
        answer = _http().get(f"{self.url}/received/{provider}")
        answer.raise_for_status()
        return list(answer.json())

    def forget(self) -> None:
        """Nothing was received, everybody is well."""
        _http().delete(f"{self.url}/received").raise_for_status()


@functools.cache
def _http() -> httpx.Client:
    """One for all questions: to make a client costs more than to ask."""
    return httpx.Client(timeout=30)


class _Desk:
    """What all handlers share."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.moods: dict[str, str] = {}
            self.received: dict[str, list[dict[str, Any]]] = {}
            self.issues: dict[str, dict[str, Any]] = {}
            self.jira = "Server"

    def note(self, provider: str, entry: dict[str, Any]) -> int:
        with self.lock:
            self.received.setdefault(provider, []).append(entry)
            return len(self.received[provider])


DESK = _Desk()
_PROVIDERS = (
    (re.compile(r"/v2/enqueue"), "pagerduty"),
    (re.compile(r"/api/chat\.postMessage|/slack/.*"), "slack"),
    (re.compile(r"/2010-04-01/.*"), "sms"),
    (re.compile(r"/rest/.*"), "jira"),
    (re.compile(r"/teams/.*"), "teams"),
    (re.compile(r"/hook/.*"), "webhook"),
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: what arrived is asked for."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        name = self.path.rpartition("/")[2]
        with DESK.lock:
            mood = json.loads(self._body())["mood"]
            if mood in ("Cloud", "Server"):
                DESK.jira = mood
            else:
                DESK.moods[name] = mood
        self._answer(200, {})

    def do_DELETE(self) -> None:
        DESK.reset()
        self._answer(200, {})

    def _serve(self) -> None:
        path = urlparse(self.path).path
        if path.startswith("/received/"):
            with DESK.lock:
                found = list(DESK.received.get(path.rpartition("/")[2], []))
            self._answer(200, found)
            return
        provider = next((name for pattern, name in _PROVIDERS if pattern.fullmatch(path)), "")
        body = self._parsed(self._body())
        entry = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        number = DESK.note(provider, entry)
        if self._is_moody(DESK.moods.get(provider, "well")):
            return
        getattr(self, f"_{provider}", self._unknown)(path, body, number)

    def _is_moody(self, mood: str) -> bool:
        if mood == "well":
            return False
        if mood == "slow":
            time.sleep(SLOW_SECONDS)
        elif mood == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
        elif mood == "garbage":
            self._answer(200, None, raw=b"<html>a proxy's page</html>")
        else:
            self._answer(
                int(mood), {"message": "refused", "errorMessages": ["refused"], "code": 20003, "status": int(mood)}
            )
        self.close_connection = True
        return True

    def _pagerduty(self, path: str, body: Any, number: int) -> None:
        self._answer(202, {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]})

    def _slack(self, path: str, body: Any, number: int) -> None:
        if path.startswith("/slack/"):
            self._answer(200, None, raw=b"ok")
            return
        if "nobody" in self.headers.get("Authorization", ""):
            self._answer(200, {"ok": False, "error": "invalid_auth"})
            return
        self._answer(200, {"ok": True, "channel": "C0EXAMPLE", "ts": f"1700000000.{number:06d}", "message": {}})

    def _sms(self, path: str, body: Any, number: int) -> None:
        if body["To"].endswith("0000"):
            self._answer(400, {"code": 21211, "message": f"Invalid 'To' Phone Number: {body['To']}", "status": 400})
            return
        self._answer(201, {"sid": f"SM{number:032d}", "status": "queued", "error_code": None, "error_message": None})

    def _jira(self, path: str, body: Any, number: int) -> None:
        if path.endswith("/serverInfo"):
            self._answer(200, {"versionNumbers": [9, 12, 0], "deploymentType": DESK.jira})
        elif path.endswith("/field"):
            self._answer(200, [])
        elif "search" in path:
            jql = (parse_qs(urlparse(self.path).query).get("jql") or [""])[0] or str((body or {}).get("jql", ""))
            wanted = re.search(r'labels = "([^"]+)"', jql)
            open_ones = [
                {"id": key, "key": key, "fields": {}}
                for key, issue in DESK.issues.items()
                if wanted and wanted[1] in issue["fields"]["labels"] and not issue["closed"]
            ]
            self._answer(
                200, {"issues": open_ones, "total": len(open_ones), "startAt": 0, "maxResults": 1, "isLast": True}
            )
        elif path.endswith("/issue"):
            key = f"OPS-{len(DESK.issues) + 1}"
            DESK.issues[key] = {"fields": body["fields"], "closed": False, "comments": 0}
            self._answer(201, {"id": key, "key": key, "self": f"http://x/rest/api/2/issue/{key}"})
        elif path.endswith("/comment"):
            self._answer(201, {"id": f"c{number}", "body": body["body"], "self": "http://x/comment"})
        elif path.endswith("/transitions") and self.command == "POST":
            DESK.issues[path.split("/")[-2]]["closed"] = True
            self._answer(204, None, raw=b"")
        elif path.endswith("/transitions"):
            self._answer(200, {"transitions": [{"id": "31", "name": "Done", "to": {"name": "Done"}}]})
        else:
            key = path.rpartition("/")[2]
            self._answer(200, {"id": key, "key": key, "fields": DESK.issues[key]["fields"], "self": "http://x"})

    def _teams(self, path: str, body: Any, number: int) -> None:
        self._answer(202, None, raw=b"")

    def _webhook(self, path: str, body: Any, number: int) -> None:
        self._answer(200, {"taken": number})

    def _unknown(self, path: str, body: Any, number: int) -> None:
        self._answer(404, {"path": path})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _parsed(self, data: bytes) -> Any:
        if not data:
            return None
        try:
            return json.loads(data)
        except ValueError:
            fields = {name: values[0] for name, values in parse_qs(data.decode()).items()}
            return {name: json.loads(value) if name == "blocks" else value for name, value in fields.items()}

    def _answer(self, status: int, document: Any, raw: bytes | None = None) -> None:
        data = json.dumps(document).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if raw else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


_SMTP_ANSWERS = {
    "well": "250 taken",
    "429": "451 4.7.1 try later",
    "500": "452 full",
    "garbage": "<html>a proxy's page</html>",
}


class _Postman:
    """What aiosmtpd asks for each mail."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        mood = DESK.moods.get("mail", "well")
        message = message_from_bytes(envelope.content, policy=policy.SMTP)  # which joins what was folded
        text = next(part for part in message.walk() if not part.is_multipart())  # Alertmanager's has HTML behind it
        entry = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "headers": {name: str(value) for name, value in message.items()},
            "raw": envelope.content.decode(errors="replace"),
            "body": text.get_payload(decode=True).decode(),  # type: ignore[union-attr]
        }
        DESK.note("mail", entry)
        if mood == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if mood == "reset":
            server.transport.abort()
        return _SMTP_ANSWERS.get(mood, "550 5.7.1 DMARC")


def _certificate(directory: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = directory / "smtp.pem", directory / "smtp.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


def _serve(directory: Path) -> None:
    from aiosmtpd.controller import Controller

    chain, private = _certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mail = Controller(_Postman(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
    mail.start()
    http, https = (ThreadingHTTPServer(("127.0.0.1", 0), _Handler) for _ in range(2))
    https.socket = context.wrap_socket(https.socket, server_side=True)
    threading.Thread(target=https.serve_forever, daemon=True).start()
    http.daemon_threads = https.daemon_threads = True
    sys.stdout.write(
        f"SMTP on 127.0.0.1:{port}\nTLS on https://127.0.0.1:{https.server_port}\nRunning on http://127.0.0.1:{http.server_port}\n"
    )
    sys.stdout.flush()
    http.serve_forever()


@contextmanager
def receivers(directory: Path) -> Iterator[Receivers]:
    """All providers, in a process of their own."""
    from tests.endpoints.serving import running

    program = (sys.executable, "-m", "tests.endpoints.receivers", str(directory))
    log = directory / "receivers.log"
    with running(program, log, re.compile(rb"Running on (http://127\.0\.0\.1:\d+)"), {}) as (url, pid):
        smtp = re.search(r"SMTP on (\S+)", log.read_text())
        https = re.search(r"TLS on (\S+)", log.read_text())
        assert smtp is not None
        assert https is not None
        yield Receivers(url, https[1], smtp[1], directory / "smtp.pem", pid)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))

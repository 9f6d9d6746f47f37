"""A stand-in for Cloudflare's API in a process of its own: zones, DNS records with batches, purges of the cache.

It speaks the documented formats (the envelope, codes of errors, pages, ``batch`` in its order and in one piece) and
checks the token. What it does not show: rate limits, eventual consistency, plans that allow less, tags of records.

    python -m tests.endpoints.cloudflare TOKEN ZONE NAME
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from dr.secret import Secret
from tests.endpoints.serving import running

ROOT = "/client/v4"
_ADDRESS = {"A": r"\d+\.\d+\.\d+\.\d+", "AAAA": r"[0-9a-f:]*:[0-9a-f:]*", "CNAME": r"[a-z0-9_.-]+", "TXT": r".*"}


@dataclass(frozen=True, slots=True)
class Cloudflare:
    """A running stand-in with one zone; ``url`` is what a configuration gives."""

    url: str
    token: Secret
    zone: str
    name: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request as the owner of the zone; the ``result``."""
        answer = _client().request(
            method,
            f"{self.url}/zones/{self.zone}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token.reveal()}"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def add(self, **record: object) -> dict[str, Any]:
        return dict(self.ask("POST", "/dns_records", record))

    def records(self) -> list[dict[str, Any]]:
        return sorted(self.ask("GET", "/dns_records?per_page=100"), key=lambda one: (one["name"], one["content"]))

    def purges(self) -> list[dict[str, Any]]:
        """Every purge that was taken: not Cloudflare's, the stand-in's own memory."""
        return list(self.ask("GET", "/_purges"))


@cache
def _client() -> httpx.Client:
    """To make one takes longer than what it is for."""
    return httpx.Client(trust_env=False, timeout=30)


@contextmanager
def cloudflare(directory: Path, name: str = "example.org") -> Iterator[Cloudflare]:
    """One zone, empty."""
    token, zone = Secret(f"token-{id(directory):x}-made-up"), "023e105f4ecef8ad9ca31a8372d0c353"
    program = (sys.executable, "-m", "tests.endpoints.cloudflare", token.reveal(), zone, name)
    where = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(program, directory / "cloudflare.log", re.compile(rb"at (http://127\.0\.0\.1:\d+)"), where) as (
        at,
        _,
    ):
        yield Cloudflare(at + ROOT, token, zone, name)


class _Refused(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _State:
    """The zone. A batch works on a copy, which becomes the zone when all of it went well."""

    def __init__(self, token: str, zone: str, name: str) -> None:
        self.token, self.zone, self.name = token, zone, name
        self.records: dict[str, dict[str, Any]] = {}
        self.purges: list[dict[str, Any]] = []
        self.count = 0
        self.lock = threading.Lock()

    def add(self, records: dict[str, dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        made = {"ttl": 1, "proxied": False, "comment": None} | body | {"id": f"{self.count:032x}"}
        self.check(records, made)
        records[made["id"]] = made
        return made

    def check(self, records: dict[str, dict[str, Any]], record: dict[str, Any]) -> None:
        kind = record.get("type", "")
        if kind not in _ADDRESS or not re.fullmatch(_ADDRESS[kind], str(record.get("content", ""))):
            raise _Refused(400, 9005, f"Content for {kind} record is invalid.")
        if record["ttl"] != 1 and not 60 <= record["ttl"] <= 86400:
            raise _Refused(400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
        for other in records.values():
            if other["name"] != record["name"] or other["id"] == record["id"]:
                continue
            if "CNAME" in (kind, other["type"]) and {kind, other["type"]} & {"A", "AAAA", "CNAME"}:
                raise _Refused(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
            if (other["type"], other["content"]) == (kind, record["content"]):
                raise _Refused(400, 81058, "An identical record already exists.")

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """In the documented order, on a copy."""
        records = deepcopy(self.records)
        done: dict[str, list[Any]] = {"deletes": [], "patches": [], "puts": [], "posts": []}
        for one in body.get("deletes") or ():
            done["deletes"].append(records.pop(self.known(records, one)))
        for one in body.get("patches") or ():
            records[self.known(records, one)] |= one
            self.check(records, records[one["id"]])
            done["patches"].append(records[one["id"]])
        for one in body.get("posts") or ():
            done["posts"].append(self.add(records, one))
        self.records = records
        return done

    def known(self, records: dict[str, dict[str, Any]], one: dict[str, Any]) -> str:
        if one.get("id") not in records:
            raise _Refused(404, 81044, "Record does not exist.")
        return str(one["id"])


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def _handle(self) -> None:
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        try:
            with state.lock:
                if self.headers.get("Authorization") != f"Bearer {state.token}":
                    raise _Refused(401, 10000, "Authentication error")
                result, pages = self._result(state, body)
            self._say(200, {"success": True, "errors": [], "messages": [], "result": result} | pages)
        except _Refused as error:
            told = [{"code": error.code, "message": error.message}]
            self._say(error.status, {"success": False, "errors": told, "messages": [], "result": None})

    def _result(self, state: _State, body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        parts = urlsplit(self.path)
        query = {key: value[-1] for key, value in parse_qs(parts.query).items()}
        place = f"{ROOT}/zones/{state.zone}"
        match self.command, parts.path.removeprefix(place) if parts.path.startswith(place) else None:
            case "GET", "":
                return {"id": state.zone, "name": state.name, "status": "active"}, {}
            case "GET", "/dns_records":
                found = [one for one in state.records.values() if query.get("name", one["name"]) == one["name"]]
                return _page(found, int(query.get("page", 1)), int(query.get("per_page", 100)))
            case "POST", "/dns_records":
                return state.add(state.records, body), {}
            case "POST", "/dns_records/batch":
                return state.batch(body), {}
            case "POST", "/purge_cache":
                if not body.get("purge_everything") and not body.get("files") and not body.get("prefixes"):
                    raise _Refused(400, 1012, 'Request must contain one of "purge_everything", "files", ...')
                state.purges.append(body)
                return {"id": state.zone}, {}
            case "GET", "/_purges":
                return state.purges, {}
        raise _Refused(404, 7003, "Could not route to the zone, perhaps your object identifier is invalid?")

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()


def _page(found: list[dict[str, Any]], page: int, size: int) -> tuple[Any, dict[str, Any]]:
    pages = max(1, -(-len(found) // size))
    told = {"page": page, "per_page": size, "total_count": len(found), "total_pages": pages}
    return found[(page - 1) * size : page * size], {"result_info": told}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: _State) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state


if __name__ == "__main__":
    server = _Server(_State(*sys.argv[1:4]))
    sys.stdout.write(f"at http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()

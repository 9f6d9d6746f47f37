"""One question to one address of the application, and whether the answer is a healthy one."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from dr.configuration.masking import mask_url
from dr.configuration.procedures.application import ApplicationSettings

_BODY_BYTES = 64 << 10
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Answered:
    """What one address answered. ``status`` is HTTP's, 0 where nothing answered; ``seconds`` until it had."""

    url: str
    ok: bool
    status: int
    seconds: float
    detail: str


def ask(url: str, settings: ApplicationSettings, seconds: float, *, health: bool) -> Answered:
    """Ask once; never raises for what the address does. ``health``: a status in its JSON has to be a healthy one."""
    begin = time.monotonic()
    shown = mask_url(url)
    try:
        status, kind, body = _get(url, seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answered(shown, False, 0, time.monotonic() - begin, _words_for(error, seconds))
    problem = ""
    if status != settings.expected_status:
        problem = f"HTTP {status}, not {settings.expected_status}: {_shown(body)}"
    elif "json" in kind:
        problem = _problem_in(body, settings.healthy_words if health else ())
    return Answered(shown, not problem, status, time.monotonic() - begin, problem or f"HTTP {status}")


def _get(url: str, seconds: float) -> tuple[int, str, bytes]:
    """Status, content type and the beginning of the body. ``seconds`` is for every wait; who asks bounds the whole."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{mask_url(url)} is no http:// or https:// address")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=seconds)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"User-Agent": "coreflow360-dr", "Accept": "application/json, */*"})
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read(_BODY_BYTES)
    finally:
        connection.close()


def _problem_in(body: bytes, healthy: tuple[str, ...]) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return f"its JSON cannot be read: {_shown(body)}"
    said = document.get("status") if isinstance(document, dict) else None
    if healthy and isinstance(said, str) and said.lower() not in {word.lower() for word in healthy}:
        return f"it says of itself: {_shown(body)}"
    return ""


def _words_for(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: nothing listens there"
    if isinstance(error, socket.gaierror):
        return f"its name is not known: {error.strerror}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _shown(body: bytes) -> str:
    return mask_url(" ".join(body.decode(errors="replace").split())[:_SHOWN_CHARACTERS])

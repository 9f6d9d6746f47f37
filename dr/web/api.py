"""One web service that speaks JSON: requests with a token, in bounded time, and errors in the service's own words.

httpx is imported when the first request is made: loading it takes longer than ``dr --help`` may.
"""

from __future__ import annotations

import itertools
import logging
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import msgspec

from dr.configuration.endpoints import check_endpoint, is_loopback
from dr.configuration.masking import mask_url
from dr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    SourceError,
)
from dr.secret import Secret

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
LONGEST_PAUSE = 8.0
_SLOW_DOWN = (420, 429)
_FAILING = (500, 502, 503, 504)
_WORDS = 300


@dataclass(frozen=True, slots=True)
class Service:
    """Who is spoken to: ``name`` for messages, ``setting`` the key that holds ``address``.

    ``scheme`` stands before the token in the header Authorization; ``words`` finds the service's words in an answer.
    """

    name: str
    setting: str
    address: str
    token_setting: str
    token: Secret
    scheme: str
    words: Callable[[bytes], str]
    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    attempts: int = 4


class WebApi:
    """Its requests. Raises SourceError: see ``dr.errors``.

    ``ConfigurationError`` for an address that is not safe, and for a token that cannot stand in a header.
    """

    def __init__(self, service: Service) -> None:
        check_endpoint(service.setting, service.address)
        _check_token(service)
        self._service = service

    def ask(self, kind: type[T], method: str, path: str, doing: str, body: object = None, *, again: bool = True) -> T:
        """One request; its answer as a ``kind``. ``doing`` completes "cannot ...".

        ``again``: it may be sent a second time when the answer did not come. What makes something new may not.
        """
        answer = self._answer(method, path, doing, body, again)
        with suppress(msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
            return msgspec.json.decode(answer, type=kind)
        raise SourceError(
            f"cannot {doing}: the answer is not what {self._service.name}'s API says",
            f"{len(answer)} bytes",
            f"Is {self._service.setting} the address of the API itself, and not of a page or a proxy before it?",
        )

    @cached_property
    def _client(self) -> httpx.Client:
        """One for all requests: to read the certificates that are trusted takes longer than most of them."""
        import httpx

        for name, level in (("httpx", logging.WARNING), ("httpcore", logging.INFO)):  # they log whole addresses
            logging.getLogger(name).setLevel(max(level, logging.getLogger(name).level))
        limits = httpx.Timeout(self._service.read_seconds, connect=self._service.connect_seconds)
        # A proxy of the environment must not see what is meant for this machine.
        proxied = not is_loopback(self._service.address)
        client = httpx.Client(timeout=limits, trust_env=proxied, follow_redirects=False)
        # Whoever asks holds us as long as there is something to ask, and has no moment at which to close.
        weakref.finalize(self, client.close)
        return client

    def _answer(self, method: str, path: str, doing: str, body: object, again: bool) -> bytes:
        import httpx

        content = None if body is None else msgspec.json.encode(body)
        address = self._service.address.rstrip("/") + path
        try:
            request = self._client.build_request(method, address, content=content, headers=self._headers())
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # the environment's proxy, its CA file
            raise self._unsent(error, doing) from None
        for attempt in itertools.count(1):
            try:
                response = self._client.send(request)
            except httpx.TransportError as error:
                failure, may_pass, asked = self._unanswered(error, doing), again, ""
            except (httpx.HTTPError, httpx.InvalidURL, ImportError, OSError, ValueError) as error:
                raise self._unsent(error, doing) from None
            else:
                if response.status_code < 300:
                    return response.content
                failure, asked = self._refused(response, doing), response.headers.get("Retry-After", "")
                # Who asks to slow down has done nothing; any other failure may come after the deed.
                slow_down = response.status_code in _SLOW_DOWN
                may_pass = slow_down or (again and response.status_code in _FAILING)
            if attempt >= self._service.attempts or not may_pass:
                raise failure from None
            time.sleep(pause(attempt, asked))
        raise AssertionError("unreachable")

    def _headers(self) -> dict[str, str]:
        service = self._service
        token = f"{service.scheme} {service.token.reveal()}"
        return {"Authorization": token, "Content-Type": "application/json", "Accept": "application/json"}

    def _refused(self, response: httpx.Response, doing: str) -> SourceError:
        service, status = self._service, response.status_code
        said = self._redacted(service.words(response.content).strip())[:_WORDS]
        detail = f"HTTP {status}" + (f": {said}" if said else "")
        if status == 401:
            hint = f"Give {service.token_setting} a token that is valid."
            return AuthenticationFailed(f"cannot {doing}: {service.name} does not accept the token", detail, hint)
        if status == 403:
            hint = f"Give the token of {service.token_setting} the right to do it."
            return PrivilegeMissing(f"cannot {doing}: {service.name} denies it", detail, hint)
        if status in _SLOW_DOWN:
            hint = "Try again in some minutes: others may use up the same account's requests."
            return SourceBusy(f"cannot {doing}: {service.name} asks us to slow down", detail, hint)
        if status >= 500:
            hint = f"Look at {service.name}'s own status page; try again later."
            return ServerUnreachable(f"cannot {doing}: {service.name} is failing", detail, hint)
        return SourceError(f"cannot {doing}", detail, f"{service.name} refused it: correct what its words name.")

    def _unanswered(self, error: httpx.TransportError, doing: str) -> SourceError:
        service = self._service
        detail = f"{service.address}: {self._redacted(str(error)) or type(error).__name__}"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            hint = f"Check {service.setting} and this host's CA certificates and clock."
            return SourceError(f"cannot {doing}: {service.name}'s certificate is not trusted", detail, hint)
        hint = f"Check {service.setting} and the network; look at {service.name}'s own status page."
        return ServerUnreachable(f"cannot {doing}: {service.name} does not answer", detail, hint)

    def _unsent(self, error: Exception, doing: str) -> SourceError:
        """No request could be made, or its answer could not be unpacked."""
        return SourceError(
            f"cannot {doing}: this host and {self._service.name} do not understand each other",
            f"{type(error).__name__}: {mask_url(self._redacted(str(error)))}",
            f"Check {self._service.setting}, and in the environment HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE.",
        )

    def _redacted(self, text: str) -> str:
        return text.replace(self._service.token.reveal(), "***")


def _check_token(service: Service) -> None:
    """Whoever finds out later quotes it."""
    token = service.token.reveal()
    if not token or not token.isascii() or not token.isprintable() or token != token.strip():
        raise ConfigurationError(
            f"{service.token_setting} is no token",
            "it is empty, begins or ends with a blank or a new line, or holds what is no printable ASCII",
            f"Copy it from {service.name} once more, without anything around it.",
        )


def pause(attempt: int, asked: str) -> float:
    """Seconds before the next attempt: what the service asks for, within reason, or longer each time.

    >>> pause(1, ""), pause(2, "3"), pause(1, "3600")
    (0.5, 3.0, 8.0)
    """
    if asked.isdecimal():
        return min(float(asked), LONGEST_PAUSE)
    return float(min(0.25 * 2**attempt, LONGEST_PAUSE))

"""Vault's HTTP API: one request at a time, with the token, time limits, bounded patience, and no body in any message.

httpx and not ``hvac``: it is here already, it streams a snapshot, and hvac's errors and redirects are its own.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TypeVar
from urllib.parse import quote, urljoin

import httpx
import msgspec

from dr.components.secrets.vault_errors import SEALED, answered, says, unanswered
from dr.configuration.components.secrets import SecretsSettings
from dr.configuration.endpoints import check_endpoint, is_loopback
from dr.errors import ConfigurationError, DrError, ServerUnreachable, SourceError
from dr.secret import Secret

ATTEMPTS = 6
"""Tries of a request that Vault asks to send later."""
_UNANSWERED = 3
"""Tries of one that nobody answers: a task's own retries come later and last longer."""
_LIMITS = httpx.Timeout(60.0, connect=10.0)
_LONGEST_PAUSE = 10.0
_HOPS = 4
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (412, 429, 472, 473, 500, 502, 503, 504)
_CHUNK = 1 << 20
T = TypeVar("T")


class _Keys(msgspec.Struct):
    keys: list[str] = []


class _Listing(msgspec.Struct):
    data: _Keys


class _Login(msgspec.Struct):
    client_token: str


class _LoginAnswer(msgspec.Struct):
    auth: _Login


class VaultClient:
    """One Vault. ``attempts`` is how often a reading request is tried; what writes is sent once.

    Raises ``ConfigurationError`` at once for settings that cannot work or are not safe.
    """

    def __init__(self, settings: SecretsSettings, attempts: int = ATTEMPTS) -> None:
        address = settings.vault_address or ""
        check_endpoint("secrets.vault_address", address)
        self._settings = settings
        self._attempts = attempts
        self.address = address.rstrip("/")
        self._token = settings.vault_token
        self._is_ours = False
        self._client = httpx.Client(
            timeout=_LIMITS,
            verify=_trust(settings),
            follow_redirects=False,
            # A proxy of the environment must not see what is meant for this machine.
            trust_env=not is_loopback(address),
        )
        # httpx writes every address, and so the names of secrets, to its logger at level INFO; httpcore headers.
        for name, level in (("httpx", logging.WARNING), ("httpcore", logging.INFO)):
            logging.getLogger(name).setLevel(max(level, logging.getLogger(name).level))

    def login(self) -> None:
        """Get a token for the AppRole, where one is set up instead of a token. Nothing to do when there is one."""
        if self._token is not None:
            return
        role, secret = self._settings.vault_role_id, self._settings.vault_secret_id
        if role is None or secret is None:
            raise ConfigurationError(
                "there is nothing to log in to Vault with",
                hint="Set secrets.vault_token, or secrets.vault_role_id and secrets.vault_secret_id.",
            )
        body = msgspec.json.encode({"role_id": role, "secret_id": secret.reveal()})
        path = f"auth/{self._settings.vault_approle_mount.strip('/')}/login"
        answer = self._answer("POST", path, "log in to Vault with the AppRole", body)
        self._token = Secret(parsed(answer or b"", _LoginAnswer).auth.client_token)
        self._is_ours = True

    def get(self, path: str, doing: str, query: str = "") -> bytes | None:
        """What a GET answers; None where nothing is there. ``path`` is unquoted, without ``/v1/``."""
        return self._answer("GET", path, doing, query=query)

    def keys(self, path: str, doing: str) -> tuple[str, ...]:
        """The names directly below a path, folders with a slash at their end; empty where nothing is there."""
        answer = self.get(path, doing, "list=true")
        return () if answer is None else tuple(parsed(answer, _Listing).data.keys)

    def post(self, path: str, body: bytes, doing: str) -> None:
        """Write. Sent once: after a lost answer nobody knows whether it was done, and the caller looks."""
        self._answer("POST", path, doing, body)

    @contextmanager
    def stream(self, path: str, doing: str) -> Iterator[Iterator[bytes]]:
        """The bytes of a large answer, as they come. Raises ``ServerUnreachable`` when they stop before the end."""
        failure: DrError | None = None
        try:
            with self._opened("GET", path, doing, None, "", stream=True) as response:
                if response.status_code >= 300:
                    response.read()
                    raise answered(response, doing, self.address)
                yield response.iter_raw(_CHUNK)
        except httpx.TransportError as error:
            failure = unanswered(error, doing, self.address)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Give a token back that was made for us, and let go of the connections."""
        if self._is_ours:
            with suppress(DrError):
                self.post("auth/token/revoke-self", b"", "give back the token")
            self._token, self._is_ours = self._settings.vault_token, False
        self._client.close()

    def _answer(self, method: str, path: str, doing: str, body: bytes | None = None, query: str = "") -> bytes | None:
        with self._opened(method, path, doing, body, query) as response:
            if response.status_code == 404:
                return None
            if response.status_code >= 300:
                raise answered(response, doing, self.address)
            return response.content

    @contextmanager
    def _opened(
        self, method: str, path: str, doing: str, body: bytes | None, query: str, *, stream: bool = False
    ) -> Iterator[httpx.Response]:
        """The response, after redirects to the active node and after waiting where the server asks for it."""
        attempts = self._attempts if method == "GET" else 1
        failure: DrError | None = None
        for attempt in range(1, attempts + 1):
            response: httpx.Response | None = None
            try:
                response = self._followed(method, path, body, query, stream)
            except httpx.TransportError as error:
                failure = unanswered(error, doing, self.address)
            if response is not None:
                if not _is_temporary(response) or attempt == attempts:
                    with closing(response):
                        yield response
                    return
                pause = _pause(attempt, response.headers.get("Retry-After", ""))
                response.close()
            elif attempt >= min(attempts, _UNANSWERED):
                break
            else:
                pause = _pause(attempt, "")
            time.sleep(pause)
        if failure is not None:
            raise failure

    def _followed(self, method: str, path: str, body: bytes | None, query: str, stream: bool) -> httpx.Response:
        """A standby may answer with the address of the active node: the token goes there, so it must be as safe."""
        address = f"{self.address}/v1/{quote(path)}" + (f"?{query}" if query else "")
        for _ in range(_HOPS):
            request = self._client.build_request(method, address, content=body, headers=self._headers())
            response = self._client.send(request, stream=True)
            if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                if not stream:
                    response.read()
                return response
            response.close()
            address = urljoin(address, response.headers["Location"])
            check_endpoint("the address of the active Vault node", address)
        raise ServerUnreachable(
            "Vault sends us from one node to the next and back",
            f"{self.address}: {_HOPS} redirects",
            "Look with 'vault operator members' which node is active, and name that in secrets.vault_address.",
        )

    def _headers(self) -> dict[str, str]:
        headers = {"X-Vault-Request": "true"}
        if self._token is not None:
            headers["X-Vault-Token"] = self._token.reveal()
        if self._settings.vault_namespace:
            headers["X-Vault-Namespace"] = self._settings.vault_namespace
        return headers


def parsed(answer: bytes, kind: type[T]) -> T:
    """An answer as a value. Raises SourceError, which does not quote it."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(answer, type=kind)
    raise SourceError(
        "Vault's answer is not what its API says",
        f"{len(answer)} bytes are no {kind.__name__.strip('_')}",
        "Is secrets.vault_address that of Vault itself, and not of a page or a proxy before it?",
    )


def _is_temporary(response: httpx.Response) -> bool:
    """Whether asking again may help. A sealed Vault stays so until somebody comes."""
    if response.status_code not in _LATER:
        return False
    if response.status_code != 503:
        return True
    response.read()
    return SEALED not in says(response)


def _pause(attempt: int, asked: str) -> float:
    """Seconds: what the server asks for, within reason, or longer each time."""
    if asked.isdecimal():
        return min(float(asked), _LONGEST_PAUSE)
    return float(min(0.2 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1))  # noqa: S311 - spreads clients


def _trust(settings: SecretsSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.vault_ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"the CA certificates in {settings.vault_ca_file} cannot be read",
            str(error),
            "Give secrets.vault_ca_file a file with certificates in PEM form.",
        ) from None

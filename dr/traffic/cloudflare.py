"""Cloudflare's API, version 4: every answer in the same envelope, every refusal with a code and a sentence."""

from __future__ import annotations

from contextlib import suppress
from typing import Generic, TypeVar

import msgspec

from dr.errors import ConfigurationError, SourceError
from dr.secret import Secret
from dr.web.api import Service, WebApi

T = TypeVar("T")


class Told(msgspec.Struct):
    """One of the errors in an answer."""

    code: int = 0
    message: str = ""


class Page(msgspec.Struct):
    """Which part of a list an answer is."""

    page: int = 1
    total_pages: int = 1


class Envelope(msgspec.Struct, Generic[T]):
    """What is around every answer."""

    result: T
    success: bool = False
    errors: list[Told] = []
    result_info: Page | None = None


class _Refusal(msgspec.Struct):
    errors: list[Told] = []


class Cloudflare:
    """Its API with one token. ``section`` is whose settings are in use. Raises SourceError."""

    def __init__(self, section: str, address: str, token: Secret | None) -> None:
        if token is None:
            raise ConfigurationError(
                f"{section}.cloudflare_token is not set",
                hint="Make an API token for this one zone in Cloudflare's dashboard, and give it by reference.",
            )
        self._api = WebApi(
            Service(
                name="Cloudflare",
                setting=f"{section}.cloudflare_url",
                address=address,
                token_setting=f"{section}.cloudflare_token",
                token=token,
                scheme="Bearer",
                words=words,
            )
        )

    def ask(
        self, kind: type[Envelope[T]], method: str, path: str, doing: str, body: object = None, *, again: bool = True
    ) -> Envelope[T]:
        """One request. An answer that says that it is no success is an error whatever its status is."""
        answer = self._api.ask(kind, method, path, doing, body, again=again)
        if not answer.success:
            raise SourceError(f"cannot {doing}", _joined(answer.errors), "Correct what Cloudflare's words name.")
        return answer


def words(answer: bytes) -> str:
    """Cloudflare's own words about a failure."""
    with suppress(msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return _joined(msgspec.json.decode(answer, type=_Refusal).errors)
    return ""


def _joined(errors: list[Told]) -> str:
    return "; ".join(f"{one.message} ({one.code})" for one in errors)

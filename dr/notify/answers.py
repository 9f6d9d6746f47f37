"""What a provider's answer means for a notice: taken, not now, or never like this."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from dr.errors import NotDelivered, Undeliverable
from dr.notify.protocol import PATIENCE_SECONDS

_LATER = frozenset({408, 425, 429})
_SHOWN = 300


@contextmanager
def client(channel: str, place: str) -> Iterator[httpx.Client]:
    """A client whose failures are ``NotDelivered``. Redirects are not followed: a token would go with them."""
    try:
        with httpx.Client(timeout=PATIENCE_SECONDS, follow_redirects=False) as made:
            yield made
    except httpx.HTTPError as error:
        raise silent(channel, place, f"{type(error).__name__}: {error}") from None
    except httpx.InvalidURL:
        raise Undeliverable(f"{channel}: its address is none", hint=f"Correct the settings of {channel}.") from None


def silent(channel: str, place: str, reason: str) -> NotDelivered:
    """Nothing usable came back."""
    return NotDelivered(
        f"{channel} did not take the message for {place}",
        detail=reason[:_SHOWN],
        hint="It is kept and tried again; the next channel is used meanwhile.",
    )


def refused(channel: str, place: str, status: int, said: str) -> NotDelivered | Undeliverable:
    """The error for an HTTP status that is no success."""
    detail = f"HTTP {status}: {' '.join(said.split())[:_SHOWN]}"
    if status in _LATER or status >= 500:
        return silent(channel, place, detail)
    return Undeliverable(
        f"{channel} refuses the message for {place}",
        detail=detail,
        hint=f"Correct the settings of {channel} (token, address, recipient); `dr alert test` tries them.",
    )


def require_success(channel: str, place: str, answer: httpx.Response) -> None:
    """Return when the provider took it."""
    if not answer.is_success:
        raise refused(channel, place, answer.status_code, answer.text)

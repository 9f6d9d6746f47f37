"""Settings of the section ``application``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class ApplicationSettings:
    """How the application is asked whether it works, and how long its services may take.

    A health address answers with ``expected_status``; where it answers with JSON that has a ``status``, that has to be
    one of ``healthy_words``. Times are seconds; ``health_seconds`` is for each attempt to bring it back.
    """

    health_urls: tuple[str, ...] = given(
        parsers.words, "addresses that tell whether the application works", ("http://localhost:3000/api/health",)
    )
    session_urls: tuple[str, ...] = given(
        parsers.words, "addresses that tell whether people can log in", ("http://localhost:3000/api/auth/session",)
    )
    warm_urls: tuple[str, ...] = given(parsers.words, "addresses to fetch after a recovery, so that caches fill", ())
    expected_status: int = given(parsers.count, "HTTP status of a healthy answer", 200)
    healthy_words: tuple[str, ...] = given(
        parsers.words, "what the status in a health answer of JSON may be", ("ok", "healthy", "up", "pass")
    )
    answer_seconds: int = given(parsers.count, "seconds within which an address has to answer", 5)
    health_seconds: int = given(parsers.count, "seconds within which the application has to be healthy", 60)
    start_seconds: int = given(parsers.count, "seconds that one service may take to start", 120)
    stop_seconds: int = given(parsers.count, "seconds that one service may take to stop", 30)
    roll_back: bool = given(parsers.flag, "go back to the release before when the newest does not come", True)

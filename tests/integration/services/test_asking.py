"""What counts as a healthy answer, and that nobody waits longer than he was told to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.application import ApplicationSettings
from dr.errors import ServiceError
from dr.operations.application.ask import ask
from dr.operations.application.health import ask_application, wait_until_healthy
from dr.operations.application.warm import warm
from dr.pipeline.process import Child
from dr.secret import Secret

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where it answers."""
    argv = (sys.executable, "-m", "tests.integration.services.answering")
    with Child("answering", argv, stdout=subprocess.PIPE, directory=ROOT) as child:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"


def system(settings: ApplicationSettings) -> System:
    """Nothing but an application."""
    procedures = ProcedureSettings(application=settings)
    return System("shop", PostgresSettings(Secret("")), (), EncryptionSettings(), procedures=procedures)


@pytest.mark.parametrize(
    ("path", "ok", "words"),
    [
        ("/status/200", True, "HTTP 200"),
        ("/status/503", False, "HTTP 503, not 200: so it is"),
        ("/moved", False, "HTTP 302, not 200"),
        ("/says/ok", True, "HTTP 200"),
        ("/says/HEALTHY", True, "HTTP 200"),
        ("/says/degraded", False, 'it says of itself: {"status": "degraded"}'),
        ("/list", True, "HTTP 200"),
        ("/torn", False, "its JSON cannot be read"),
        ("/never", False, "no answer within 0.5 s"),
    ],
)
def test_an_answer_is_healthy_or_says_why_not(address: str, path: str, ok: bool, words: str) -> None:
    """By its status, and by what it says of itself where it says anything."""
    found = ask(address + path, ApplicationSettings(), 0.5, health=True)

    assert (found.ok, words in found.detail) == (ok, True), found
    assert found.seconds < 3


def test_only_health_addresses_are_asked_how_they_are(address: str) -> None:
    """A session that says "anonymous" is a healthy session; another healthy status can be wanted."""
    settings = ApplicationSettings(expected_status=302)

    assert ask(f"{address}/says/anonymous", ApplicationSettings(), 5, health=False).ok
    assert not ask(f"{address}/says/anonymous", ApplicationSettings(), 5, health=True).ok
    assert ask(f"{address}/says/calm", ApplicationSettings(healthy_words=("calm",)), 5, health=True).ok
    assert ask(f"{address}/moved", settings, 5, health=True).ok


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/", "connection refused"),
        ("ftp://shop/", "is no http"),
        ("http://user:hunter22@127.0.0.1:1/", "connection refused"),
        ("http://nowhere.invalid/", ""),
        ("http://127.0.0.1:99999/", ""),
    ],
)
def test_what_cannot_be_asked_is_no_error_of_ours(url: str, words: str) -> None:
    """It is an answer: not healthy. No password of an address is shown."""
    found = ask(url, ApplicationSettings(), 2, health=True)

    assert not found.ok
    assert found.status == 0
    assert words in found.detail
    assert "hunter22" not in str(found)


@pytest.mark.incident("I13")
def test_all_are_asked_within_the_time_whatever_hangs(address: str) -> None:
    """Addresses that never answer, and one that sends a byte now and then for ever, cost their time once, together."""
    hanging = tuple(f"{address}/never?{number}" for number in range(4))
    settings = ApplicationSettings(health_urls=(*hanging, f"{address}/drip"), session_urls=(f"{address}/status/200",))
    begin = time.monotonic()

    answers = ask_application(system(settings), 1.5)

    assert time.monotonic() - begin < 4
    assert [item.ok for item in answers] == [False] * 5 + [True]
    assert [item.url for item in answers] == [*settings.health_urls, *settings.session_urls]


def test_waiting_ends_with_what_was_answered_last(address: str) -> None:
    """And not before its time when no service is known to fail."""
    settings = ApplicationSettings(health_urls=(f"{address}/says/starting",), session_urls=(f"{address}/status/200",))
    begin = time.monotonic()

    with pytest.raises(ServiceError) as caught:
        wait_until_healthy(system(settings), 1.0)

    assert 0.5 < time.monotonic() - begin < 4
    assert "not within 1 s" in caught.value.message
    assert '/says/starting: it says of itself: {"status": "starting"}' in caught.value.detail
    assert "/status/200" not in caught.value.detail
    well = replace(settings, health_urls=(f"{address}/says/ok",))
    assert all(item.ok for item in wait_until_healthy(system(well), 5))


def test_a_cold_cache_is_no_failure(address: str) -> None:
    """Warming tells what did not answer, and raises nothing."""
    settings = ApplicationSettings(warm_urls=(f"{address}/status/200", f"{address}/status/500"))

    assert [item.ok for item in warm(system(settings))] == [True, False]


def test_a_system_without_an_application_is_not_asked() -> None:
    """Nobody looks at port 3000 of a host that backs up a database alone."""
    bare = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings())

    assert ask_application(bare, 5) == ()

"""Whether the application works, by its own account: asked once, or until it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from dr.configuration.model import System
from dr.errors import ServiceError
from dr.operations.application.ask import Answered, ask
from dr.operations.application.look import ask_all, look_at_services
from dr.operations.application.parts import data_services, is_configured
from dr.services.protocol import State, Status
from dr.services.registry import service

_PAUSE_SECONDS = 0.25
_LOOK_EVERY_SECONDS = 1.0
_FAILED_LOOKS = 5
_LAST_WORDS_SECONDS = 10.0


def ask_application(system: System, seconds: float) -> tuple[Answered, ...]:
    """Ask every health and session address beside each other, within ``seconds`` in all whatever hangs.

    Nothing is asked, and nothing answered, where no application is configured.
    """
    if not is_configured(system):
        return ()
    settings = system.procedures.application
    urls = dict.fromkeys(settings.health_urls, True) | {
        url: False for url in settings.session_urls if url not in settings.health_urls
    }
    each = min(seconds, float(settings.answer_seconds))

    def question(url: str, health: bool) -> Callable[[], Answered]:
        return lambda: ask(url, settings, each, health=health)

    answers = ask_all({url: question(url, health) for url, health in urls.items()}, seconds)
    late = f"no answer within {seconds:g} s"
    return tuple(answers.get(url) or Answered(url, False, 0, seconds, late) for url in urls)


def is_healthy(answers: Sequence[Answered]) -> bool:
    """Whether every address gave a healthy answer."""
    return all(item.ok for item in answers)


def wait_until_healthy(system: System, seconds: float | None = None) -> tuple[Answered, ...]:
    """Ask until every address gives a healthy answer; those answers.

    Raises ``ServiceError`` after ``seconds`` (None: ``application.health_seconds``), or earlier when a service keeps
    failing, with what was answered last and what each service said last itself.
    """
    settings = system.procedures.application
    limit = float(settings.health_seconds) if seconds is None else seconds
    deadline = time.monotonic() + limit
    next_look, failed = time.monotonic(), 0
    while True:
        left = deadline - time.monotonic()
        answers = ask_application(system, max(min(left, float(settings.answer_seconds)), 0.1))
        if is_healthy(answers):
            return answers
        if time.monotonic() >= next_look:
            failed = failed + 1 if _failing(system) else 0
            next_look = time.monotonic() + _LOOK_EVERY_SECONDS
        if failed >= _FAILED_LOOKS or time.monotonic() + _PAUSE_SECONDS > deadline:
            raise _unhealthy(system, answers, limit)
        time.sleep(_PAUSE_SECONDS)


def _failing(system: System) -> list[Status]:
    return [item for item in look_at_services(system) if item.state is State.FAILED]


def _unhealthy(system: System, answers: Sequence[Answered], seconds: float) -> ServiceError:
    lines = [f"{item.url}: {item.detail}" for item in answers if not item.ok]
    states = look_at_services(system)
    lines += [f"service {item.service}: {item.state}, {item.detail}" for item in states]
    for item in states:
        words = "" if item.service in data_services(system) else _last_words(system, item.service)
        if words:
            lines.append(f"last words of {item.service}:\n{words}")
    failing = [item.service for item in states if item.state is State.FAILED]
    why = f"{', '.join(failing)} keeps failing" if failing else f"not within {seconds:g} s"
    return ServiceError(
        f"the application of {system.name} does not become healthy: {why}",
        detail="\n".join(lines),
        hint="Look at what the services said last. `dr assess` tells what else is down.",
    )


def _last_words(system: System, name: str) -> str:
    try:
        return service(system, name).last_words(_LAST_WORDS_SECONDS)
    except ServiceError as error:
        return f"cannot be had: {error.message}"

"""Fetch what everybody looks at first, so that the first of them does not wait for cold caches."""

from __future__ import annotations

from collections.abc import Callable

from dr.configuration.model import System
from dr.operations.application.ask import Answered, ask
from dr.operations.application.look import ask_all

SECONDS = 30.0


def warm(system: System) -> tuple[Answered, ...]:
    """Fetch every warm address once, beside each other. One that does not answer costs speed and nothing else."""
    settings = system.procedures.application

    def question(url: str) -> Callable[[], Answered]:
        return lambda: ask(url, settings, SECONDS, health=False)

    answers = ask_all({url: question(url) for url in settings.warm_urls}, SECONDS)
    late = f"no answer within {SECONDS:g} s"
    return tuple(answers.get(url) or Answered(url, False, 0, SECONDS, late) for url in settings.warm_urls)

"""Measure a system, hold it against the rules, and tell people what has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from dr.configuration.model import System
from dr.operations.alert.book import held, read_book, write_book
from dr.operations.alert.runs import still_failed
from dr.operations.alert.tell import Told, tell
from dr.operations.measure.gather import Measured
from dr.policy.rule_evaluation import Evaluated, evaluate


@dataclass(frozen=True, slots=True)
class Watched:
    """What was measured, what is wrong by the rules, and what was said."""

    measured: Measured
    evaluated: Evaluated
    told: Told


def watch(system: System, measured: Measured, now: datetime) -> Watched:
    """What could not be measured neither begins nor is over."""
    with held(system) as file:
        book = read_book(system)
        evaluated = evaluate(measured.samples, book.broken, now, measured.unmeasured)
        manual = still_failed(book.manual, measured.samples, now)
        write_book(file, replace(book, broken=evaluated.broken, manual=manual))
    return Watched(measured, evaluated, tell(system, evaluated.alerts, evaluated.unknown))

"""Measure a system, hold it against the rules, and tell people what has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from dr.configuration.model import System
from dr.operations.alert.book import held, read_book, write_book
from dr.operations.alert.runs import still_failed
from dr.operations.alert.tell import Told, tell
from dr.operations.measure.gather import Measured
from dr.policy.alert_rules import Evaluated, evaluate


@dataclass(frozen=True, slots=True)
class Watched:
    """What was measured, what is wrong by the rules, and what was said."""

    measured: Measured
    evaluated: Evaluated
    told: Told


def watch(system: System, measured: Measured, now: datetime) -> Watched:
    """Rules whose metric could not be measured neither fire nor are over."""
    with held(system) as file:
        book = read_book(system)
        evaluated = evaluate(measured.samples, book.broken, now, measured.unmeasured)
        kept = (item for item in book.broken if _rule_of(item.key) in evaluated.unknown)
        manual = still_failed(book.manual, measured.samples, now)
        write_book(file, replace(book, broken=(*evaluated.broken, *kept), manual=manual))
    return Watched(measured, evaluated, tell(system, evaluated.alerts, evaluated.unknown))


def _rule_of(key: str) -> str:
    return key.split("/")[1]

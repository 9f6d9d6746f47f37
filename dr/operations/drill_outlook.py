"""The history of drills, what it says together, and what it forecasts: read once, for the command line and the flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from dr.catalog.labels import Kind
from dr.components import registry
from dr.configuration.model import System
from dr.operations.drill_history import History, read_history
from dr.policy.drill_method import Method
from dr.policy.drill_summary import Row, Summary, history_rows, summarise
from dr.policy.forecast import Forecast, forecasts, hours_back

Drillable: TypeAlias = Method | Kind
"""What can be drilled: a way to recover the database, or a component."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """``slow_stores`` are those whose copies must be brought back before they can be read, and the hours that takes."""

    history: History
    summary: Summary
    forecasts: tuple[Forecast, ...]
    slow_stores: tuple[tuple[str, str, float], ...] = ()

    @property
    def rows(self) -> list[Row]:
        return history_rows(self.history.records)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should do something about."""
        told = [*self.summary.stale]
        told += [str(item) for item in self.forecasts if item.missed or item.on is not None]
        told += [f"store {name} did not answer: {why}" for name, why in self.history.silent]
        told += [f"damaged record: {text}" for text in self.history.unreadable]
        return tuple(told)

    @property
    def tier_lines(self) -> tuple[str, ...]:
        """What a recovery from each slow store waits for, before anything else."""
        return tuple(
            f"forecast, store {name} ({storage_class}): {hours:g} h until its copies can be read, added to every RTO"
            for name, storage_class, hours in self.slow_stores
        )


def methods_of(system: System) -> dict[Method, str]:
    """Every method of drilling, and why it does not apply to this system; empty when it does."""
    no_bases = "" if system.postgres.physical else "the server gives no base backups (postgres.physical)"
    no_wal = "" if system.wal.method != "none" else "no WAL is kept (wal.method)"
    return {Method.PHYSICAL: no_bases, Method.LOGICAL: "", Method.RECONCILE: no_bases or no_wal}


def drills_of(system: System) -> dict[Drillable, str]:
    """The same with every component that the system has, behind the methods."""
    drills: dict[Drillable, str] = dict(methods_of(system).items())
    return drills | {row.kind: _why_not(system, row) for row in registry.configured(system)}


def _why_not(system: System, row: registry.Row) -> str:
    return f"{row.title} may come back empty, by policy" if row.may_be_missing(system) else ""


def look_out(system: System, now: datetime, since: datetime | None = None) -> Outlook:
    """Raises the first StoreError when no store answers."""
    history = read_history(system, since)
    applicable = [str(name) for name, why_not in drills_of(system).items() if not why_not]
    summary = summarise(history.records, applicable, system.drill.max_age_days, now)
    slow = [(item.name, item.storage_class or "", hours_back(item.storage_class)) for item in system.stores]
    return Outlook(history, summary, forecasts(history.records, now), tuple(item for item in slow if item[2] > 0))

"""Runs that failed, crashed or were cancelled: told at once by who saw it, ended by the next run that ends well.

The rule ``run-failed`` finds the same by the evidence, under the same key; a run that was killed leaves none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from dr.configuration.masking import mask_url
from dr.configuration.model import System
from dr.operations.alert.book import read_book
from dr.operations.alert.tell import raise_alert, settle
from dr.policy.alert import Alert
from dr.policy.alert_rules import RULES, SCHEDULED
from dr.policy.metric import Sample

_RULE = next(rule for rule in RULES if rule.metric == "procedure_last_failed")
_SHOWN = 500
FORGOTTEN = timedelta(days=1)
"""What people began they begin again, or not: nobody waits for a later run that ends well."""


def tell_run_failed(system: System, procedure: str, ending: str, run: str, why: str) -> None:
    """``ending`` says how: failed, crashed, cancelled. ``run`` is its name, ``why`` may be empty."""
    facts = (("run", run), ("why", " ".join(mask_url(why).split())[:_SHOWN]))
    raise_alert(
        system,
        Alert(
            system=system.name,
            rule=_RULE.name,
            grade=_RULE.grade,
            summary=f"the last run of {procedure} {ending}",
            subject=procedure,
            since=datetime.now(UTC),
            risk=_RULE.risk,
            command=_RULE.command.format(system=system.name),
            facts=tuple(fact for fact in facts if fact[1]),
        ),
    )


def tell_run_ended_well(system: System, procedure: str) -> None:
    """Whatever was told of an earlier run of it is over. The book is not touched where nothing was."""
    key = Alert(system.name, _RULE.name, _RULE.grade, "", procedure).key
    if any(item.key == key for item in read_book(system).manual):
        settle(system, key)


def still_failed(manual: Iterable[Alert], samples: Iterable[Sample], now: datetime) -> tuple[Alert, ...]:
    """Those raised by hand, without the runs since which another ended well, and people's of more than a day ago."""
    ages = {item.labels[1]: item.value for item in samples if item.name == "procedure_age_seconds"}
    return tuple(alert for alert in manual if not _is_over(alert, ages.get(alert.subject), now))


def _is_over(alert: Alert, good_age: float | None, now: datetime) -> bool:
    if alert.rule != _RULE.name or alert.since is None:
        return False
    if good_age is not None and now - timedelta(seconds=good_age) > alert.since:
        return True
    return alert.subject not in SCHEDULED.split("|") and now - alert.since > FORGOTTEN

"""How severe a disaster is taken to be before anybody has looked: by the scenario alone."""

from __future__ import annotations

from dr.policy.objectives import Scenario
from dr.policy.severity import Severity

_USUAL = {
    Scenario.APPLICATION_FAILURE: Severity.MEDIUM,
    Scenario.DATABASE_CORRUPTION: Severity.HIGH,
    Scenario.FULL_SYSTEM_FAILURE: Severity.CRITICAL,
    Scenario.DATA_CENTER_OUTAGE: Severity.CRITICAL,
}


def usual_severity(scenario: Scenario) -> Severity:
    """The guide's word for it; an assessment or a person may say another one later.

    >>> str(usual_severity(Scenario.DATABASE_CORRUPTION))
    'HIGH'
    """
    return _USUAL[scenario]

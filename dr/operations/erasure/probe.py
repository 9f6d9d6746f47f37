"""A drill's question: once the ledger is erased again in the copy, is anybody of it left (I32)?"""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import ConfigurationError, RecoveryFailed
from dr.operations.erasure.re_erase import re_erase
from dr.policy.drill_verdict import Answer, Probe
from dr.secret import Secret

_NAME = "erased people"


def erasure_probe(system: System, url: Secret) -> Probe:
    """A backup may hold people who were erased since; a recovery that cannot erase them again has failed."""
    try:
        return Probe(_NAME, Answer.PASSED, str(re_erase(system, url)))
    except ConfigurationError as error:
        return Probe(_NAME, Answer.UNPROVEN, error.message, essential=True)
    except RecoveryFailed as error:
        return Probe(_NAME, Answer.FAILED, error.message)

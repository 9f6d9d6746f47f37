"""How long the certificates in use are still good for: read from the files themselves, for monitoring."""

from __future__ import annotations

from datetime import datetime

from dr.components.certificates.gather import gather
from dr.configuration.model import System
from dr.policy.certificate_age import CertificateState, certificate_state, unknown_state


def certificate_states(system: System, now: datetime) -> tuple[CertificateState, ...]:
    """Every certificate of the system, the most urgent first; none when it has none configured.

    One that cannot be used as it lies there is ``UNKNOWN``, with the reason. Raises ``SourceError`` when the
    directories themselves cannot be read.
    """
    settings = system.components.certificates
    if not settings.directories and not settings.pairs:
        return ()
    gathered = gather(settings)
    unusable = [unknown_state(name, problem) for name, problem in gathered.problems.items()]
    states = [
        certificate_state(name, held.examined.not_before, held.examined.not_after, now, settings.warn_days)
        for name, held in gathered.held.items()
    ]
    return (*unusable, *sorted(states, key=lambda state: (state.not_after or now, state.name)))

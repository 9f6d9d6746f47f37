"""Renewing what is due by the operator's own command, and believing only what lies there afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dr.components.certificates.gather import Gathered, Held, gather
from dr.components.looks_secret import blotted
from dr.configuration.components.certificates import CertificatesSettings
from dr.errors import SourceError, ToolError
from dr.pipeline.process import Child
from dr.policy.certificate_age import renewal_due

DUE_VARIABLE = "DR_CERTIFICATES_DUE"
"""What the command finds the names in, separated by spaces."""
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Renewed:
    """What is to be backed up afterwards. ``renewed`` are the names of new certificates."""

    gathered: Gathered
    renewed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def due(gathered: Gathered, settings: CertificatesSettings, now: datetime) -> tuple[str, ...]:
    """The names of what is to be renewed."""
    return tuple(
        name for name, held in gathered.held.items() if renewal_due(held.examined.not_after, now, settings.renew_days)
    )


def renew(gathered: Gathered, settings: CertificatesSettings, now: datetime) -> Renewed:
    """Run the command when something is due. Whatever it does, a good pair that was there is in the result.

    A failed renewal is a warning: a backup of what there is remains better than none.
    """
    names = due(gathered, settings, now)
    if not settings.renewal_command or not names:
        return Renewed(gathered)
    failure = _run(settings, names)
    try:
        after = gather(settings)
    except SourceError as error:
        after = Gathered({}, dict.fromkeys(gathered.held, error.message))
    held, warnings, renewed = dict(after.held), [], []
    for name, old in gathered.held.items():
        new = after.held.get(name)
        if new is not None and (name not in names or _newer(old, new)):
            renewed += [name] if name in names else []
            continue
        held[name] = old if new is None else new
        reason = after.problems.get(name, "it is gone") if new is None else failure or "it is the old one still"
        kept = "; the backup holds the one that was there before" if new is None else ""
        warnings.append(f"{name} is not renewed: {reason}{kept}")
    if failure and not any(failure in text for text in warnings):
        warnings.append(f"the renewal of {', '.join(names)}: {failure}")
    problems = {name: text for name, text in after.problems.items() if name not in held}
    return Renewed(Gathered(held, problems), tuple(renewed), tuple(warnings))


def _newer(old: Held, new: Held) -> bool:
    return new.examined.not_after > old.examined.not_after and new.examined.fingerprint != old.examined.fingerprint


def _run(settings: CertificatesSettings, names: Sequence[str]) -> str:
    """Run it; why it failed, in words that a manifest may hold; empty when it ended well."""
    deadline = settings.renewal_minutes * 60
    environment = {DUE_VARIABLE: " ".join(names)}
    try:
        with Child(
            "certificates.renewal_command", shlex.split(settings.renewal_command), environment=environment
        ) as child:
            ended = child.wait(deadline)
    except ToolError as error:
        return f"{error.message}: {error.detail}"
    if ended.ok:
        return ""
    how = f"cut off after {deadline:.0f} s" if ended.wall_seconds >= deadline else f"exit status {ended.status}"
    said = " ".join(blotted(ended.stderr).split())[-_SHOWN_CHARACTERS:]
    return f"certificates.renewal_command: {how}{said and f': {said}'}"

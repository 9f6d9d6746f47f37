"""Renewing what is due by the operator's own command, and believing only what lies there afterwards.

The old pair is in memory while the command runs. What the command leaves may match and still be worth less, such as the
self-signed one of a package: then the old key must not be lost with it.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dr.components.certificates.examine import Examined, Match
from dr.components.certificates.gather import Gathered, gather
from dr.components.looks_secret import blotted
from dr.configuration.components.certificates import CertificatesSettings
from dr.errors import SourceError, ToolError
from dr.pipeline.process import Child
from dr.policy.certificate_age import renewal_due

DUE_VARIABLE = "DR_CERTIFICATES_DUE"
"""What the command finds the names in, separated by spaces."""
REFUSED = "-refused"
"""What the name of a pair ends with that a renewal left and that is stored beside the one it should have replaced."""
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
        after = Gathered({}, dict.fromkeys(gathered.held, error.message), gathered.hollow)
    held, warnings, renewed = dict(after.held), [], []
    for name, old in gathered.held.items():
        new = after.held.get(name)
        if new is not None and new.examined.fingerprint == old.examined.fingerprint:
            warnings += [f"{name} is not renewed: {failure or 'it is the old one still'}"] if name in names else []
            continue
        reason = after.problems.get(name, "it is gone") if new is None else worse(old.examined, new.examined)
        if not reason:
            renewed.append(name)
            continue
        held[name] = old
        beside = ""
        if new is not None:
            other = _name_apart(f"{name}{REFUSED}", {*held, *after.problems})
            held[other] = replace(new, name=other)
            beside = f", and what is there now as {other}"
        warnings.append(f"{name} is not renewed: {reason}; the backup holds the one that was there before{beside}")
    if failure and not any(failure in text for text in warnings):
        warnings.append(f"the renewal of {', '.join(names)}: {failure}")
    problems = {name: text for name, text in after.problems.items() if name not in held}
    return Renewed(Gathered(held, problems, after.hollow), tuple(renewed), tuple(warnings))


def worse(old: Examined, new: Examined) -> str:
    """Why ``new`` cannot stand in for ``old``; empty when it can."""
    lacking = [name for name in old.names if not any(_covers(item, name) for item in new.names)]
    if lacking:
        return f"the one that is there now is not for {', '.join(lacking)}"
    if not old.names and not new.names and old.subject != new.subject:
        return f"the one that is there now is for {new.subject}, and not for {old.subject}"
    if new.not_after < old.not_after:
        return f"the one that is there now ends earlier, at {new.not_after:%Y-%m-%d %H:%M} UTC"
    if new.self_signed and not old.self_signed:
        return "the one that is there now is self-signed"
    if old.match is Match.PROVEN and new.match is not Match.PROVEN:
        return f"of the one that is there now {new.match}"
    return ""


def _covers(wide: str, name: str) -> bool:
    """Whether a name of a certificate is good for ``name``; a star stands for one label."""
    wide, name = wide.lower(), name.lower()
    return wide == name or (wide.startswith("*.") and wide[1:] == name[len(name.partition(".")[0]) :])


def _name_apart(name: str, taken: Collection[str]) -> str:
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}-{number}"
    return chosen


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

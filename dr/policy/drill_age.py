"""Is what was restored as new as it claims to be? Pure: ``now`` is an argument.

An old backup that restores well is not a good one (I28). Times are aware; limits and ages are seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dr.catalog.canary import Beat
from dr.catalog.manifest import Level, Manifest
from dr.policy.drill_verdict import Answer, Probe

LABELLED_LATE = timedelta(minutes=2)
DAILY = timedelta(hours=26)
"""A daily backup that is older than this was missed; two hours for it to run."""


def newest_probe(newest: datetime | None, now: datetime, rpo_seconds: float, *, canary: bool) -> Probe:
    """Whether the newest moment that can be recovered is new enough.

    An idle server without a canary writes nothing that could be newer: then only a missed daily backup is a failure.
    """
    if newest is None:
        return Probe("age", Answer.UNPROVEN, "nothing stored tells up to which moment it goes", Level.STORED)
    age = now - newest
    told = f"the newest that can be recovered is of {newest:%Y-%m-%d %H:%M:%S} UTC, {shown(age)} ago"
    limit = timedelta(seconds=rpo_seconds)
    if age <= limit:
        return Probe("age", Answer.PASSED, told, Level.STORED)
    if canary or age > max(DAILY, limit):
        return Probe("age", Answer.FAILED, f"{told}; the objective is {shown(limit)}", Level.STORED)
    quiet = (
        f"{told}, more than the objective of {shown(limit)}; without a canary nobody can tell whether there was more"
    )
    return Probe("age", Answer.UNPROVEN, quiet, Level.STORED)


def dump_age_probe(begin: datetime, now: datetime) -> Probe:
    """Whether the newest dump is from the last daily run."""
    age = now - begin
    told = f"the newest dump is of {begin:%Y-%m-%d %H:%M:%S} UTC, {shown(age)} ago"
    return Probe("age", Answer.PASSED if age <= DAILY else Answer.FAILED, told, Level.STORED)


def shows(manifest: Manifest) -> datetime:
    """The moment whose state a backup shows: by its source's own account where it gives one, else when it began."""
    return manifest.component.taken if manifest.component else manifest.begin


def too_old(moment: datetime, now: datetime, every: timedelta) -> bool:
    """Whether the newest of what is backed up every so often is missing a run: twice the time has passed (I28)."""
    return now - moment > 2 * every


def component_age_probe(taken: datetime, now: datetime, every: timedelta) -> Probe:
    """Whether the newest copy of a component is as new as it is promised; its data is as old as its backup."""
    age = now - taken
    told = f"the newest shows the state of {taken:%Y-%m-%d %H:%M:%S} UTC, {shown(age)} ago"
    if age < -LABELLED_LATE:
        told = f"the newest shows the state of {taken:%Y-%m-%d %H:%M:%S} UTC, which is still to come: a clock is wrong"
        return Probe("age", Answer.UNPROVEN, told, Level.STORED)
    if too_old(taken, now, every):
        return Probe("age", Answer.FAILED, f"{told}; one is made every {shown(every)}", Level.STORED)
    return Probe("age", Answer.PASSED, told, Level.STORED)


def label_probe(label: datetime, begin: datetime) -> Probe:
    """Whether a backup is from the time that its label says: the label is given when it begins, never later."""
    told = f"labelled {label:%Y-%m-%d %H:%M:%S}, begun {begin:%Y-%m-%d %H:%M:%S} UTC"
    if begin < label - LABELLED_LATE:
        return Probe("label", Answer.FAILED, f"{told}: an older backup under a new label", Level.STORED)
    return Probe("label", Answer.PASSED, told, Level.STORED)


def canary_probe(beat: Beat | None, moment: datetime, rpo_seconds: float, *, hit: bool) -> Probe:
    """Whether the copy holds what was committed just before ``moment``.

    ``hit``: the server itself says that it came to there. Then an old row means that the canary was silent in
    production, and not that commits are missing.
    """
    if beat is None:
        return Probe("canary", Answer.UNPROVEN, "no canary row: run 'dr canary' on the production system")
    age = moment - beat.committed_at
    told = f"canary {beat.seq} of {beat.committed_at:%Y-%m-%d %H:%M:%S.%f} UTC, {shown(age)} before the target"
    if age <= timedelta(seconds=rpo_seconds):
        return Probe("canary", Answer.PASSED, told)
    if hit:
        return Probe("canary", Answer.UNPROVEN, f"{told}; the target itself was reached, so the canary was silent then")
    return Probe("canary", Answer.FAILED, f"{told}; the objective is {shown(timedelta(seconds=rpo_seconds))}")


def shown(span: timedelta) -> str:
    """``3 d 4 h``, ``5 min``, ``1.2 s``: two units at most, for people."""
    seconds = span.total_seconds()
    if abs(seconds) < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"

"""Which server images and database snapshots go: all but the newest few of each server, in each region. Pure.

Never the last one that can be launched, never one that somebody protects or uses, and nothing after a failed run (I14).
What could not be removed once is not tried again every week: it is kept and named until somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.policy.retention import Action

AVAILABLE = "available"
MAKING = ("pending", "creating", "copying", "transient")
BROKEN = ("failed", "error", "invalid")


@dataclass(frozen=True, slots=True)
class HeldImage:
    """One image or database snapshot as its cloud tells of it.

    ``source`` is the server that it was made of, ``label`` the backup that it belongs to. ``finished``: its run came to
    its end. ``protected`` and ``used_by`` say, in words, why it must not go; ``held`` why it could not be removed
    before.
    """

    id: str
    source: str
    region: str
    created: datetime
    state: str
    finished: bool
    label: str = ""
    protected: str = ""
    used_by: str = ""
    held: str = ""

    @property
    def usable(self) -> bool:
        return self.state == AVAILABLE


@dataclass(frozen=True, slots=True)
class ImageDecision:
    """What happens to an image, and the reason in words."""

    image: HeldImage
    action: Action
    reason: str


def plan_image_expiry(
    images: Iterable[HeldImage], keep: int, now: datetime, *, run_succeeded: bool, grace: timedelta
) -> tuple[ImageDecision, ...]:
    """Decide on each image: by server and region, newest first.

    ``grace`` is how long an unfinished one may belong to a run that is still at work. Raises ValueError for a ``keep``
    below 1.
    """
    if keep < 1:
        raise ValueError("a retention rule needs keep >= 1")
    groups: dict[tuple[str, str], list[HeldImage]] = {}
    for image in images:
        groups.setdefault((image.source, image.region), []).append(image)
    decisions: list[ImageDecision] = []
    for _, group in sorted(groups.items()):
        decisions += _decide_all(group, keep, now, grace, run_succeeded=run_succeeded)
    return tuple(decisions)


def _decide_all(
    group: Sequence[HeldImage], keep: int, now: datetime, grace: timedelta, *, run_succeeded: bool
) -> list[ImageDecision]:
    newest_first = sorted(group, key=lambda image: (image.created, image.label, image.id), reverse=True)
    newer = 0
    decisions = []
    for image in newest_first:
        decision = _decide(image, newer, keep, now, grace, run_succeeded=run_succeeded)
        # One from the future tells of a wrong clock: it makes no other superfluous.
        if decision.action is Action.KEEP and image.usable and image.finished and image.created <= now:
            newer += 1
        decisions.append(decision)
    return _spare_the_last(decisions)


def _decide(
    image: HeldImage, newer: int, keep: int, now: datetime, grace: timedelta, *, run_succeeded: bool
) -> ImageDecision:
    age = now - image.created
    stays = _must_stay(image, age, grace, run_succeeded=run_succeeded)
    if stays:
        return ImageDecision(image, Action.KEEP, stays)
    if image.state in BROKEN:
        return ImageDecision(image, Action.EXPIRE, f"it is {image.state}: nothing can be launched from it")
    if not image.finished:
        return ImageDecision(image, Action.EXPIRE, f"a run left it unfinished {_days(age)} ago")
    if newer < keep:
        return ImageDecision(image, Action.KEEP, f"one of the newest {keep} of {image.source} in {image.region}")
    return ImageDecision(image, Action.EXPIRE, f"{_days(age)} old; {newer} newer ones of {image.source} are available")


def _must_stay(image: HeldImage, age: timedelta, grace: timedelta, *, run_succeeded: bool) -> str:
    """Why it stays whatever the number; empty when nothing holds it."""
    if not run_succeeded:
        return "the backup run failed: nothing expires"
    if age < timedelta():
        return "it lies in the future: kept, and not counted"
    if not image.finished and age <= grace:
        return "unfinished; a run may still be at work on it"
    if image.finished and image.state not in (AVAILABLE, *BROKEN):
        return f"it is {image.state}: kept, and not counted"
    return what_holds(image)


def what_holds(image: HeldImage) -> str:
    """Why nobody may remove it now, whatever its age and state; empty when nothing holds it."""
    if image.protected:
        return f"protected: {image.protected}"
    if image.used_by:
        return f"in use by {image.used_by}"
    if image.held:
        return f"could not be removed before ({image.held}): remove the cause and the tag, and it is tried again"
    return ""


def _spare_the_last(decisions: list[ImageDecision]) -> list[ImageDecision]:
    """However unfinished, the only one that can be launched stays."""
    if any(item.image.usable for item in decisions if item.action is Action.KEEP):
        return decisions
    last = next((item for item in decisions if item.image.usable), None)
    if last is None:
        return decisions
    kept = ImageDecision(last.image, Action.KEEP, f"the last one of {last.image.source} that can be launched")
    return [kept if item is last else item for item in decisions]


def _days(age: timedelta) -> str:
    return f"{age.total_seconds() / 86400:.1f} days"

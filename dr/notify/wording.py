"""A notice in words: the same facts for every channel, as long as the channel bears."""

from __future__ import annotations

from dr.notify.protocol import Notice
from dr.policy.alert import Grade, Turn

SMS_CHARACTERS = 300
"""Two parts of a text message; what is longer comes late, in pieces, or not at all."""

_WORDS = {Turn.RESOLVE: "RESOLVED", Turn.ACKNOWLEDGE: "ACKNOWLEDGED"}


def title(notice: Notice) -> str:
    """One line: how grave, which system, what."""
    word = _WORDS.get(notice.turn, str(notice.alert.grade).upper())
    more = f" (and {notice.count - 1} more)" if notice.count > 1 else ""
    return f"{word} {notice.alert.system}: {notice.alert.summary}{more}"


def lines(notice: Notice) -> tuple[str, ...]:
    """What is wrong, since when, what is at risk, and the command to run. One fact per line."""
    alert = notice.alert
    found = [title(notice)]
    if alert.since is not None:
        found.append(f"Since: {alert.since:%Y-%m-%d %H:%M:%S} UTC")
    if notice.turn is Turn.RESOLVE:
        found.append(f"Over: {notice.at:%Y-%m-%d %H:%M:%S} UTC")
    if alert.risk and notice.turn is not Turn.RESOLVE:
        found.append(f"At risk: {alert.risk}")
    found += [f"{name}: {value}" for name, value in alert.facts]
    found += [f"Also: {other}" for other in notice.also]
    if alert.command and notice.turn is not Turn.RESOLVE:
        found.append(f"Run: {alert.command}")
    return tuple(found)


def text(notice: Notice) -> str:
    """All of it, for mail and chat."""
    return "\n".join(lines(notice))


def short(notice: Notice) -> str:
    """For a telephone: what and the command, cut where it would be too long. The command is never cut in the middle."""
    alert = notice.alert
    head = title(notice)
    tail = f" Run: {alert.command}" if alert.command and notice.turn is not Turn.RESOLVE else ""
    if len(head) + len(tail) <= SMS_CHARACTERS:
        return head + tail
    if len(tail) > SMS_CHARACTERS // 2:
        tail = " Run: dr assess"
    return head[: SMS_CHARACTERS - len(tail) - 1] + "…" + tail


def is_urgent(notice: Notice) -> bool:
    """Whether it wants attention now: neither a warning nor something that is over."""
    return notice.alert.grade is Grade.CRITICAL and notice.turn in (Turn.TRIGGER, Turn.UPDATE)

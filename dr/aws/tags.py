"""The tags by which we know our own images and snapshots: nothing without them is ever removed.

They tell a person in the console the same: which system, which backup, of which server, and whether it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

CREATED_BY = "coreflow360-dr:created-by"
SYSTEM = "coreflow360-dr:system"
LABEL = "coreflow360-dr:label"
SOURCE = "coreflow360-dr:source"
STATE = "coreflow360-dr:state"
IMAGE = "coreflow360-dr:image"
HELD = "coreflow360-dr:held"
US = "coreflow360-dr"
UNFINISHED = "unfinished"
FINISHED = "finished"
LAUNCH_TEST = "launch-test"
_REFUSED = re.compile(r"[^A-Za-z0-9 +=._:/@-]+")
_LONGEST = 200


def marks(system: str, label: str, source: str, state: str = UNFINISHED) -> dict[str, str]:
    """The tags of something new. ``source`` is the instance or database that it was made of."""
    return {
        CREATED_BY: US,
        SYSTEM: system,
        LABEL: label,
        SOURCE: source,
        STATE: state,
        "Name": f"{system} {source} {label}",
    }


def is_ours(tags: Mapping[str, str], system: str) -> bool:
    """Whether we made it, for this system."""
    return tags.get(CREATED_BY) == US and tags.get(SYSTEM) == system


def as_value(text: str) -> str:
    """Text made fit for a tag: the characters and the length that every service takes.

    >>> as_value("in use (ami-1), try again")
    'in use ami-1 try again'
    """
    return " ".join(_REFUSED.sub(" ", text).split())[:_LONGEST]


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As the services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_mapping(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """As the services give them."""
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or ()}


def filters(system: str, **more: str) -> list[dict[str, Any]]:
    """What is ours of one system, for a Describe call of EC2; ``more`` are filters such as ``state="available"``."""
    wanted = {f"tag:{CREATED_BY}": US, f"tag:{SYSTEM}": system} | {key.replace("_", "-"): v for key, v in more.items()}
    return [{"Name": name, "Values": [value]} for name, value in wanted.items()]

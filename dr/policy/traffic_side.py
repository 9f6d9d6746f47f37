"""The sides that requests can be led to."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """Where the product runs: as always, in the second region, or on what a full recovery has made."""

    PRIMARY = "primary"
    STANDBY = "standby"
    RECOVERED = "recovered"


class Destination(StrEnum):
    """What a person can ask for: a side, back to what there was before the last switch, or to stay there for good."""

    PRIMARY = "primary"
    STANDBY = "standby"
    RECOVERED = "recovered"
    BACK = "back"
    SETTLED = "settled"

"""Reading a state file: which state it is and how much is in it, never what the values are. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

_WHICH = re.compile(r"serial (?P<serial>\d+), lineage (?P<lineage>[^\s,]+)")
_BUILT_IN = 'provider["terraform.io/builtin/terraform"]'


class _Instance(msgspec.Struct):
    deposed: str = ""


class _Resource(msgspec.Struct):
    type: str
    mode: str = "managed"
    provider: str = ""
    instances: list[_Instance] = []


class _State(msgspec.Struct):
    version: int = 0
    terraform_version: str = ""
    serial: int = 0
    lineage: str = ""
    outputs: dict[str, msgspec.Raw] = {}
    resources: list[_Resource] = []
    encrypted_data: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """One state. ``instances`` counts what ``terraform state list`` shows, data sources included, ``types`` the same
    by type. ``encrypted``: OpenTofu wrote it so, and only its key tells what is in it."""

    serial: int
    lineage: str
    version: str
    outputs: int
    types: Mapping[str, int]
    built_in_only: bool
    encrypted: bool = False

    @property
    def instances(self) -> int:
        return sum(self.types.values())

    def described(self) -> str:
        """For people and for comparison: everything that is known of it, in one line."""
        found = f"serial {self.serial}, lineage {self.lineage}"
        if self.encrypted:
            return f"{found}, encrypted"
        types = ", ".join(f"{kind} {count}" for kind, count in sorted(self.types.items()))
        return f"{found}, version {self.version}, {self.outputs} outputs, resources: {types or 'none'}"


def gone_back(before: str, state: State) -> str:
    """What is odd about a state after the one that ``before`` describes; empty when it follows from it."""
    match = _WHICH.match(before)
    if match is None:
        return ""
    if match["lineage"] != state.lineage:
        return f"its lineage is {state.lineage}, and was {match['lineage']} in the last backup: it was begun anew"
    if int(match["serial"]) > state.serial:
        return (
            f"its serial is {state.serial}, and was {match['serial']} in the last backup: an older state was put back"
        )
    return ""


def never_written(data: bytes) -> bool:
    """Whether this is what the program prints where there is no state: nothing, or one without a lineage and content.

    >>> never_written(b'{"version": 4, "serial": 0, "lineage": "", "outputs": {}, "resources": []}')
    True
    """
    if not data.strip():
        return True
    try:
        found = msgspec.json.decode(data, type=_State)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return False
    return not (found.lineage or found.serial or found.resources or found.outputs or found.encrypted_data)


def parse_state(data: bytes) -> State:
    """Raises ValueError, with a reason that quotes nothing, on what is no state of format 4."""
    try:
        found = msgspec.json.decode(data, type=_State)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise ValueError("it is not the JSON of a state, or it is cut off") from None
    if not found.lineage:
        raise ValueError("it names no lineage")
    if found.encrypted_data:
        return State(found.serial, found.lineage, "", 0, {}, built_in_only=False, encrypted=True)
    if found.version != 4:
        raise ValueError(f"it is of format {found.version}, and only format 4 (Terraform 0.12 and later) is known")
    types: Counter[str] = Counter()
    for resource in found.resources:
        kind = resource.type if resource.mode == "managed" else f"data.{resource.type}"
        types[kind] += sum(not instance.deposed for instance in resource.instances)
    return State(
        found.serial,
        found.lineage,
        found.terraform_version,
        len(found.outputs),
        {kind: count for kind, count in types.items() if count},
        all(resource.provider == _BUILT_IN for resource in found.resources),
    )

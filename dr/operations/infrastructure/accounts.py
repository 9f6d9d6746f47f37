"""Reading what Terraform says in JSON: what a plan would do by address, what a run did, what went wrong. Pure.

Values are never looked at: they hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from dr.errors import InfrastructureError

LOCKED = "Error acquiring the state lock"
STALE = "Saved plan is stale"
UNDECLARED = "Value for undeclared variable"
_TAINTED = "replace_because_tainted"
_LOCK_LINE = re.compile(r"^\s*(ID|Operation|Who|Created):\s*(\S.*?)\s*$", re.MULTILINE)


class _Change(msgspec.Struct):
    actions: list[str] = []


class _Resource(msgspec.Struct):
    address: str
    change: _Change
    mode: str = "managed"
    deposed: str = ""
    action_reason: str = ""


class _Plan(msgspec.Struct):
    resource_changes: list[_Resource] = []
    errored: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """What a plan does, by address. ``remade``: those of ``replaces`` that a run which was cut off left half-made."""

    adds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    destroys: tuple[str, ...] = ()
    remade: tuple[str, ...] = ()

    def described(self) -> str:
        counts = (
            (len(self.adds), "to add"),
            (len(self.changes), "to change"),
            (len(self.replaces), "to replace"),
            (len(self.destroys), "to destroy"),
        )
        return ", ".join(f"{number} {what}" for number, what in counts if number) or "nothing to do"

    def beyond(self, agreed: Intent) -> tuple[str, ...]:
        """What is not covered by what was agreed to. What a run that died left half-made may be made once more."""
        replaced = set(agreed.replaces)  # cut off in the middle, one half of it is left
        allowed = {
            "add": (self.adds, {*agreed.adds, *replaced}),
            "change": (self.changes, set(agreed.changes)),
            "replace": (self.replaces, replaced | ({*agreed.adds, *agreed.changes} & set(self.remade))),
            "destroy": (self.destroys, {*agreed.destroys, *replaced}),
        }
        return tuple(f"{what} {one}" for what, (wanted, known) in allowed.items() for one in wanted if one not in known)


def parse_plan(output: str) -> Intent:
    """From ``show -json PLAN``. Raises ``InfrastructureError`` for what is no plan, or one that is not whole."""
    try:
        found = msgspec.json.decode(output.encode(), type=_Plan)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise InfrastructureError(
            "the plan cannot be read", "terraform show -json gives no plan", "Use Terraform 1.5 or newer, or OpenTofu."
        ) from None
    if found.errored:
        raise InfrastructureError("the plan is not whole", hint="Run terraform plan in the module: it says why.")
    sorted_out: dict[str, list[str]] = {"create": [], "update": [], "replace": [], "delete": []}
    remade = []
    for one in found.resource_changes:
        actions = set(one.change.actions)
        kind = "replace" if actions >= {"create", "delete"} else next(iter(actions & sorted_out.keys()), "")
        if one.mode != "managed" or not kind:
            continue
        sorted_out[kind].append(one.address)
        if kind == "replace" and one.action_reason == _TAINTED:
            remade.append(one.address)
    return Intent(
        adds=tuple(sorted_out["create"]),
        changes=tuple(sorted_out["update"]),
        replaces=tuple(sorted_out["replace"]),
        destroys=tuple(sorted_out["delete"]),
        remade=tuple(remade),
    )


class _Diagnostic(msgspec.Struct):
    severity: str = ""
    summary: str = ""
    detail: str = ""
    address: str = ""


class _Hook(msgspec.Struct):
    resource: dict[str, object] = {}
    action: str = ""


class _Line(msgspec.Struct):
    type: str = ""
    diagnostic: _Diagnostic | None = None
    hook: _Hook | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What a run said: errors by summary and address, the lock that stood in its way, what it has finished."""

    errors: tuple[str, ...] = ()
    lock: str = ""
    lock_id: str = ""
    done: tuple[str, ...] = ()

    def says(self, summary: str) -> bool:
        return any(error.startswith(summary) for error in self.errors)


def parse_account(output: str) -> Account:
    """From what ``-json`` printed, line by line. Only summaries are kept: a detail may quote a value."""
    errors: list[str] = []
    done: list[str] = []
    lock = lock_id = ""
    for line in _lines(output):
        found = line.diagnostic
        if found is not None and found.severity == "error":
            errors.append(found.summary[:300] + (f" ({found.address})" if found.address else ""))
            if found.summary == LOCKED:
                told = dict(_LOCK_LINE.findall(found.detail))
                lock_id = told.get("ID", "")
                lock = f"{told.get('Who', 'somebody')}: {told.get('Operation', '?')} since {told.get('Created', '?')}"
        elif line.type == "apply_complete" and line.hook is not None and line.hook.action != "delete":
            done.append(str(line.hook.resource.get("addr", "?")))
    return Account(tuple(dict.fromkeys(errors)), lock, lock_id, tuple(dict.fromkeys(done)))


def _lines(output: str) -> Iterator[_Line]:
    for text in output.splitlines():
        try:
            yield msgspec.json.decode(text.encode(), type=_Line)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue


class _Output(msgspec.Struct):
    value: object = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One output. ``values`` are its texts; none where it is sensitive, or is neither text nor a list of texts."""

    name: str
    values: tuple[str, ...] = ()
    sensitive: bool = False


def parse_outputs(output: str) -> tuple[Output, ...]:
    """From ``output -json``, by name."""
    try:
        found = msgspec.json.decode(output.encode(), type=dict[str, _Output])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise InfrastructureError(
            "the outputs of the infrastructure cannot be read", hint="Run terraform output -json in the module."
        ) from None
    return tuple(
        Output(name, () if one.sensitive else _texts(one.value), one.sensitive) for name, one in sorted(found.items())
    )


def _texts(value: object) -> tuple[str, ...]:
    many = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in many):
        return ()
    return tuple(str(one) for one in many)

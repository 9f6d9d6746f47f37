"""Reading the machine's account of a plan: how much would change, never to what. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

SAME = "no changes"


class _Changes(msgspec.Struct):
    add: int = 0
    change: int = 0
    remove: int = 0
    operation: str = ""


class _Diagnostic(msgspec.Struct):
    severity: str = ""
    summary: str = ""


class _Line(msgspec.Struct):
    type: str = ""
    changes: _Changes | None = None
    diagnostic: _Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """What a plan would do, and how many resources somebody has changed behind Terraform's back."""

    add: int = 0
    change: int = 0
    destroy: int = 0
    drifted: int = 0
    changes: bool = False
    error: str = ""

    def described(self) -> str:
        if self.error:
            return f"no plan: {self.error}"
        if not self.changes:
            return SAME
        return f"{self.add} to add, {self.change} to change, {self.destroy} to destroy, {self.drifted} drifted"


def parse_plan(status: int, output: str) -> Drift:
    """``status`` is that of ``plan -detailed-exitcode``, ``output`` what ``-json`` printed, line by line."""
    changes, drifted, errors = _Changes(), 0, []
    for text in output.splitlines():
        try:
            line = msgspec.json.decode(text.encode(), type=_Line)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
        if line.type == "change_summary" and line.changes is not None:
            changes = line.changes
        elif line.type == "resource_drift":
            drifted += 1
        elif line.diagnostic is not None and line.diagnostic.severity == "error":
            errors.append(line.diagnostic.summary)
    if status not in (0, 2):
        return Drift(error=errors[0][:200] if errors else f"exit status {status}")
    return Drift(changes.add, changes.change, changes.remove, drifted, changes=status == 2)

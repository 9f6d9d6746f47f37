"""The table of exit codes, made from the errors themselves so that it cannot say anything else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from dr import errors
from dr.errors import DrError

_UNDONE = "nothing half-made is listed"
_FIXED = {
    0: ("", "done, all of it", ""),
    1: ("DrError", "something that was not foreseen", "no"),
    2: ("", "the command line was not understood", ""),
    129: ("", f"the terminal was closed (SIGHUP); {_UNDONE}", "no"),
    130: ("Interrupted", f"Ctrl-C (SIGINT); {_UNDONE}", "no"),
    143: ("", f"SIGTERM; {_UNDONE}", "no"),
}
_AGAIN = {frozenset({True}): "yes", frozenset({False}): "no", frozenset({True, False}): "some"}


def rows() -> list[dict[str, object]]:
    """One row per code, in order. ``retried`` says whether the steps try again by themselves before they give up."""
    known = {code: _row(code, *texts) for code, texts in _FIXED.items()}
    for family in _families():
        members = _members(family)
        names = ", ".join(kind.__name__ for kind in members)
        named = family.__name__ + (f": {names}" if names else "")
        again = _AGAIN[frozenset(kind.retryable for kind in (members or [family]))]
        known.setdefault(family.exit_code, _row(family.exit_code, named, _first_sentence(family), again))
    return [known[code] for code in sorted(known)]


def markdown() -> str:
    """The same as a Markdown table."""
    lines = ["| code | error | meaning | retried by itself |", "|---|---|---|---|"]
    lines += [f"| {row['code']} | {row['error']} | {row['meaning']} | {row['retried']} |" for row in rows()]
    return "\n".join(lines) + "\n"


def _row(code: int, error: str, meaning: str, retried: str) -> dict[str, object]:
    return {"code": code, "error": error, "meaning": meaning, "retried": retried}


def _families() -> Iterator[type[DrError]]:
    """The classes that bring an exit code of their own."""
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, DrError) and "exit_code" in vars(kind):
            yield kind


def _members(family: type[DrError]) -> list[type[DrError]]:
    """The errors that share a family's code."""
    found = (kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, family))
    return [kind for kind in found if kind is not family and kind.exit_code == family.exit_code]


def _first_sentence(kind: type[DrError]) -> str:
    text = " ".join((kind.__doc__ or "").split("\n\n")[0].split()).rstrip(".")
    return text[:1].lower() + text[1:]

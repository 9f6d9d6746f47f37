"""Errors survive the trip between processes, and the drawing in their module is the truth."""

from __future__ import annotations

import copy
import importlib
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr import errors
from dr.errors import DrError

ROOT = Path(errors.__file__).parents[1]
_DRAWN = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+) *(?P<code>\d+)? +(?P<what>\S.*)$")


def _below(kind: type[DrError]) -> Iterator[type[DrError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def _every_error() -> tuple[type[DrError], ...]:
    """Every error class of the library, those outside ``dr.errors`` included."""
    names = "|".join(kind.__name__ for kind in _below(DrError))
    definition = re.compile(rf"^class \w+\((?:\w+\.)?(?:{names})\):", re.MULTILINE)
    for path in sorted(ROOT.glob("dr/**/*.py")):
        if definition.search(path.read_text(encoding="utf-8")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return tuple(kind for kind in _below(DrError) if kind.__module__.startswith("dr."))


EVERY_ERROR = _every_error()
IN_MODULE = tuple(kind for kind in EVERY_ERROR if kind.__module__ == errors.__name__)


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("duplicate", [lambda error: pickle.loads(pickle.dumps(error)), copy.deepcopy, copy.copy])
def test_every_error_pickles_and_copies_with_all_its_fields(kind, duplicate):
    """An error that crosses to another process arrives as itself, not as a TypeError in its place."""
    error = kind("what happened", "in detail", "what to do")

    arrived = duplicate(error)

    assert type(arrived) is kind
    assert (arrived.message, arrived.detail, arrived.hint) == ("what happened", "in detail", "what to do")
    assert str(arrived) == str(error)


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_fields_given_by_name_pickle_too(kind):
    """Whoever raises may name the fields."""
    arrived = pickle.loads(pickle.dumps(kind(message="what", hint="do")))

    assert (arrived.message, arrived.detail, arrived.hint) == ("what", "", "do")


def test_the_text_has_message_detail_and_hint_in_this_order():
    """As PostgreSQL's own errors do; empty fields leave no line."""
    assert str(DrError("it broke", "at byte 7", "use another")) == "it broke\nDETAIL: at byte 7\nHINT: use another"
    assert str(DrError("it broke", hint="use another")) == "it broke\nHINT: use another"
    assert str(DrError("it broke")) == "it broke"


def test_each_branch_has_an_exit_code_of_its_own():
    """A script can tell the branches apart; 0 (success) and 2 (command line) stay free."""
    branches = [kind for kind in DrError.__subclasses__() if kind.__module__ == errors.__name__]
    codes = [kind.exit_code for kind in branches]

    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2} & set(codes)
    assert all(code < 126 or code == 130 for code in codes)  # the shell keeps 126 to 165 for itself; 130 is Ctrl-C


def test_a_subclass_exits_as_its_branch_does():
    """The exit code says which part is at fault; the finer kind is told in words."""
    for branch in DrError.__subclasses__():
        assert {kind.exit_code for kind in _below(branch)} == {branch.exit_code}


def test_the_drawing_in_the_docstring_is_the_truth():
    """Names, parents, exit codes, and which may be tried again."""
    drawn: dict[str, tuple[str, int, bool]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = _DRAWN.match(line.removeprefix("    "))
        if match is None or not hasattr(errors, match["name"]):
            continue
        depth = len(match["branch"]) // 4
        parent = above[depth - 1] if depth else "Exception"
        above[depth:] = [match["name"]]
        code = int(match["code"]) if match["code"] else drawn[parent][1]
        drawn[match["name"]] = (parent, code, "(retryable)" in match["what"])

    real = {kind.__name__: (kind.__bases__[0].__name__, kind.exit_code, kind.retryable) for kind in IN_MODULE}

    assert drawn == real


def test_only_what_may_pass_by_itself_is_retryable():
    """A wrong key, a full disk or a damaged object is not better the second time."""
    retryable = {kind.__name__ for kind in EVERY_ERROR if kind.retryable}

    assert retryable == {
        "ServerUnreachable",
        "SourceBusy",
        "PipelineError",
        "StoreUnavailable",
        "LeftBehind",
        "NotAnswering",
        "NotDelivered",
    }

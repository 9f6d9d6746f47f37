"""What Terraform says in JSON, read without a look at any value."""

from __future__ import annotations

import json

import pytest

from dr.errors import InfrastructureError
from dr.operations.infrastructure.accounts import Intent, Output, parse_account, parse_outputs, parse_plan

HUSH = "made-up-and-secret"


def plan(*resources: tuple[str, list[str], str], **more: object) -> str:
    """As ``show -json`` prints it."""
    changes = [
        {
            "address": address,
            "mode": "data" if address.startswith("data.") else "managed",
            "change": {"actions": actions, "before": {"token": HUSH}, "after": {"token": HUSH}},
            "action_reason": reason,
        }
        for address, actions, reason in resources
    ]
    return json.dumps({"format_version": "1.2", "resource_changes": changes} | more)


def test_every_kind_of_change_is_sorted_by_address() -> None:
    """What is only read, and what stays, is none; both orders of a replacement are one."""
    found = parse_plan(
        plan(
            ("a.new", ["create"], ""),
            ("a.other", ["update"], ""),
            ("a.first", ["delete", "create"], "replace_because_cannot_update"),
            ("a.half", ["create", "delete"], "replace_because_tainted"),
            ("a.gone", ["delete"], ""),
            ("a.same", ["no-op"], ""),
            ("data.a.b", ["read"], ""),
        )
    )

    assert found == Intent(("a.new",), ("a.other",), ("a.first", "a.half"), ("a.gone",), ("a.half",))
    assert found.described() == "1 to add, 1 to change, 2 to replace, 1 to destroy"
    assert Intent().described() == "nothing to do"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"resource_changes": [{}]}', plan(errored=True)])
def test_what_is_no_whole_plan_is_refused(text: str) -> None:
    """It is never taken for one that does nothing."""
    with pytest.raises(InfrastructureError, match="the plan"):
        parse_plan(text)


AGREED = Intent(adds=("a", "b"), changes=("c",), replaces=("r",), destroys=("d",))


@pytest.mark.parametrize(
    ("left", "beyond"),
    [
        (Intent(), ()),
        (AGREED, ()),
        (Intent(adds=("b",)), ()),
        (Intent(replaces=("b",), remade=("b",)), ()),
        (Intent(adds=("r",)), ()),
        (Intent(destroys=("r",)), ()),
        (Intent(adds=("x",)), ("add x",)),
        (Intent(changes=("a",)), ("change a",)),
        (Intent(replaces=("b",)), ("replace b",)),
        (Intent(replaces=("x",), remade=("x",)), ("replace x",)),
        (Intent(destroys=("a",)), ("destroy a",)),
        (Intent(destroys=("c", "d")), ("destroy c",)),
    ],
)
def test_what_is_left_is_held_against_what_was_agreed_to(left: Intent, beyond: tuple[str, ...]) -> None:
    """Only what a run of ours left half-made may be made once more."""
    assert left.beyond(AGREED) == beyond


def test_an_error_is_told_by_its_summary_and_address_and_not_by_its_detail() -> None:
    """A detail may quote a value. Of a lock, who holds it is told."""
    lock = "Error: x\nLock Info:\n  ID:        1f2e\n  Path:      p\n  Operation: OperationTypeApply\n  Who:   "
    lines = (
        {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old"}},
        {"type": "apply_complete", "hook": {"action": "create", "resource": {"addr": "a.b"}}},
        {"type": "apply_complete", "hook": {"action": "delete", "resource": {"addr": "a.c"}}},
        {"diagnostic": {"severity": "error", "summary": "no quota", "detail": HUSH, "address": "a.d"}},
        {
            "diagnostic": {
                "severity": "error",
                "summary": "Error acquiring the state lock",
                "detail": lock + "ann@host\n  Created:   today\n",
            }
        },
    )

    found = parse_account("not JSON\n" + "\n".join(json.dumps(line) for line in lines))

    assert found.errors == ("no quota (a.d)", "Error acquiring the state lock")
    assert found.done == ("a.b",)
    assert (found.lock, found.lock_id) == ("ann@host: OperationTypeApply since today", "1f2e")
    assert HUSH not in str(found)


def test_outputs_are_text_or_a_name_alone() -> None:
    """Numbers are text; what is sensitive or no list of texts has no value here."""
    said = {
        "host": {"value": "192.0.2.1", "sensitive": False},
        "port": {"value": 443},
        "many": {"value": ["a", "b"]},
        "map": {"value": {"a": "b"}},
        "flag": {"value": True},
        "nothing": {"value": None},
        "token": {"value": HUSH, "sensitive": True},
    }

    found = parse_outputs(json.dumps(said))

    assert {one.name: one.values for one in found if one.values} == {
        "host": ("192.0.2.1",),
        "port": ("443",),
        "many": ("a", "b"),
    }
    assert Output("token", (), sensitive=True) in found
    assert HUSH not in str(found)
    with pytest.raises(InfrastructureError):
        parse_outputs("{")

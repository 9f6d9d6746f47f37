"""The host that could decrypt is gone with its key ring: the key from the safe opens everything; nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.lost_host import AFTER, BEFORE, Host, LostHost
from tests.scenarios.machine import machine


@dataclass(frozen=True, slots=True)
class Opened:
    """What happened without the key, with the key and a wrong passphrase, and with both."""

    host: Host
    without: dict[str, Any]
    mistyped: dict[str, Any]
    left: list[str]
    led: str
    answer: dict[str, Any]


@pytest.fixture(scope="module")
def opened(lost: LostHost) -> Iterator[Opened]:
    """Three attempts on one host, each going on with the one before."""
    with machine(lost.port) as there:
        host = lost.host("keyless", there)
        file = host.home / "dr.toml"
        whole = file.read_text()
        file.write_text(re.sub(r"(?m)^(secret_key_file|passphrase_file) = .*\n", "", whole))
        without = host.recover(code=8)
        wrong = host.home / "mistyped"
        wrong.write_text("not the passphrase of this key")
        file.write_text(whole.replace(str(lost.passphrase_file), str(wrong)))
        mistyped = host.recover(code=8)
        production: Path = lost.product.place.production
        left = [path.name for path in production.iterdir()] if production.exists() else []
        led = lost.leads_to()
        file.write_text(whole)
        yield Opened(host, without, mistyped, left, led, host.recover())


@pytest.mark.slow
@pytest.mark.incident("I21")
def test_without_the_key_it_says_so_and_leaves_nothing_behind(opened: Opened) -> None:
    """Exit code 8, by whatever part met it first; nothing is laid out, and nothing leads here."""
    assert opened.without["error"]["type"] == "KeyUnusable"
    assert opened.mistyped["error"]["type"] == "KeyUnusable"
    assert (opened.left, opened.led) == ([], BEFORE)


@pytest.mark.slow
@pytest.mark.incident("I21")
def test_the_key_from_the_safe_and_its_passphrase_are_enough(opened: Opened, lost: LostHost) -> None:
    """The same run goes on, and all of it comes back."""
    missing = opened.host.missing()
    problems = {kind: found.problems for kind, found in opened.host.compared().items()}

    assert opened.answer["outcome"]["resumed"]
    assert {order.reference for order in missing} <= {order.reference for order in lost.acknowledged[lost.shipped :]}
    assert problems == dict.fromkeys(problems, ())
    assert lost.leads_to() == AFTER


@pytest.mark.slow
def test_the_passphrase_is_nowhere_but_in_its_file(opened: Opened, lost: LostHost) -> None:
    """Not in an answer, a journal, a record or an incident."""
    secret = lost.passphrase_file.read_bytes()
    kept = [
        path for path in opened.host.state().rglob("*") if path.is_file() and path.suffix in (".json", ".jsonl", ".md")
    ]

    assert kept
    assert not [path for path in kept if secret in path.read_bytes()]
    assert secret.decode() not in str(opened.answer) + str(opened.mistyped)

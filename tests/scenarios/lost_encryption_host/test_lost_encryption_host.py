"""The host that could decrypt is gone with its key ring: the key from the safe opens everything; nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.lost_host import Host, LostHost
from tests.scenarios.machine import machine
from tests.scenarios.surroundings import AFTER, BEFORE, TTL_SECONDS

TO_POINT = "--to-point"
pytestmark = pytest.mark.timeout(900)  # whoever is the first waits for all of it


@dataclass(frozen=True, slots=True)
class Opened:
    """What happened without the key, with the key and a wrong passphrase, and with both.

    ``led`` is where the name led meanwhile, by Cloudflare's account, and ``leads`` where it leads in the end, each with
    its time to live; ``purges`` are those of its cache.
    """

    host: Host
    without: dict[str, Any]
    mistyped: dict[str, Any]
    left: list[str]
    led: list[tuple[str, int]]
    answer: dict[str, Any]
    leads: list[tuple[str, int]]
    purges: list[dict[str, Any]]


@pytest.fixture(scope="module")
def opened(lost: LostHost) -> Iterator[Opened]:
    """Three attempts on one host, each going on with the one before; its name and its cache are Cloudflare's."""
    around = lost.around
    with machine(lost.port, *around.ports) as there:
        host = lost.host("keyless", there, **around.led_by_cloudflare())
        file = host.home / "dr.toml"
        whole = file.read_text()
        file.write_text(re.sub(r"(?m)^(secret_key_file|passphrase_file) = .*\n", "", whole))
        without = host.recover(TO_POINT, code=8)
        wrong = host.home / "mistyped"
        wrong.write_text("not the passphrase of this key")
        file.write_text(whole.replace(str(lost.passphrase_file), str(wrong)))
        mistyped = host.recover(TO_POINT, code=8)
        production: Path = lost.product.place.production
        left = [path.name for path in production.iterdir()] if production.exists() else []
        led = around.at_cloudflare()
        assert around.flare.purges() == []
        file.write_text(whole)
        answer = host.recover(TO_POINT)
        yield Opened(host, without, mistyped, left, led, answer, around.at_cloudflare(), around.flare.purges())


@pytest.mark.slow
@pytest.mark.incident("I21")
def test_without_the_key_it_says_so_and_leaves_nothing_behind(opened: Opened) -> None:
    """Exit code 8, by whatever part met it first; nothing is laid out, and nothing leads here."""
    assert opened.without["error"]["type"] == "KeyUnusable"
    assert opened.mistyped["error"]["type"] == "KeyUnusable"
    assert (opened.left, opened.led) == ([], [(BEFORE, TTL_SECONDS)])


@pytest.mark.slow
@pytest.mark.incident("I21")
def test_the_key_from_the_safe_and_its_passphrase_are_enough(opened: Opened, lost: LostHost) -> None:
    """The same run goes on, and all of it comes back."""
    problems = {kind: found.problems for kind, found in opened.host.compared().items()}

    assert opened.answer["outcome"]["resumed"]
    assert opened.host.there()
    assert problems == dict.fromkeys(problems, ())


@pytest.mark.slow
def test_to_point_stops_the_database_where_everything_is_of_one_moment(opened: Opened, lost: LostHost) -> None:
    """Every order before the recovery point, and none that the WAL behind it still has."""
    assert opened.answer["outcome"]["point"] == lost.newest.label
    assert lost.newest.until < lost.shipped
    assert lost.newest.fits(lost.acknowledged, opened.host.there())


@pytest.mark.slow
def test_the_name_and_the_cache_at_cloudflare_follow(opened: Opened) -> None:
    """The record leads here with a short time to live; the cache is emptied once, of everything."""
    switched = opened.answer["outcome"]["switched"]

    assert opened.leads == [(AFTER, 60)]
    assert opened.purges == [{"purge_everything": True}]
    assert [line.partition(":")[0] for line in switched] == ["dns", "cdn"]


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

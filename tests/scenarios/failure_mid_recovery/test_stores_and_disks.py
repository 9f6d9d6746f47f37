"""A store that dies while everything is fetched from it, one whose credentials are gone, and a disk that fills up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dr.configuration.model import StoreSettings
from tests.endpoints.faulty import Faulty, Rule, faulty
from tests.scenarios.lost_host import AFTER, BEFORE, Host, LostHost
from tests.scenarios.machine import machine


@pytest.fixture(scope="module")
def proxy(lost: LostHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """What stands before the first of two stores; the second is the bucket itself."""
    with faulty(tmp_path_factory.mktemp("proxy"), lost.amazon.url) as found:
        yield found


def port_of(proxy: Faulty) -> int:
    """Where the machine's gate leads to it."""
    port = urlsplit(proxy.url).port
    assert port is not None
    return port


def two_stores(lost: LostHost, proxy: Faulty) -> tuple[StoreSettings, StoreSettings]:
    """The same copies under two names."""
    first = replace(lost.cloud, name="first", endpoint_url=proxy.url)
    return first, replace(lost.cloud, name="second")


@pytest.mark.slow
@pytest.mark.incident("I10")
def test_a_store_that_dies_in_the_midst_is_replaced_by_the_next(lost: LostHost, proxy: Faulty) -> None:
    """It breaks off in the archive of the database and answers nothing any more; what it cost is said."""
    proxy.rules()
    with machine(lost.port, port_of(proxy)) as there:
        host = lost.host("midst", there, stores=two_stores(lost, proxy))
        proxy.rules(
            Rule(r"^GET .*base\.tar\.zst\.gpg", cut_after=4096),
            Rule(r"^GET .*(files-packs|/wal/)", status=403, answer=_denied()),
        )
        answer = host.recover()
        missing = host.missing()
        problems = {kind: found.problems for kind, found in host.compared().items()}
    outcome = answer["outcome"]

    assert {order.reference for order in missing} <= {order.reference for order in lost.acknowledged[lost.shipped :]}
    assert problems == dict.fromkeys(problems, ())
    assert {part["name"]: part["store"] for part in outcome["parts"]}["database"] == "second"
    assert any("first" in note for note in outcome["notes"]), outcome["notes"]


@pytest.mark.incident("I10")
def test_without_the_credentials_of_the_first_account_the_second_store_is_enough(lost: LostHost, proxy: Faulty) -> None:
    """The plan is drawn up from what answers, and says which store did not."""
    proxy.rules()
    with machine(lost.port, port_of(proxy)) as there:
        host = lost.host("removed", there, stores=two_stores(lost, proxy))
        proxy.rules(Rule(".*", status=403, answer=_denied()))
        ended = host.dr("full-recovery", "--dry-run")

    assert ended.returncode == 0, ended.stderr
    assert '"second"' in ended.stdout
    assert '"first"' not in ended.stdout.partition('"words"')[0]


def _denied() -> str:
    return "<?xml version='1.0'?><Error><Code>InvalidAccessKeyId</Code><Message>It is gone.</Message></Error>"


@contextmanager
def small_disk(place: Path, kib: int) -> Iterator[None]:
    """A file system of its own at that place."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0700", "small", str(place)), check=False)
    if done.returncode:
        pytest.skip("not applicable: this machine does not let its root mount a file system")
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(place)), check=True)


def enlarge(place: Path) -> None:
    """Somebody made room."""
    subprocess.run(("mount", "-o", "remount,size=512m", str(place)), check=True)


@pytest.mark.slow
def test_a_disk_that_fills_up_is_said_and_when_there_is_room_it_goes_on(lost: LostHost) -> None:
    """The database does not fit: exit code and message are a full disk's. Nothing leads here before it is well."""
    with machine(lost.port) as there:
        host = lost.host("full", there)
        data = lost.product.place.production
        with small_disk(data, 8192):
            full = host.dr("full-recovery", "--confirm", host.system.name)
            led = lost.leads_to()
            enlarge(data)
            status = host.dr("full-recovery", "--status")
            answer = host.recover()
            missing = host.missing()
            _end(host)
            led_after = lost.leads_to()
    again = {phase["name"] for phase in answer["outcome"]["phases"]}

    assert full.returncode == 7, full.stdout[-2000:] + full.stderr[-2000:]
    assert "no space" in full.stdout.lower() or "full" in full.stdout.lower()
    assert '"state": "FAILED"' in status.stdout
    assert (led, led_after) == (BEFORE, AFTER)
    assert {order.reference for order in missing} <= {order.reference for order in lost.acknowledged[lost.shipped :]}
    assert answer["outcome"]["resumed"]
    assert {"database", "restore files"} <= again


def _end(host: Host) -> None:
    host.lost.clear_services()

"""The status page: told once, updated after, and never a reason to fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.configuration.procedures.status_page import StatusPageSettings
from dr.notify.status_page import Announcement, Impact, Stage, tell_status_page
from dr.secret import Secret
from tests.contracts.traffic_subjects import system_with
from tests.endpoints.faulty import Rule, faulty
from tests.endpoints.statuspage import Statuspage

OUTAGE = Announcement("incident_20260101_030000", "Shop is down", "We are looking into it.", impact=Impact.CRITICAL)


def telling(page: Statuspage, **changes: object) -> System:
    """A system whose page it is."""
    settings = StatusPageSettings(url=page.url, page=page.page, token=page.token, components=("ftgks51sfs2d",))
    return system_with(Path("/nowhere"), status_page=replace(settings, **changes))  # type: ignore[arg-type]


def test_an_incident_is_opened_once_updated_and_resolved(page: Statuspage) -> None:
    """By its reference, by whichever process: the first tells, the others add to it."""
    system = telling(page)

    first = tell_status_page(system, OUTAGE)
    again = tell_status_page(system, OUTAGE)
    restoring = replace(OUTAGE, text="We restore from a backup.", stage=Stage.IDENTIFIED)
    tell_status_page(system, restoring)
    over = tell_status_page(system, replace(OUTAGE, text="All is well.", stage=Stage.RESOLVED))

    (incident,) = page.incidents()
    assert first.done
    assert first.address == incident["shortlink"]
    assert first.incident == again.incident == over.incident == incident["id"]
    assert [one["status"] for one in incident["incident_updates"]] == ["resolved", "identified", "investigating"]
    assert again.described() == f"status page: says so already ({incident['shortlink']})"
    assert incident["components"] == {"ftgks51sfs2d": "operational"}
    assert incident["impact_override"] == "critical"


def test_another_incident_is_another(page: Statuspage) -> None:
    """One that a person opened by hand is not taken for ours; what was resolved is not opened by resolving."""
    system = telling(page)
    tell_status_page(system, OUTAGE)
    tell_status_page(system, replace(OUTAGE, reference="incident_20260102_040000", title="Again"))

    nothing = tell_status_page(system, replace(OUTAGE, reference="incident_3", stage=Stage.RESOLVED))

    assert [one["name"] for one in page.incidents()] == ["Again", "Shop is down"]
    assert nothing.done
    assert "none was resolved" in nothing.detail


def test_a_page_that_fails_is_told_of_and_fails_nothing(page: Statuspage, tmp_path: Path) -> None:
    """A wrong key, an address without anybody, an answer that is no JSON, no key at all: returned, with its words."""
    wrong = Secret("not-the-key-at-all")

    refused = tell_status_page(telling(page, token=wrong), OUTAGE)
    silent = tell_status_page(telling(page, url="http://127.0.0.1:9/v1"), OUTAGE)
    keyless = tell_status_page(telling(page, token=None), OUTAGE)
    with faulty(tmp_path, page.url.removesuffix("/v1")) as proxy:
        proxy.rules(Rule("unresolved", status=200, answer="<html>"))
        odd = tell_status_page(telling(page, url=proxy.url + "/v1"), OUTAGE)

    assert not any(one.done for one in (refused, silent, keyless, odd))
    assert all(one.wanted for one in (refused, silent, keyless, odd))
    assert "Could not authenticate" in refused.detail
    assert wrong.reveal() not in refused.detail
    assert "does not answer" in silent.detail
    assert "status_page.token" in keyless.detail
    assert "status_page.url" in odd.detail
    assert refused.described().startswith("status page: NOT told: ")
    assert page.incidents() == []


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ALL_PROXY", "socks4://127.0.0.1:9", "ValueError"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "FileNotFoundError"),
        ("SSL_CERT_FILE", __file__, "SSLError"),
    ],
)
def test_an_environment_in_which_no_request_can_be_made_stops_nobody(
    page: Statuspage, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """A proxy that is not understood, certificates that are not there: told, with where to look."""
    monkeypatch.setenv(variable, value)

    told = tell_status_page(telling(page, url="https://status.invalid/v1"), OUTAGE)

    assert not told.done
    assert words in told.detail
    assert variable in told.detail


@pytest.mark.parametrize(
    "token", ["", "made-up-key\n", " made-up-key", "made-\x00up-key", "schl\u00fcssel-made-up-key"]
)
def test_what_cannot_be_a_token_is_refused_and_never_shown(page: Statuspage, token: str) -> None:
    """Whoever speaks HTTP quotes the header that it cannot send."""
    told = tell_status_page(telling(page, token=Secret(token)), OUTAGE)

    assert not told.done
    assert "status_page.token is no token" in told.detail
    assert "made-" not in told.detail
    assert page.incidents() == []


def test_an_answer_that_cannot_be_unpacked_and_a_defect_of_ours_stop_nobody(page: Statuspage, tmp_path: Path) -> None:
    """It says that it is compressed, and is not; and an address that even its check cannot take apart."""
    with faulty(tmp_path, page.url.removesuffix("/v1")) as proxy:
        proxy.rules(Rule("unresolved", status=200, answer="[]", headers={"Content-Encoding": "gzip"}))
        odd = tell_status_page(telling(page, url=proxy.url + "/v1"), OUTAGE)
    broken = tell_status_page(telling(page, url="https://[status/v1"), OUTAGE)

    assert "DecodingError" in odd.detail
    assert "ValueError" in broken.detail
    assert not odd.done
    assert not broken.done


def test_an_answer_that_was_lost_does_not_open_a_second_incident(page: Statuspage, tmp_path: Path) -> None:
    """The page did it and the connection broke; whoever tells again updates that one."""
    with faulty(tmp_path, page.url.removesuffix("/v1")) as proxy:
        proxy.rules(Rule("^POST", cut_after=5, times=1))
        system = telling(page, url=proxy.url + "/v1")

        lost = tell_status_page(system, OUTAGE)
        told = tell_status_page(system, OUTAGE)

    assert not lost.done
    assert told.done
    assert len(page.incidents()) == 1


def test_without_a_page_nobody_is_told_and_that_is_said() -> None:
    """It is not a failure."""
    told = tell_status_page(system_with(Path("/nowhere"), status_page=StatusPageSettings()), OUTAGE)

    assert not told.wanted
    assert told.described() == "status page: none is configured"

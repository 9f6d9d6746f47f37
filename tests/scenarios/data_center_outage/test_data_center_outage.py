"""The first region is lost: nothing that was shipped is, nobody writes twice, and the way back loses nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dr.demo.journal import Row
from dr.evidence.journal import read_journal, unfinished
from dr.operations.incident.find import incidents
from dr.postgres.following import PASSWORDS
from tests.scenarios.data_center_outage.conftest import MIDST, Played
from tests.scenarios.killings import BEGIN, DONE, END, Killings
from tests.scenarios.killings import MIDST as IN_MIDST
from tests.scenarios.product_writer import Order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # many processes, one after the other

FAILOVER_STEPS = (
    "fence the first region",
    "replay what the stores have",
    "claim the timeline",
    "promote the second region",
    "begin the application",
    "plan the traffic",
    "switch the traffic",
    "verify the second region",
    "measure the loss",
    "keep its WAL",
    "back up the second region",
)
RETURN_STEPS = (
    "keep the old server out",
    "list what only it has",
    "rebuild it as a replica",
    "start the replica",
    "wait until it has caught up",
    "plan the traffic",
    "claim the timeline",
    "end the application",
    "wait until it is level",
    "hand over",
    "promote the first region",
    "begin the application",
    "switch the traffic",
    "verify the first region",
    "keep its WAL",
    "let the second region follow",
)


def missing(orders: Iterable[Order], there: frozenset[Row]) -> list[str]:
    """The orders of which not every row is there as it was."""
    return [order.reference for order in orders if not there.issuperset(order.rows)]


def among(steps: tuple[str, ...], wanted: Iterable[str]) -> tuple[str, ...]:
    """Those of the steps that are among the wanted ones, in their order."""
    return tuple(step for step in steps if step in set(wanted))


def told(killed: Killings, table: str, what: str) -> list[str]:
    """The details of all rows of that name."""
    return [str(row["detail"]) for row in killed.tables[table] if row["what"] == what]


def lines(answer: dict[str, Any]) -> str:
    """What a look has seen."""
    return "\n".join(row["seen"] for row in answer["region-look"])


def test_a_look_changes_nothing_and_doubts_an_outage_of_a_server_that_answers(played: Played) -> None:
    """Whoever runs it by mistake is asked whether this is really an outage."""
    assert "takes writes, timeline 1" in lines(played.seen)
    assert "Is this really an outage?" in lines(played.seen)


@pytest.mark.incident("I4")
def test_without_consent_nothing_is_touched(played: Played) -> None:
    """Nobody typed the system's name, and there was nobody to ask."""
    assert played.unasked["error"]["type"] == "TargetRefused"
    assert "nothing was touched" in played.unasked["error"]["detail"]


def test_cut_off_from_a_living_region_nothing_is_promoted(played: Played) -> None:
    """That nobody answers is no proof: it may be us who are cut off."""
    error = played.cut_off["error"]

    assert error["type"] == "NotFenced"
    assert "nothing proves" in error["detail"]
    assert "it may be us who are cut off" in lines(played.cut_off)
    assert played.before.standby
    assert played.before.timeline == 1


def test_a_persons_word_does_not_stand_against_wal_that_comes_in(played: Played) -> None:
    """Somebody says that the first region is off, and it goes on shipping."""
    error = played.vouched["error"]

    assert error["type"] == "NotFenced"
    assert "the server that sends it is alive" in error["detail"]
    assert "nobody's word lifts it" in error["hint"]


@pytest.mark.incident("I10")
def test_every_acknowledged_order_that_was_shipped_survives(played: Played) -> None:
    """From the replica and one store elsewhere: what the line had not carried any more was replayed from the store."""
    assert len(played.shipped) > len(played.streamed)
    assert missing(played.shipped, played.there) == []


def test_what_is_lost_was_never_shipped_and_is_told(played: Played) -> None:
    """The loss is measured, and no more than the seconds since the receiver had gone."""
    lost = missing(played.late, played.there)
    rpo = played.over.tables["region-failover"][1]["detail"]

    assert lost
    seconds = re.match(r"(\d+\.\d) s of 1800 s", rpo)
    assert seconds
    assert float(seconds[1]) < 60


def test_the_replica_was_given_what_only_the_store_had(played: Played) -> None:
    """More than nothing came from the cloud."""
    (text,) = told(played.over, "region-failover", "from the stores")

    assert int(text.split()[0]) > 0


def test_the_second_region_takes_writes_on_a_timeline_of_its_own(played: Played) -> None:
    """And says so of itself."""
    assert not played.promoted.standby
    assert played.promoted.timeline == 2


@pytest.mark.incident("I8")
def test_the_outage_is_within_its_objectives(played: Played) -> None:
    """An hour to recover, half an hour to lose."""
    rto, rpo = played.over.tables["region-failover"][:2]

    assert (rto["what"], rto["good"]) == ("RTO", "yes")
    assert (rpo["what"], rpo["good"]) == ("RPO", "yes")


def test_the_new_primary_is_verified_and_backed_up(played: Played) -> None:
    """Application and database answered, and there is a base backup on the new timeline."""
    answers = {row["what"]: row["good"] for row in played.over.tables["region-failover"]}
    (label,) = told(played.over, "region-failover", "backup")

    assert answers["database is writable"] == answers["rows"] == "passed"
    assert any(what.startswith("application http") and good == "passed" for what, good in answers.items())
    shown = played.regions.dr(played.regions.second, "show", label)
    assert "timeline" in str(shown)


def test_a_failover_killed_in_every_step_ends_as_if_nothing_had_happened(played: Played) -> None:
    """At its begin, when it was done and the journal did not know, and at its end; some also in their midst."""
    system = played.regions.second

    assert played.over.status == 0, played.over.said[-5000:]
    assert played.over.steps(BEGIN) == played.over.steps(DONE) == played.over.steps(END) == FAILOVER_STEPS
    assert played.over.steps(IN_MIDST) == among(FAILOVER_STEPS, MIDST)
    assert not unfinished(system.state_directory / "procedures" / system.name, "region-failover", system.name)


def test_no_step_that_had_ended_was_done_again_but_the_proofs(played: Played) -> None:
    """In the journal each ends once; the fence and the replay were proven anew as long as nobody was promoted."""
    system = played.regions.second
    (journal,) = (system.state_directory / "procedures" / system.name).glob("region-failover_*")
    ended = [event.step for event in read_journal(journal) if event.what == "end"]

    proofs = FAILOVER_STEPS[:2]
    assert [step for step in ended if step not in proofs] == list(FAILOVER_STEPS[2:])
    assert ended.count(proofs[0]) > 1
    assert not set(proofs) & set(ended[ended.index("promote the second region") :])


def test_the_old_servers_host_refuses_to_start_it(played: Played) -> None:
    """Asked before it starts, it says that another was promoted."""
    error = played.may_start["error"]

    assert error["type"] == "NotFenced"
    assert "timeline 2" in error["detail"]


def test_an_old_server_that_is_back_is_recognised_as_the_older_one(played: Played) -> None:
    """Both take writes then, and it is said which of them must not be let in."""
    assert "both take writes" in lines(played.returned)
    assert "the first region's server" in lines(played.returned).rpartition("both take writes: ")[2]


def test_its_diverged_transactions_are_listed_with_their_times(played: Played) -> None:
    """What was never shipped and what it took after its return: counted, and between which times."""
    (text,) = told(played.back, "region-failback", "only it had")
    lost = missing((*played.late, *played.astray), played.there)
    count = int(text.split()[0])

    assert count >= len(lost) > len(played.astray)
    assert "committed from 20" in text
    assert len(told(played.back, "region-failback", "transaction")) == 20


def test_its_diverged_data_is_kept(played: Played) -> None:
    """A copy of its whole directory lies beside it, with every row that is in nobody else's data."""
    production = played.regions.product.place.production
    copies = [
        path for path in production.parent.glob(f"{production.name}_diverged_*") if (path / "PG_VERSION").exists()
    ]

    assert len(copies) == 1
    assert missing(played.astray, played.kept) == []
    assert missing(played.late, played.kept) == []


def test_the_way_back_loses_nothing(played: Played) -> None:
    """All that the second region had is in the first, which is in charge again."""
    (equal,) = told(played.back, "region-failback", "nothing lost")

    assert played.at_last == played.there
    assert played.first.timeline == 3
    assert not played.first.standby
    assert equal.startswith("both servers had all WAL up to")


def test_the_side_left_behind_follows_again(played: Played) -> None:
    """As before the disaster: a standby that streams, along the new timeline."""
    assert played.second.standby
    assert played.second.streaming
    assert played.second.timeline == 3


def test_a_return_killed_in_every_step_ends_the_same(played: Played) -> None:
    """Also when rewinding, handing over and promoting were done, and the journal did not know."""
    assert played.back.status == 0, played.back.said[-5000:]
    assert played.back.steps(BEGIN) == played.back.steps(DONE) == played.back.steps(END) == RETURN_STEPS
    assert played.back.steps(IN_MIDST) == among(RETURN_STEPS, MIDST)


def test_the_rebuilt_server_keeps_its_own_settings(played: Played) -> None:
    """pg_rewind brings the other's port and addresses along; they are put back."""
    place = played.regions.product.place

    assert f"port = {place.port}" in (place.production / "postgresql.conf").read_text()
    assert not (place.production / PASSWORDS).exists()


def test_all_of_it_is_one_incident(played: Played) -> None:
    """With the approvals, the runs that were cut off, and what was measured."""
    assert len(incidents(played.regions.second)) == 1


def test_no_password_is_told_anywhere(played: Played) -> None:
    """Neither in journals, incidents and answers nor in the server's own settings."""
    state: Path = played.regions.second.state_directory
    texts = [file.read_text(errors="replace") for file in state.rglob("*.jsonl")]
    texts += [played.over.said, played.back.said, str(played.over.tables), str(played.back.tables)]
    texts += [(played.regions.standby_directory / "postgresql.auto.conf").read_text()]

    for url in played.regions.product.place.urls.values():
        password = url.reveal().split("://")[1].split("@")[0].split(":")[1]
        assert not [text for text in texts if password in text]

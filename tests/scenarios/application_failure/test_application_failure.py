"""The application is killed, hangs, gets a release that does not come, loses what it needs; the customer loses nothing.

One product, and on it one disaster per test; each is over, and the customer orders again, when its test ends.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dr.evidence.application_outcome import Attempt
from dr.evidence.journal import Journal, Opening, open_journal, read_journal, supersede, unfinished
from dr.evidence.journal_events import Event
from dr.operations.application.health import ask_application
from dr.services.protocol import State
from dr.services.registry import service
from tasks.course import place_of
from tests.scenarios.product import Product, product
from tests.scenarios.product_services import APPLICATION, DATABASE, FIRST, REDIS, ROOT, deploy

pytestmark = [pytest.mark.slow, pytest.mark.incident("I32")]

OBJECTIVE_SECONDS = 300


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product at work, with a customer."""
    with product(tmp_path_factory.mktemp("shop") / "here", kinds=("redis",), receiver=False) as made:
        made.writer.wait_for_more(5)
        yield made


def recover(shop: Product, *words: str) -> dict[str, Any]:
    """``dr recover-app`` without a question; its answer, when the customer orders again."""
    answer = shop.dr("recover-app", *(words or ("--yes",)))
    shop.writer.wait_for_more(2)
    return answer


def attempts(answer: dict[str, Any]) -> list[list[str]]:
    """Which services each attempt restarted."""
    return [attempt["services"] for attempt in answer["outcome"]["attempts"]]


def state(shop: Product) -> State:
    """How the application is by its driver's account."""
    return service(shop.system, APPLICATION).status(5).state


def test_what_was_killed_comes_back_within_the_objective_and_nothing_is_lost(shop: Product) -> None:
    """Five minutes, no loss: measured, with its phases; what runs is left alone, each the same process as before."""
    before = shop.pid(DATABASE), shop.pid(REDIS)
    shop.kill(APPLICATION)

    answer = recover(shop)

    assert answer["rto_seconds"] < OBJECTIVE_SECONDS
    assert (answer["rto_met"], answer["rpo_seconds"]) == (True, 0.0)
    assert {row["what"] for row in answer["phases"]} >= {"stop", "start", "wait until healthy"}
    assert attempts(answer) == [[APPLICATION]]
    assert (shop.pid(DATABASE), shop.pid(REDIS)) == before
    assert not shop.lost()
    assert len(shop.acknowledged()) > 5


def test_declined_or_dry_nothing_is_touched(shop: Product) -> None:
    """Another system's name is no consent, and a look is a look."""
    shop.kill(APPLICATION)

    declined = shop.dr("recover-app", "--confirm", "another", code=11)
    dry = shop.dr("recover-app", "--dry-run")

    assert "does not name this system" in declined["error"]["message"]
    assert dry["plan"]["restart"]["order"] == [[APPLICATION]]
    assert state(shop) is State.FAILED
    recover(shop)


def test_what_hangs_is_restarted_although_it_runs(shop: Product) -> None:
    """By its driver's account all was well; its addresses said otherwise."""
    shop.hang(APPLICATION)

    answer = recover(shop)

    assert {item["state"] for item in answer["plan"]["services"]} == {"running"}
    assert not any(item["ok"] for item in answer["plan"]["answers"])
    assert attempts(answer) == [[APPLICATION]]
    assert answer["rto_met"]


@pytest.mark.incident("I6")
def test_a_recovery_that_was_killed_is_gone_on_with(shop: Product) -> None:
    """By the plan that was agreed to; it ends as if nobody had killed it, and nothing is left to be gone on with."""
    shop.kill(APPLICATION)
    _cut_off(shop)

    ended = shop.run("recover-app", "--service", APPLICATION, "--yes")
    shop.writer.wait_for_more(2)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "going on with recover-app_" in ended.stderr
    assert attempts(json.loads(ended.stdout)) == [[APPLICATION]]
    assert json.loads(ended.stdout)["rto_met"]
    assert _events(shop) == ()


def _cut_off(shop: Product) -> None:
    """Begin a recovery, and kill it in the midst of its restart, with all that it has begun."""
    argv = (sys.executable, "-m", "dr.cli", "recover-app", "--service", APPLICATION, "--yes")
    environment = {**os.environ, **shop.environment, "PYTHONPATH": str(ROOT), "DR_RUNNER": "plain"}
    nothing = subprocess.DEVNULL
    run = subprocess.Popen(argv, env=environment, stdout=nothing, stderr=nothing, start_new_session=True)
    deadline = time.monotonic() + 120
    while not any(event.what == "begin" and event.step == "restart" for event in _events(shop)):
        assert run.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait(30)


@pytest.mark.incident("I6")
def test_a_run_whose_attempt_helped_and_that_was_cut_off_looks_again(shop: Product) -> None:
    """Its journal says healthy; the application has died since, and the next run does not call that success."""
    shop.kill(APPLICATION)
    _cut_off(shop)
    (left, _), *_ = unfinished(place_of(shop.system), "recover-app", shop.system.name)
    with Journal(left) as journal:
        journal.end("restart", Attempt("restarted", (APPLICATION,), ()))

    ended = shop.run("recover-app", "--service", APPLICATION, "--yes")
    recover(shop)

    assert ended.returncode == 19, ended.stdout + ended.stderr
    assert "was healthy and is so no more" in json.loads(ended.stdout)["error"]["message"]
    assert _events(shop) == ()


def test_what_another_procedure_has_stopped_is_left_alone(shop: Product) -> None:
    """A recovery in place was cut off: the database is down because of it. Whoever names a service has looked."""
    shop.kill(DATABASE, APPLICATION)
    opening = Opening("recover-db-in-place", shop.system.name)
    with open_journal(place_of(shop.system), opening, run="r1") as journal:
        dry = shop.dr("recover-app", "--dry-run")
        at_work = shop.dr("recover-app", "--service", APPLICATION, "--yes", code=12)
    cut_off = shop.dr("recover-app", "--yes", code=11)

    assert journal.name in dry["plan"]["beside"]
    assert journal.name in at_work["error"]["message"]
    assert journal.name in cut_off["error"]["message"]
    assert "dr recover-db --in-place" in cut_off["error"]["hint"]
    assert service(shop.system, DATABASE).status(5).state is State.FAILED
    answer = recover(shop, "--service", APPLICATION, "--yes")
    supersede(place_of(shop.system), "recover-db-in-place", shop.system.name, "the test is over")
    assert attempts(answer) == [[DATABASE, APPLICATION]]


def _events(shop: Product) -> tuple[Event, ...]:
    """Of the newest run that was cut off."""
    system = shop.system
    found = unfinished(system.state_directory / "procedures" / system.name, "recover-app", system.name)
    return read_journal(found[0][0]) if found else ()


def test_what_it_needs_comes_first(shop: Product) -> None:
    """The database was killed too: it is started, and the application after it."""
    shop.kill(DATABASE, APPLICATION)

    answer = recover(shop)

    assert answer["plan"]["restart"]["order"] == [[DATABASE], [APPLICATION]]
    assert answer["rto_met"]
    assert not shop.lost()


def test_a_release_that_does_not_come_is_rolled_back_loudly(shop: Product) -> None:
    """It ends at once; the one before it serves again."""
    shop.deploy("20260401120000", "bad")
    shop.kill(APPLICATION)

    ended = shop.run("recover-app", "--yes")
    shop.writer.wait_for_more(2)

    answer = json.loads(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    assert answer["rolled_back"] == [f"{APPLICATION}: {FIRST}"]
    assert (shop.home / "current").resolve().name == FIRST
    assert "ROLLED BACK" in ended.stderr
    assert "wants a setting that nobody has set" in answer["outcome"]["attempts"][0]["problem"]


def test_a_release_that_says_it_is_sick_is_rolled_back(shop: Product) -> None:
    """It runs and answers, and its answer is no healthy one."""
    asked = shop.system.procedures.application
    shop.reconfigure(application=dataclasses.replace(asked, health_seconds=6))
    shop.deploy("20260501120000", "sick")

    answer = recover(shop, "--service", APPLICATION, "--confirm", shop.system.name)
    shop.reconfigure(application=asked)

    assert answer["rolled_back"] == [f"{APPLICATION}: {FIRST}"]  # not to the one that was bad before
    assert "built on a Friday" in answer["outcome"]["attempts"][0]["problem"]
    assert all(item.ok for item in ask_application(shop.system, 10))


def test_a_good_release_stays_when_its_database_is_the_fault(shop: Product) -> None:
    """The database does not come: no release is to blame."""
    asked = shop.system.procedures.application
    shop.reconfigure(application=dataclasses.replace(asked, health_seconds=4))
    shop.deploy("20260515120000")
    version = shop.place.production / "PG_VERSION"
    shop.kill(DATABASE, APPLICATION)
    version.rename(version.with_name("PG_VERSION.away"))

    ended = shop.run("recover-app", "--yes")
    version.with_name("PG_VERSION.away").rename(version)
    current = (shop.home / "current").resolve().name
    shop.reconfigure(application=asked)
    recover(shop)

    assert ended.returncode == 19, ended.stdout + ended.stderr
    assert current == "20260515120000"
    assert "no release is gone back from: database does not run" in ended.stderr


def test_a_release_before_that_does_not_help_either_is_returned_from(shop: Product) -> None:
    """Both are sick: the newest is there in the end, and nothing was rolled back."""
    asked = shop.system.procedures.application
    shop.reconfigure(application=dataclasses.replace(asked, health_seconds=4))
    for release in ("20260520120000", "20260521120000"):
        shop.deploy(release, "sick")

    ended = shop.run("recover-app", "--service", APPLICATION, "--yes")
    current = (shop.home / "current").resolve().name
    shop.reconfigure(application=asked)
    shop.deploy("20260523120000")
    recover(shop, "--service", APPLICATION, "--yes")

    assert ended.returncode == 19, ended.stdout + ended.stderr
    assert "returned to the newest release" in json.loads(ended.stdout)["error"]["detail"]
    assert "ROLLED BACK" not in ended.stderr
    assert current == "20260521120000"


def test_nothing_is_done_to_what_is_well(shop: Product) -> None:
    """Every process is the one that it was."""
    names = (DATABASE, REDIS, APPLICATION)
    before = [shop.pid(name) for name in names]

    answer = recover(shop)

    assert answer["plan"]["restart"]["services"] == []
    assert [shop.pid(name) for name in names] == before


def test_what_does_not_come_back_at_all_is_an_error_with_its_last_words(shop: Product) -> None:
    """Exit code 19, and no password of the environment in what is said or kept."""
    lines = (shop.home / "environment").read_text().splitlines()
    password = next(line for line in lines if line.startswith("SHOP_DATABASE_URL")).split(":")[2].split("@")[0]
    text = 'import os, sys\nsys.exit("no luck with " + os.environ["SHOP_DATABASE_URL"])\n'
    for release in (shop.home / "releases").iterdir():
        (release / "shop.py").write_text(text)
    shop.kill(APPLICATION)

    ended = shop.run("recover-app", "--yes")
    deploy(shop.home, "20260601120000")
    recover(shop)

    assert ended.returncode == 19, ended.stdout + ended.stderr
    error = json.loads(ended.stdout)["error"]
    assert "does not come back" in error["message"]
    assert "no luck with ********" in error["detail"]
    kept = "".join(file.read_text() for file in shop.system.state_directory.rglob("journal.jsonl"))
    assert "no luck with" in kept
    assert password not in ended.stdout + ended.stderr + kept

"""The command to type next is complete, fits what was seen, and never calls a forecast anything else."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.policy.next_step import ENCRYPTS_ONLY, NOTHING_MEASURED, Circumstances, Measured, next_step
from dr.policy.objectives import DEFAULT_OBJECTIVES, Scenario
from dr.policy.observation import Condition, Observation, Sign, Subject, not_asked, silent
from dr.policy.severity import judge

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
AROUND = Circumstances(("--config", "/etc/my dr.toml", "--system", "shop"), (), None, NOW)
BEHIND = " --config '/etc/my dr.toml' --system shop"


def saw(subject: Subject, condition: Condition = Condition.DOWN, name: str = "", **more: object) -> Observation:
    """Something, as it might have been seen."""
    plain = Observation(subject, condition, str(condition).upper(), f"it is {condition}", name)
    return replace(plain, **more)  # type: ignore[arg-type]


def step(*seen: Observation, **around: object):
    """What is advised then."""
    return next_step(judge(seen), seen, replace(AROUND, **around), DEFAULT_OBJECTIVES)  # type: ignore[arg-type]


DATABASE, REDIS, APPLICATION = (saw(one) for one in (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION))


@pytest.mark.parametrize(
    ("seen", "command"),
    [
        ((DATABASE, saw(Subject.REDIS, Condition.OK)), "dr recover-db"),
        ((saw(Subject.DATABASE, Condition.OK), APPLICATION), "dr recover-app"),
        ((REDIS,), "dr recover-app"),
        ((DATABASE, REDIS, APPLICATION), "dr full-recovery"),
        ((DATABASE, REDIS, APPLICATION, saw(Subject.STANDBY, Condition.OK)), "dr failover"),
        ((saw(Subject.DATABASE, Condition.DOWN, sign=Sign.STARTING),), "dr assess"),
        ((saw(Subject.BACKUPS, Condition.IMPAIRED),), "dr backup --cloud"),
        ((saw(Subject.BACKUPS, Condition.IMPAIRED, remedy="infrastructure-backup"),), "dr infrastructure-backup"),
        ((saw(Subject.BACKUPS, Condition.IMPAIRED, remedy="application-backup"),), "dr application-backup"),
        ((silent(Subject.BACKUPS, 5),), "dr store probe"),
        ((not_asked(Subject.BACKUPS, 9),), "dr assess --seconds 30"),
        ((not_asked(Subject.DATABASE, 9), not_asked(Subject.APPLICATION, 9)), "dr assess --seconds 30"),
        ((not_asked(Subject.DATABASE, 9), APPLICATION), "dr recover-app"),
        ((saw(Subject.OFF_SITE, Condition.ABSENT),), "dr config show"),
        ((saw(Subject.STORE, name="cloud"),), "dr store probe"),
        ((saw(Subject.WAL, Condition.IMPAIRED),), "dr wal status"),
        ((saw(Subject.WAL),), "dr backup --kind base --full --cloud"),
        ((saw(Subject.CERTIFICATES),), "dr certificates"),
        ((saw(Subject.DRILLS, Condition.IMPAIRED),), "dr drill"),
        ((saw(Subject.SCHEDULES),), "dr deploy"),
        ((saw(Subject.CONFIGURATION),), "dr config show"),
        # What can lose data comes before what merely wants care.
        ((saw(Subject.DRILLS, Condition.IMPAIRED), saw(Subject.BACKUPS, Condition.IMPAIRED)), "dr backup --cloud"),
        # A recovery that was cut off goes on before anything else is begun.
        ((DATABASE, saw(Subject.UNFINISHED, Condition.IMPAIRED, "full-recovery")), "dr full-recovery"),
        ((DATABASE, saw(Subject.UNFINISHED, Condition.IMPAIRED, "region-failover")), "dr failover"),
        ((saw(Subject.UNFINISHED, Condition.IMPAIRED, "recover-db-in-place"),), "dr recover-db --in-place"),
    ],
)
def test_the_command_that_fits(seen, command):
    """Whole, with what is needed to mean the same system, quoted for a shell."""
    assert step(*seen).command == command + BEHIND


def test_what_was_cut_off_long_ago_is_no_part_of_today_s_disaster():
    """A failover that nobody finished last month must not be gone on with because the database is away now."""
    old = saw(Subject.UNFINISHED, Condition.IMPAIRED, "region-failover", figure=30 * 86400.0)

    assert step(DATABASE, old).command == f"dr recover-db{BEHIND}"
    assert step(old).command == f"dr failover{BEHIND}"


def test_where_nothing_is_restored_no_key_is_asked_for():
    """An application's failure needs no copy."""
    public = saw(Subject.KEY, Condition.OK, shown=ENCRYPTS_ONLY)

    assert any("escrowed" in line for line in step(DATABASE, public).before)
    assert step(saw(Subject.DATABASE, Condition.OK), APPLICATION, public, saw(Subject.KEY)).before == ()


def test_where_production_lies_on_this_host_it_is_recovered_in_its_place():
    """Beside it only where it is not."""
    assert step(DATABASE, in_place=True).command == f"dr recover-db --in-place{BEHIND}"
    assert step(DATABASE, REDIS, APPLICATION, in_place=True).command == f"dr full-recovery{BEHIND}"


def test_every_subject_that_can_be_a_reason_has_a_command():
    """Nobody is left with a severity and nothing to do."""
    for subject in Subject:
        for condition in (Condition.IMPAIRED, Condition.SILENT, Condition.DOWN):
            seen = saw(subject, condition, "full-recovery" if subject is Subject.UNFINISHED else "")
            assert step(seen).command, subject


def test_a_healthy_system_needs_no_command():
    """Nothing to type."""
    assert step(saw(Subject.DATABASE, Condition.OK)).command == ""


def test_without_a_measurement_there_is_no_forecast():
    """An objective is shown, never as an estimate."""
    advised = step(DATABASE)

    assert advised.rto == f"{NOTHING_MEASURED} (objective 15 min)"
    assert (advised.rto_seconds, advised.rpo_seconds) == (None, None)
    assert advised.rpo.startswith("no forecast")


def test_a_forecast_says_that_it_is_one_and_what_it_rests_on():
    """From the last recovery's rates; the loss from up to when commits are safe."""
    rates = Measured("recover-db", 80.0, "the recovery of 2026-01-30", "rates", NOW - timedelta(minutes=4))
    advised = step(DATABASE, measured=(rates,), safe_until=NOW - timedelta(minutes=2))

    assert advised.rto == "about 1 min, a forecast from the recovery of 2026-01-30 (objective 15 min)"
    assert advised.rto_seconds == 80.0
    assert "at most what was committed after 2026-01-31 11:58:00 UTC, 2 min ago, a forecast" in advised.rpo
    assert advised.rpo_seconds == 120.0
    assert advised.objective == DEFAULT_OBJECTIVES[Scenario.DATABASE_CORRUPTION]


def test_a_whole_run_tells_more_than_rates_and_those_more_than_drills():
    """The best evidence counts, in whatever order it comes."""
    run = Measured("recover-database", 50.0, "its run", "run")
    rates = Measured("recover-db", 80.0, "rates", "rates")
    drill = Measured("database-corruption", 200.0, "drills", "drill")

    assert step(DATABASE, measured=(drill, rates, run)).rto_seconds == 50.0
    assert step(DATABASE, measured=(drill, rates)).rto_seconds == 80.0
    assert step(DATABASE, measured=(drill,)).rto_seconds == 200.0
    assert step(DATABASE, REDIS, APPLICATION, measured=(drill, rates, run)).rto_seconds is None


def test_a_forecast_is_of_the_same_way_to_recover():
    """Back again takes a second, and beside production nothing is exchanged: neither tells how long in place takes."""
    undone = Measured("undo-recovery", 2.0, "the undo", at=NOW)
    beside = Measured("recover-database", 30.0, "beside", at=NOW - timedelta(days=1))
    placed = Measured("recover-db-in-place", 500.0, "in place", at=NOW - timedelta(days=2))
    older = Measured("recover-db-in-place", 900.0, "in place, long ago", at=NOW - timedelta(days=90))

    assert step(DATABASE, measured=(undone, older, placed, beside), in_place=True).rto_seconds == 500.0
    assert step(DATABASE, measured=(undone, placed, beside)).rto_seconds == 30.0
    assert step(DATABASE, measured=(undone,), in_place=True).rto_seconds is None
    assert step(DATABASE, measured=(undone,)).rto_seconds is None


def test_what_restores_nothing_loses_nothing():
    """An application's failure."""
    advised = step(saw(Subject.DATABASE, Condition.OK), APPLICATION)

    assert advised.rpo_seconds == 0.0


def test_a_database_without_a_sign_of_damage_may_only_have_been_stopped():
    """A restore is not the first thing to do then; with damage it is."""
    stopped = step(DATABASE).before
    damaged = step(replace(DATABASE, sign=Sign.CORRUPT)).before

    assert any("merely stopped" in line for line in stopped)
    assert not any("merely stopped" in line for line in damaged)


def test_what_was_dropped_is_not_brought_back_by_the_newest_wal():
    """The drop is in there as well; and a wrong address has dropped nothing."""
    advised = step(saw(Subject.DATABASE, sign=Sign.MISSING), saw(Subject.APPLICATION, Condition.IMPAIRED))
    told = " | ".join(advised.before)

    assert advised.command == f"dr recover-db{BEHIND}"
    assert "--target-time" in told
    assert "dr config show" in told
    assert "merely stopped" not in told


def test_a_database_that_takes_no_writes_is_looked_at_before_anything_is_restored():
    """It has its data: what made it read-only has to end, whatever suffers from it."""
    advised = step(saw(Subject.DATABASE, Condition.IMPAIRED, sign=Sign.READ_ONLY), REDIS, APPLICATION)

    assert advised.command == f"dr config show{BEHIND}"
    assert "promote it" in advised.why


def test_where_there_is_a_second_region_it_is_seen_first_who_is_in_charge():
    """The name may lead to the replica by now; looking changes nothing, and the promotion is named."""
    replica = saw(Subject.DATABASE, Condition.IMPAIRED, sign=Sign.READ_ONLY)

    advised = step(replica, APPLICATION, saw(Subject.STANDBY, Condition.OK))

    assert advised.command == f"dr failover --dry-run{BEHIND}"
    assert "`dr failover` promotes" in advised.why
    assert step(replica, saw(Subject.STANDBY)).command == f"dr config show{BEHIND}"


def test_before_an_application_is_restarted_its_database_is_looked_at():
    """One that refuses us may refuse it too."""
    ill = step(saw(Subject.DATABASE, Condition.IMPAIRED, detail="refuses"), APPLICATION).before
    well = step(saw(Subject.DATABASE, Condition.OK), APPLICATION).before

    assert any("the cause" in line and "refuses" in line for line in ill)
    assert well == ()


def test_what_has_to_be_mended_first_is_told_first():
    """A restore without a copy, a key or a disk cannot work."""
    seen = (DATABASE, saw(Subject.BACKUPS), saw(Subject.KEY), saw(Subject.DISK, name="/srv"))
    told = " | ".join(step(*seen).before)

    assert "find a copy" in told
    assert "bring a usable key" in told
    assert "mend the disk" in told


def test_every_procedure_that_can_be_resumed_is_known_by_its_journal():
    """What keeps a journal and was cut off is gone on with by a command that is named here."""
    written = re.compile(r'^(?:PROCEDURE|EXERCISE) = "([a-z0-9-]+)"$|course\(\w+, "([a-z0-9-]+)"', re.MULTILINE)
    sources = [file for room in ("dr", "tasks", "flows") for file in ROOT.glob(f"{room}/**/*.py")]
    named = {one or other for file in sources for one, other in written.findall(file.read_text(encoding="utf-8"))}

    assert {"full-recovery", "full-recovery-exercise", "recover-app", "region-failover"} <= named
    for procedure in named:
        advised = step(saw(Subject.UNFINISHED, Condition.IMPAIRED, procedure))
        assert "goes on where it was" in advised.why, procedure

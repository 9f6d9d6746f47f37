"""The table of procedures is the guide's, and a wrong row cannot be imported."""

from __future__ import annotations

import pytest

from deployments.schedules import PROCEDURES, Procedure, Schedule


def _procedure(name: str) -> Procedure:
    (found,) = (procedure for procedure in PROCEDURES if procedure.entrypoint.endswith(f".{name}"))
    return found


def test_the_daily_backup_runs_at_two_utc_with_cloud_copies() -> None:
    """The guide: 0 2 * * *, --cloud."""
    daily = _procedure("daily_backup")

    assert [(one.cron, one.timezone, one.slug) for one in daily.schedules] == [("0 2 * * *", "UTC", "daily")]
    assert daily.parameters == {"cloud": True}


def test_recovering_is_never_scheduled() -> None:
    """Nothing restores by itself; the form is there to do it."""
    assert _procedure("recover_database").schedules == ()


def test_every_row_is_told_to_people() -> None:
    """A description and tags to find it by, and no flow is there twice."""
    assert all(procedure.description and procedure.tags[0] == "dr" for procedure in PROCEDURES)
    assert len({procedure.entrypoint for procedure in PROCEDURES}) == len(PROCEDURES)


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    """Prefect would take it and fail when it schedules, in its own log."""
    with pytest.raises(ValueError, match="no time zone 'Europe/Nowhere'"):
        Schedule("daily", "0 2 * * *", "Europe/Nowhere")


@pytest.mark.parametrize("zone", ["", "/etc/passwd", "../UTC", "UTC\0"])
def test_a_path_is_no_time_zone(zone: str) -> None:
    """Zones are looked up by name only."""
    with pytest.raises(ValueError, match="there is no time zone"):
        Schedule("daily", "0 2 * * *", zone)


def test_a_schedule_that_never_happens_is_refused() -> None:
    """31 February is a backup that is not made."""
    with pytest.raises(ValueError, match="never happens"):
        Schedule("daily", "0 2 31 2 *")


@pytest.mark.parametrize("slug", ["", "Daily", "two words", "-x"])
def test_a_slug_is_a_plain_name(slug: str) -> None:
    """Prefect knows a schedule again by it."""
    with pytest.raises(ValueError, match="slug"):
        Schedule(slug, "0 2 * * *")


def test_two_schedules_of_one_procedure_differ_in_their_slugs() -> None:
    """Otherwise one would replace the other when they are registered."""
    twice = (Schedule("daily", "0 2 * * *"), Schedule("daily", "0 14 * * *"))

    with pytest.raises(ValueError, match="same slug"):
        Procedure("flows.daily_backup.daily_backup", "x", ("dr",), schedules=twice)


@pytest.mark.parametrize("entrypoint", ["flows/daily_backup.py:daily_backup", "os.system", "flows.daily_backup"])
def test_an_entrypoint_is_a_module_path_in_flows(entrypoint: str) -> None:
    """A worker imports it by that; a file's path would depend on where the checkout lies."""
    with pytest.raises(ValueError, match="is not flows"):
        Procedure(entrypoint, "x", ("dr",))

"""What is restarted when the application does not answer, and why."""

from __future__ import annotations

import pytest

from dr.errors import ConfigurationError
from dr.policy.application_plan import Restart, Seen, choose_services, widened
from dr.policy.service_order import layers

AFTER = {"db": (), "redis": (), "web": ("db", "redis"), "worker": ("db",), "proxy": ("web",)}
ORDER = layers(AFTER)


def look(*down: str, region: tuple[str, ...] = ()) -> tuple[Seen, ...]:
    """The services of a shop; ``db`` and ``redis`` are the data's own."""
    return tuple(
        Seen(name, after, name not in down, "failed" if name in down else "running", name in ("db", "redis"),
             name in region)
        for name, after in AFTER.items()
    )  # fmt: skip


def names(found: Restart) -> list[str]:
    """In the order in which they start."""
    assert [name for layer in found.order for name in layer] == [item.name for item in found.services]
    return [item.name for item in found.services]


def test_only_what_is_down_is_restarted() -> None:
    """What works goes on working, whatever the application answers."""
    found = choose_services(look("web"), ORDER, healthy=False)

    assert names(found) == ["web"]
    assert found.services[0].reason == "it is failed"
    assert names(choose_services(look("proxy", "db"), ORDER, healthy=True)) == ["db", "proxy"]


def test_nothing_is_done_when_all_is_well() -> None:
    """Running this by mistake costs nobody anything."""
    assert choose_services(look(), ORDER, healthy=True).nothing


def test_when_all_run_and_nothing_answers_the_application_is_restarted_and_its_data_is_not() -> None:
    """A hung process is running by every driver's account."""
    found = choose_services(look(), ORDER, healthy=False)

    assert names(found) == ["web", "worker", "proxy"]
    assert found.order == (("web", "worker"), ("proxy",))


def test_everything_leaves_the_data_alone_unless_it_is_down() -> None:
    """--all."""
    assert names(choose_services(look(), ORDER, healthy=True, everything=True)) == ["web", "worker", "proxy"]
    assert names(choose_services(look("db"), ORDER, healthy=False, everything=True))[0] == "db"


def test_what_is_named_is_restarted_with_what_it_needs_and_is_down() -> None:
    """And nothing that is down and has nothing to do with it."""
    found = choose_services(look("redis", "worker"), ORDER, healthy=False, named=["proxy"])

    assert names(found) == ["redis", "proxy"]
    assert found.services[0].reason == "it is failed, and another one needs it"
    assert names(choose_services(look(), ORDER, healthy=True, named=["db"])) == ["db"]
    with pytest.raises(ConfigurationError, match="no service 'wbe'"):
        choose_services(look(), ORDER, healthy=True, named=["wbe"])


@pytest.mark.incident("I8")
def test_what_a_failover_has_fenced_is_not_started() -> None:
    """A fenced primary that is started again writes beside the new one."""
    there = look("db", "web", region=("db",))

    found = choose_services(there, ORDER, healthy=False)

    assert names(found) == ["web"]
    assert [item.name for item in found.left] == ["db"]
    assert "failover" in found.left[0].reason
    assert names(choose_services(there, ORDER, healthy=False, everything=True)) == ["web", "worker", "proxy"]
    assert names(choose_services(there, ORDER, healthy=False, named=["web"])) == ["web"]
    assert names(choose_services(there, ORDER, healthy=False, named=["db"])) == ["db"]
    assert "db" not in names(widened(there, ORDER, found))


def test_the_second_attempt_is_everything_and_there_is_no_third_of_the_same() -> None:
    """Restarting again what was restarted a minute ago helps nobody."""
    first = choose_services(look("web"), ORDER, healthy=False)
    second = widened(look(), ORDER, first)

    assert names(second) == ["web", "worker", "proxy"]
    assert widened(look(), ORDER, second).nothing

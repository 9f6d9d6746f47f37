"""What an exercise of a full recovery may reach: nothing that is not on its host, and only what was named for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dr.configuration.components.redis import RedisSettings
from dr.configuration.components.secrets import SecretsSettings
from dr.configuration.model import PostgresSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.application import ApplicationSettings
from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.cdn import CdnSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.services import ServiceSettings
from dr.configuration.procedures.status_page import StatusPageSettings
from dr.errors import ConfigurationError
from dr.operations.application.parts import is_configured
from dr.operations.full_recovery.exercise import how_to_end, in_exercise, left_out
from dr.operations.full_recovery.wish import parse_wish
from dr.secret import Secret
from dr.services.registry import services
from dr.traffic.registry import switches
from tests.unit.operations.places import system

PRODUCT = (
    ServiceSettings("database"),
    ServiceSettings("mailer", after=("database",)),
    ServiceSettings("web", after=("database", "mailer")),
)


def protected(path: Path, *, url: str = "", redis: str = "redis://localhost:6379/0", **recovery: Any) -> System:
    """A system with everything around it that a full recovery changes."""
    bare = system(path)
    return replace(
        bare,
        postgres=PostgresSettings(Secret(url)),
        components=replace(
            bare.components,
            redis=RedisSettings(url=Secret(redis)),
            secrets=SecretsSettings(aws=True, vault_address="https://vault.example.org"),
        ),
        procedures=ProcedureSettings(
            services=PRODUCT,
            application=ApplicationSettings(health_urls=("http://localhost:3000/api/health",)),
            balancer=BalancerSettings(target_groups=("web",)),
            cdn=CdnSettings(distributions=("E1",)),
            dns=DnsSettings(zone="Z1", names=("shop.example.org",), recovered=("192.0.2.1",)),
            status_page=StatusPageSettings("https://status.example.org", "page", Secret("token")),
            recovery=RecoverySettings(
                database_service="database",
                apply_infrastructure=True,
                launch_subnet="subnet-1",
                jobs="running",
                **recovery,
            ),
        ),
    )


def test_nothing_is_left_that_leads_out_of_the_host(tmp_path: Path) -> None:
    """No switch of traffic, no status page, no machine, no secret of a store elsewhere, no application."""
    real = protected(tmp_path)
    practice = in_exercise(real)
    recovery = practice.procedures.recovery

    assert switches(real)
    assert switches(practice) == ()
    assert not practice.procedures.status_page.page
    assert (recovery.apply_infrastructure, recovery.launch_subnet, recovery.jobs) == (False, None, "any")
    assert (practice.components.secrets.aws, practice.components.secrets.vault_address) == (False, None)
    assert [item.name for item in services(practice)] == ["database"]
    assert not is_configured(practice)
    assert any("recovery.exercise_services" in line for line in left_out(real))


def test_of_the_application_only_what_was_named_is_started(tmp_path: Path) -> None:
    """In its order, without what it would wait for otherwise; then it is asked whether it is healthy."""
    practice = in_exercise(protected(tmp_path, exercise_services=("web",)))

    assert [item.name for item in services(practice)] == ["database", "web"]
    assert practice.procedures.services[1].after == ("database",)
    assert practice.procedures.application.health_urls
    (end,) = how_to_end(practice, "full-recovery-exercise_1", ("/srv/uploads",))
    assert "stop web, database, then remove" in end
    assert "/srv/uploads" in end


@pytest.mark.parametrize(
    ("redis", "kept"),
    [
        ("redis://localhost:6379/0", True),
        ("unix:///run/redis.sock", True),
        ("redis://192.0.2.7:6379/0", False),
        ("redis+sentinel://localhost:1,localhost:2/shop", False),
    ],
)
def test_redis_is_filled_only_where_it_is_on_this_host(tmp_path: Path, redis: str, kept: bool) -> None:
    """Of an address that leads elsewhere nobody knows whose it is."""
    real = protected(tmp_path, redis=redis)

    assert (in_exercise(real).components.redis.url is not None) is kept
    assert any("redis.url" in line for line in left_out(real)) is not kept


@pytest.mark.parametrize(
    ("url", "recovery", "services"),
    [
        ("postgresql://keeper@192.0.2.7/shop", {}, PRODUCT),
        ("", {"exercise_services": ("nothing",)}, PRODUCT),
        ("", {"exercise_services": ("web",)}, (*PRODUCT[:2], replace(PRODUCT[2], driver="kubernetes"))),
    ],
    ids=["another host's server", "no such service", "a service of a cluster"],
)
def test_what_would_reach_further_is_refused(
    tmp_path: Path, url: str, recovery: dict[str, Any], services: tuple[ServiceSettings, ...]
) -> None:
    """Before anything is looked for."""
    real = protected(tmp_path, url=url, **recovery)
    real = replace(real, procedures=replace(real.procedures, services=services))

    with pytest.raises(ConfigurationError):
        in_exercise(real)


def test_an_exercise_goes_on_with_no_real_recovery() -> None:
    """Nor the other way about: their journals have other names."""
    real, practice = parse_wish("", "", "", ""), parse_wish("", "", "", "", exercise=True)

    assert real.parameters == practice.parameters
    assert real.procedure != practice.procedure

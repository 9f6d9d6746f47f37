"""The outage is played once, with everything that can go wrong on the way; the tests look at what it has left."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dr.configuration.model import System
from dr.demo.journal import Row
from dr.postgres.cluster import running
from dr.postgres.standby import ServerRole, server_role
from dr.services.registry import service
from tests.scenarios.data_center_outage.regions import QUIET_MINUTES, Regions, regions, wait
from tests.scenarios.killings import Killings, killings
from tests.scenarios.product_services import APPLICATION, DATABASE, ROOT
from tests.scenarios.product_writer import Order

MIDST = {"back up the second region": 0.6, "rebuild it as a replica": 0.4, "hand over": 0.1}


@dataclass(frozen=True, slots=True)
class Played:
    """All of it. ``shipped`` orders were in the cloud when the region went, ``late`` ones came behind them."""

    regions: Regions
    seen: dict[str, Any]
    unasked: dict[str, Any]
    cut_off: dict[str, Any]
    vouched: dict[str, Any]
    before: ServerRole
    streamed: tuple[Order, ...]
    shipped: tuple[Order, ...]
    late: tuple[Order, ...]
    over: Killings
    promoted: ServerRole
    there: frozenset[Row]
    may_start: dict[str, Any]
    returned: dict[str, Any]
    astray: tuple[Order, ...]
    back: Killings
    kept: frozenset[Row]
    first: ServerRole
    second: ServerRole
    at_last: frozenset[Row]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Partition, refusals, outage, failover, the old server's return, and the way back."""
    with regions(tmp_path_factory.mktemp("outage") / "here") as made:
        yield _play(made)


def _play(made: Regions) -> Played:
    shop = made.product
    shop.writer.wait_for_more(10)
    seen = made.dr(made.second, "failover", "--dry-run")
    unasked = made.dr(made.second, "failover", code=11)
    streamed = shop.acknowledged()
    made.wait_until_streaming()

    # A partition: the first region lives, takes orders and ships, and the second does not see it.
    made.cut_line()
    shop.writer.wait_for_more(10)
    cut_off = made.dr(made.second, "failover", "--confirm", "demo", code=21)
    # On a busy machine what lives may ship nothing for some seconds: nobody may take that for quiet here.
    patient = made.with_region(made.second, quiet_minutes=5 * QUIET_MINUTES)
    vouched = made.dr(patient, "failover", "--confirm", "demo", "--i-have-fenced-it", "A N Other", code=21)
    before = server_role(made.standby_url)

    # Now it is lost: what was shipped last has never reached the replica, and what came after it was never shipped.
    shipped = shop.acknowledged()
    made.wait_until_shipped()
    assert shop.receiver is not None
    shop.receiver.kill()
    shop.writer.wait_for_more(10)
    made.lose_first()
    late = shop.acknowledged()[len(shipped) :]
    argv = (sys.executable, "-m", "tests.scenarios.data_center_outage.power", str(shop.place.production))
    power = shlex.join(argv)
    armed = made.with_region(made.second, fence_command=power)
    over = _killed(made, armed, "region_failover")
    promoted, there = server_role(made.standby_url), shop.rows(made.standby_url)

    # The first region's machines come back and know nothing of that. Its customers go on ordering there.
    may_start = made.dr(made.first, "failback", "--may-start", "primary", code=21)
    orders = len(shop.acknowledged())
    service(made.first, DATABASE).start(30)
    service(made.first, APPLICATION).start(30)
    shop.writer.wait_for_more(5)
    shop.writer.stop()
    astray = shop.acknowledged()[orders:]
    made.mend_line()
    returned = made.dr(made.second, "failover", "--dry-run")
    back = _killed(made, made.first, "fail_back")
    wait(lambda: server_role(made.standby_url).streaming)
    return Played(
        regions=made,
        seen=seen,
        unasked=unasked,
        cut_off=cut_off,
        vouched=vouched,
        before=before,
        streamed=streamed,
        shipped=shipped,
        late=late,
        over=over,
        promoted=promoted,
        there=there,
        may_start=may_start,
        returned=returned,
        astray=astray,
        back=back,
        kept=_kept(made),
        first=server_role(shop.superuser_url),
        second=server_role(made.standby_url),
        at_last=shop.rows(),
    )


def _kept(made: Regions) -> frozenset[Row]:
    """The orders in the copy of the old server's directory, brought up by itself."""
    production = made.product.place.production
    copies = [
        path for path in production.parent.glob(f"{production.name}_diverged_*") if (path / "PG_VERSION").exists()
    ]
    assert len(copies) == 1
    with running(copies[0], made.product.place.installation) as server:
        return made.product.rows(server.url_for("shop"))


def _killed(made: Regions, system: System, flow: str) -> Killings:
    environment = made.environment(system)

    def run(argv: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False
        )

    parameters = {"system": system.name, "confirm_name": system.name}
    killed = killings(run, flow, parameters, midst=MIDST)
    assert killed.status == 0, killed.said[-8000:]
    return killed

"""The big one: ``dr full-recovery`` with everything that stands around a host, and what every provider says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dr.configuration.procedures.region import RegionSettings
from dr.secret import Secret
from tests.scenarios.forgotten import person
from tests.scenarios.lost_host import Host, LostHost
from tests.scenarios.machine import machine
from tests.scenarios.surroundings import made_by_terraform


@dataclass(frozen=True, slots=True)
class Look:
    """What the providers said, asked behind the program's back: where the ``name`` leads with its time to live, the
    ``targets`` of the load balancer with their health, the ``invalidations`` of the cache with their paths, the
    ``incidents`` of the status page, the newest first, and the servers that were ``launched`` in the other region.
    """

    name: tuple[str, int]
    targets: dict[str, str]
    invalidations: list[tuple[str, tuple[str, ...]]]
    incidents: list[dict[str, Any]]
    launched: list[dict[str, Any]]

    def since(self, before: Look) -> Look:
        """Without what there was before: other hosts of the same wreck have left things behind."""
        known = {server["InstanceId"] for server in before.launched}
        return Look(
            self.name,
            self.targets,
            self.invalidations[len(before.invalidations) :],
            self.incidents[: len(self.incidents) - len(before.incidents)],
            [server for server in self.launched if server["InstanceId"] not in known],
        )


@dataclass(frozen=True, slots=True)
class Recovered:
    """The host afterwards, what its operator was shown before, and what he was told in the end. ``after`` has of lists
    only what is new.

    ``made`` is the infrastructure by the state of Terraform, empty where that is not installed; ``person`` is what the
    recovered database says of somebody who asked to be forgotten.
    """

    host: Host
    planned: dict[str, Any]
    answer: dict[str, Any]
    before: Look
    after: Look
    made: dict[str, list[str]]
    person: dict[str, Any]

    @property
    def outcome(self) -> dict[str, Any]:
        found = self.answer["outcome"]
        assert isinstance(found, dict)
        return found

    def phase(self, name: str) -> dict[str, float]:
        """One step's begin and end, in seconds since the beginning."""
        return next(item for item in self.outcome["phases"] if item["name"] == name)


@contextmanager
def recovering(lost: LostHost) -> Iterator[Recovered]:
    """``dr full-recovery --dry-run``, then ``dr full-recovery``; the region in which servers ran is gone as well."""
    around, procedures = lost.around, lost.product.system.procedures
    with machine(lost.port, *around.ports) as there:
        region = RegionSettings(primary_url=nobody("192.0.2.1"), standby_url=nobody("198.51.100.1"))
        host = lost.host("second", there, **around.led_by_amazon(procedures.dns, procedures.recovery), region=region)
        planned = host.dr("full-recovery", "--dry-run")
        assert planned.returncode == 0, planned.stderr
        before = look(lost)
        around.lose_the_region()
        answer = host.recover("--disaster-at", lost.disaster_at.isoformat())
        yield Recovered(
            host=host,
            planned=_json(planned.stdout),
            answer=answer,
            before=before,
            after=look(lost).since(before),
            made=made_by_terraform(host.state()) if around.code is not None else {},
            person=host.here(person, lost.product.superuser_url),
        )


def nobody(address: str) -> Secret:
    """A server of a region that is gone: the address leads nowhere."""
    return Secret(f"host={address} user=postgres connect_timeout=1")


def look(lost: LostHost) -> Look:
    """Ask them now; no region is gone any more."""
    around = lost.around
    around.door.rule()
    return Look(lost.record(), around.targets(), around.invalidations(), around.page.incidents(), around.launched())


def _json(text: str) -> dict[str, Any]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found

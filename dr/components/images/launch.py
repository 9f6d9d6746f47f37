"""Launching an image: for a recovery, and for a test that meets nothing of production and leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.aws import tags as ours
from dr.aws.ec2_instances import Ec2Instances, LaunchOrder
from dr.components.images.waiting import Sight, wait_for
from dr.errors import SourceError

_GONE = ("terminated", "")
_ENDING_MINUTES = 15.0
_NOT_READY = "Look at its console output: aws ec2 get-console-output --instance-id ..."
_NOT_GONE = "It costs money until it is gone: aws ec2 terminate-instances --instance-ids ..."


@dataclass(frozen=True, slots=True)
class Launched:
    """A server that runs and passed both of EC2's status checks, with the seconds from the request to either."""

    instance: str
    running_seconds: float
    ready_seconds: float


def launch_image(servers: Ec2Instances, order: LaunchOrder, wait_minutes: float) -> Launched:
    """Start a server and wait until it passed its checks. It stays, whatever happens: an error names it.

    Raises SourceError when EC2 refuses or the server dies, ``StepTimedOut`` when it is not ready in time.
    """
    begin = time.monotonic()
    return _ready(servers, servers.run(order), begin, wait_minutes)


def wait_for_launched(servers: Ec2Instances, instance: str, wait_minutes: float) -> Launched:
    """The same for a server that somebody has started before; the seconds are those of the waiting."""
    return _ready(servers, instance, time.monotonic(), wait_minutes)


@contextmanager
def launched_for_a_test(
    servers: Ec2Instances, image: str, instance_type: str, subnet: str, system: str, wait_minutes: float
) -> Iterator[Launched]:
    """A server that nothing reaches and that reaches nothing, without role, key or user data; terminated in any case.

    What a killed test left behind is ended first. Raises as ``launch_image`` does.
    """
    tags = _tags(system, image)
    end_leftovers(servers, system, timedelta(minutes=2 * (wait_minutes + _ENDING_MINUTES)))
    begin = time.monotonic()
    name = f"{ours.US}-{system}-{datetime.now(UTC):%Y%m%d%H%M%S}-{image}"
    group = servers.closed_group(subnet, name, tags)
    try:
        order = LaunchOrder(image, instance_type, subnet, (group,), tags, ends_when_stopped=True)
        instance = servers.run(order)
    except BaseException:
        servers.delete_group(group)
        raise
    try:
        yield _ready(servers, instance, begin, wait_minutes)
    finally:
        _end(servers, (instance,))
        # Only of a server that is gone; else the next test finds both by their tags.
        servers.delete_group(group)


def end_leftovers(servers: Ec2Instances, system: str, older_than: timedelta) -> tuple[str, ...]:
    """Terminate the servers of tests that were killed, and remove their groups; the servers' ids."""
    mine = {ours.CREATED_BY: ours.US, ours.SYSTEM: system, ours.STATE: ours.LAUNCH_TEST}
    living = servers.tagged(mine)
    old = tuple(item.id for item in living if datetime.now(UTC) - item.launched > older_than)
    if old:
        _end(servers, old)
    if len(old) == len(living):
        for group in servers.groups_tagged(mine):
            servers.delete_group(group)
    return old


def _tags(system: str, image: str) -> dict[str, str]:
    return {
        ours.CREATED_BY: ours.US,
        ours.SYSTEM: system,
        ours.STATE: ours.LAUNCH_TEST,
        ours.IMAGE: image,
        "Name": f"{system} launch test of {image}",
    }


def _ready(servers: Ec2Instances, instance: str, begin: float, wait_minutes: float) -> Launched:
    running: list[float] = []

    def look() -> list[Sight]:
        what = f"instance {instance} in {servers.region}"
        found = servers.instances([instance]).get(instance)
        if found is None:
            return [Sight(what, "", done=False)]
        if found.state not in ("pending", "running"):
            return [
                Sight(what, found.state, done=False, failed=f"{found.state}: {found.reason or 'EC2 gives no reason'}")
            ]
        if found.state == "pending":
            return [Sight(what, found.state, done=False)]
        if not running:
            running.append(time.monotonic() - begin)
        checks = servers.checks(instance)
        failed = f"status checks: {', '.join(checks)}" if "impaired" in checks else ""
        return [Sight(what, found.state, checks == ("ok", "ok"), failed, f"status checks: {', '.join(checks)}")]

    wait_for(look, wait_minutes, stuck=_NOT_READY, broken=_NOT_READY)
    return Launched(instance, running[0], time.monotonic() - begin)


def _end(servers: Ec2Instances, instances: tuple[str, ...]) -> None:
    """Terminate, and see that they are gone; a request that fails is made again until then."""
    begin = time.monotonic()
    while True:
        try:
            servers.terminate(instances)
            break
        except SourceError as error:
            if not error.retryable or time.monotonic() - begin > _ENDING_MINUTES * 60:
                raise
            time.sleep(5)

    def look() -> list[Sight]:
        found = servers.instances(instances)
        states = {name: found[name].state if name in found else "" for name in instances}
        return [Sight(f"instance {name}", state, state in _GONE) for name, state in states.items()]

    wait_for(look, _ENDING_MINUTES, stuck=_NOT_GONE, broken=_NOT_GONE)

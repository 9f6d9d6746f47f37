"""The load balancer's target groups: new servers come in, are healthy, and only then the old ones go.

New servers that do not become healthy go again, so that the group is as it was. A run that died in the middle has left
both in the group, which serves; the next one goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from dr.aws.load_balancers import Group, Health, LoadBalancers
from dr.configuration.procedures.balancer import BalancerSettings
from dr.errors import ConfigurationError, DrError, InfrastructureError
from dr.policy.traffic_side import Side
from dr.policy.traffic_targets import Target, described, parse_target, read, written
from dr.policy.traffic_values import Outputs, named, values_for
from dr.traffic.failures import as_infrastructure, changed_since, without_effect
from dr.traffic.protocol import Change, Now, Seen, Switched
from dr.traffic.timing import in_force

POLL_SECONDS = 2.0


class TargetGroups:
    """The switch ``balancer``."""

    name = "balancer"
    lasting = True
    at_once = False

    def __init__(self, settings: BalancerSettings) -> None:
        self._settings = settings
        self._balancers = LoadBalancers(settings)

    def look(self) -> tuple[Seen, ...]:
        with as_infrastructure():
            return tuple(
                Seen(wanted, self._now(self._balancers.health(self._balancers.group(wanted))))
                for wanted in self._settings.target_groups
            )

    def plan(self, side: Side, outputs: Outputs) -> tuple[Change, ...]:
        setting, entries = f"balancer.{side}", getattr(self._settings, side.value)
        if foreign := sorted(named(entries) - set(self._settings.target_groups)):
            raise ConfigurationError(
                f"{setting} speaks of {', '.join(foreign)}, which balancer.target_groups does not hold",
                hint="Add the group there, or correct the spelling.",
            )
        with as_infrastructure():
            return tuple(
                self._change(wanted, side, values_for(setting, entries, wanted, outputs), setting)
                for wanted in self._settings.target_groups
            )

    def apply(self, changes: Sequence[Change]) -> tuple[Switched, ...]:
        with as_infrastructure():
            return tuple(self._apply(change) for change in changes)

    def settled(self, change: Change) -> Change:
        return replace(change, before=change.after)

    def _change(self, wanted: str, side: Side, values: Sequence[str], setting: str) -> Change:
        group = self._balancers.group(wanted)
        now = self._now(self._balancers.health(group))
        if not values:  # the side has a load balancer of its own, or names servers that never change
            return Change(self.name, wanted, side, now, now)
        targets = {parse_target(setting, value, group.port) for value in values}
        # How a server's network is reached is kept, where it is in the group already.
        known = {(target.id, target.port): target for target in read(now.value)}
        after = [known.get((target.id, target.port), target) for target in targets]
        return Change(self.name, wanted, side, now, Now(described(after), written(after)))

    def _apply(self, change: Change) -> Switched:
        begin = time.monotonic()
        if not change.needed:
            return in_force(change, begin)
        group = self._balancers.group(change.name)
        before, after = read(change.before.value), read(change.after.value)
        there = self._there(group)
        if not before & after <= there <= before | after:
            raise changed_since(change, self._now(self._balancers.health(group)))
        try:
            self._balancers.register(group, after - there)
            self._wait_until_healthy(group, after)
        except DrError as error:
            self._put_back(group, before, error)
            raise
        self._balancers.deregister(group, there - after)
        self._wait_until_there(group, after, change)
        return in_force(change, begin, f"{len(after)} healthy; {len(there - after)} finish what they are at")

    def _wait_until_healthy(self, group: Group, wanted: frozenset[Target]) -> None:
        end = time.monotonic() + self._settings.wait_minutes * 60
        while True:
            found = [one for one in self._balancers.health(group) if one.target in wanted]
            bad = [one for one in found if not one.is_healthy]
            if not bad and len(found) == len(wanted):
                return
            if time.monotonic() >= end or any(one.hopeless for one in bad):
                missing = [f"{target} is not in the group" for target in wanted - {one.target for one in found}]
                raise InfrastructureError(
                    f"new servers of {group.name} do not become healthy; the group is left as it was",
                    "; ".join([*(one.described() for one in bad), *missing])
                    + f"; waited for at most {self._settings.wait_minutes:g} minutes",
                    "Ask a server for the group's health check path by hand; check its security group and its port. "
                    "Then switch again.",
                )
            time.sleep(max(0.0, min(POLL_SECONDS, end - time.monotonic())))

    def _put_back(self, group: Group, before: frozenset[Target], because: DrError) -> None:
        """As it was before. When that fails too, the error says what is left to be done by hand."""
        try:
            there = self._there(group)
            # First the old ones come back, if they had gone: a group is never emptied.
            self._balancers.register(group, before - there)
            self._balancers.deregister(group, there - before)
        except DrError as error:
            raise InfrastructureError(
                f"{group.name} is neither as it was nor as wanted: {because.message}",
                f"{because.detail}\nputting it back failed as well: {error.message}: {error.detail}",
                f"It was: {described(sorted(before))}. Run this again; it goes on from whatever is there.",
            ) from because

    def _wait_until_there(self, group: Group, wanted: frozenset[Target], change: Change) -> None:
        end = time.monotonic() + POLL_SECONDS
        while self._there(group) != wanted:
            if time.monotonic() >= end:
                raise without_effect(change, self._now(self._balancers.health(group)))
            time.sleep(POLL_SECONDS / 5)

    def _there(self, group: Group) -> frozenset[Target]:
        return frozenset(one.target for one in self._balancers.health(group))

    def _now(self, health: Sequence[Health]) -> Now:
        targets = [one.target for one in health]
        bad = [one.described() for one in health if not one.is_healthy]
        words = described(targets) + (f" (not healthy: {'; '.join(bad)})" if bad else "")
        return Now(words, written(targets))

"""What switching names has in common, whoever answers for them: the plan, the checks before, the reading back."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dr.configuration.procedures.dns import DnsSettings
from dr.errors import ConfigurationError
from dr.policy.traffic_records import (
    ALIAS_SECONDS,
    Record,
    described,
    kept_time,
    lead_alike,
    read,
    same_but_for_time,
    wanted_records,
    written,
)
from dr.policy.traffic_side import Side
from dr.policy.traffic_values import Outputs, named, values_for
from dr.traffic.failures import as_infrastructure, changed_since, without_effect
from dr.traffic.protocol import Change, Now, Seen, Switched
from dr.traffic.timing import in_force

POLL_SECONDS = 2.0
_READ_BACK_SECONDS = 2.0


class Names(ABC):
    """The switch ``dns``. A provider reads the records of a name, and changes those of several in one piece."""

    name = "dns"
    spread_unknown = ""
    """What to say of a change that is in force already, of which nobody can tell whether it has spread."""
    lasting = True
    at_once = True

    def __init__(self, settings: DnsSettings) -> None:
        if not settings.zone:
            raise ConfigurationError(
                "dns.names are to be switched, and dns.zone is not set",
                hint="Give the id of the zone that holds them, as the provider writes it.",
            )
        self._settings = settings
        self._zone_id = settings.zone
        self._names = tuple(dict.fromkeys(name.rstrip(".").lower() for name in settings.names))

    @abstractmethod
    def zone_name(self) -> str:
        """The name of the zone."""

    @abstractmethod
    def records(self, name: str) -> tuple[Record, ...]:
        """Those of one name that lead somewhere. Raises where there are any that must not be touched."""

    @abstractmethod
    def write(self, wanted: Mapping[str, tuple[Record, ...]], there: Mapping[str, tuple[Record, ...]]) -> str:
        """Make ``wanted`` of what is ``there``, in one piece, and wait until it is in force; what to say of it."""

    def look(self) -> tuple[Seen, ...]:
        with as_infrastructure():
            return tuple(Seen(name, self._now(self.records(name))) for name in self._names)

    def plan(self, side: Side, outputs: Outputs) -> tuple[Change, ...]:
        setting, entries = f"dns.{side}", getattr(self._settings, side.value)
        if foreign := sorted({name.rstrip(".").lower() for name in named(entries)} - set(self._names)):
            raise ConfigurationError(
                f"{setting} speaks of {', '.join(foreign)}, which dns.names does not hold",
                hint="Only names of dns.names are switched: add them there, or correct the spelling.",
            )
        wanted = {name: self._wanted(setting, entries, name, outputs) for name in self._names}
        with as_infrastructure():
            self._check_zone()
            return tuple(self._change(name, side, self.records(name), wanted[name]) for name in self._names)

    def apply(self, changes: Sequence[Change]) -> tuple[Switched, ...]:
        begin = time.monotonic()
        with as_infrastructure():
            there = {change.name: self.records(change.name) for change in changes}
            left = {change.name: change for change in changes if not _is_in_force(change, there[change.name])}
            for change in left.values():
                if not same_but_for_time(there[change.name], read(change.before.value)):
                    raise changed_since(change, self._now(there[change.name]))
            told = ""
            if left:
                told = self.write({name: read(change.after.value) for name, change in left.items()}, there)
                for change in left.values():
                    self._read_back(change)
        switched = []
        for change in changes:
            if change.name not in left:
                switched.append(in_force(change, begin, f"is so already{self.spread_unknown}"))
                continue
            # Whoever has asked since then keeps the answer for the time that it had, which may be another by now.
            now = self._now(there[change.name])
            began = change if now.value == change.before.value else replace(change, before=now)
            switched.append(in_force(began, begin, told))
        return tuple(switched)

    def settled(self, change: Change) -> Change:
        """The change that gives it the time to live that it had before."""
        after = kept_time(read(change.after.value), read(change.before.value), shorten=False)
        return Change(self.name, change.name, "", change.after, self._now(after))

    def _check_zone(self) -> None:
        zone = self.zone_name()
        outside = [name for name in self._names if name != zone and not name.endswith(f".{zone}")]
        if outside:
            raise ConfigurationError(
                f"{', '.join(outside)}: not in the zone {zone}",
                f"dns.zone is {self._zone_id}",
                "Correct dns.names or dns.zone: names outside of it are not touched.",
            )

    def _wanted(self, setting: str, entries: Sequence[str], name: str, outputs: Outputs) -> tuple[Record, ...]:
        values = values_for(setting, entries, name, outputs)
        if not values:
            raise ConfigurationError(
                f"{setting} does not say where {name} is to lead",
                hint=f"Add an address or a host name to {setting}, for all names or as {name}=VALUE.",
            )
        return wanted_records(setting, name, values, self._settings.ttl_seconds)

    def _change(self, name: str, side: Side, before: tuple[Record, ...], wanted: tuple[Record, ...]) -> Change:
        now = self._now(before)
        records = self.adapted(name, kept_time(wanted, before, shorten=True), before)
        if lead_alike(before, records):
            return Change(self.name, name, side, now, now)
        after = self._now(records)
        low = self._settings.ttl_seconds
        hint = ""
        if now.seconds > low:
            hint = (
                f"some are led to the old side for up to {now.seconds:.0f} s after the switch: "
                f"in normal times, set the TTL of {name} to {low}"
            )
        return Change(self.name, name, side, now, after, hint)

    def adapted(self, name: str, wanted: tuple[Record, ...], before: tuple[Record, ...]) -> tuple[Record, ...]:
        """``wanted`` as this provider would show it. Raises ``ConfigurationError`` for what it cannot do."""
        return wanted

    def _now(self, records: tuple[Record, ...]) -> Now:
        return Now(described(records), written(records), max((self.seconds(one) for one in records), default=0.0))

    def seconds(self, record: Record) -> float:
        """How long an answer may be kept."""
        return float(ALIAS_SECONDS if record.alias is not None else record.ttl)

    def _read_back(self, change: Change) -> None:
        end = time.monotonic() + _READ_BACK_SECONDS
        while (now := self._now(self.records(change.name))).value != change.after.value:
            if time.monotonic() >= end:
                raise without_effect(change, now)
            time.sleep(_READ_BACK_SECONDS / 5)


def _is_in_force(change: Change, there: tuple[Record, ...]) -> bool:
    """A name that leads to a side is there with any time to live; what is put back is put back exactly."""
    after = read(change.after.value)
    return lead_alike(there, after) if change.side else written(there) == change.after.value

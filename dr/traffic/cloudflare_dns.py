"""Names that Cloudflare answers for. All are switched by one batch, which Cloudflare makes in one piece or not at all.

Whether a name is proxied stays as it is: then people see Cloudflare's addresses, and a switch is seen at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from urllib.parse import quote

import msgspec

from dr.configuration.procedures.dns import DnsSettings
from dr.errors import ConfigurationError
from dr.policy.traffic_records import LEADING, Record, read
from dr.traffic.cloudflare import Cloudflare, Envelope
from dr.traffic.names import Names
from dr.traffic.protocol import Change

SHORTEST_SECONDS = 60
AUTOMATIC = 1
AUTOMATIC_SECONDS = 300
"""How long Cloudflare lets an answer be kept where it chooses the time itself."""


class _Zone(msgspec.Struct):
    name: str


class Line(msgspec.Struct, frozen=True):
    """One record as Cloudflare has it: one value each."""

    type: str
    name: str
    content: str
    ttl: int = AUTOMATIC
    proxied: bool = False
    comment: str | None = None
    id: str = ""

    @property
    def meaning(self) -> tuple[str, str, int, bool, str]:
        return self.type, self.content, self.ttl, self.proxied, self.comment or ""

    def told(self) -> dict[str, object]:
        """As a request says it."""
        said = {"type": self.type, "name": self.name, "content": self.content, "ttl": self.ttl}
        return said | {"proxied": self.proxied, "comment": self.comment}


class _Batch(msgspec.Struct):
    """What was done; only that it was is of interest."""


class CloudflareNames(Names):
    """The configured names of one zone."""

    def __init__(self, settings: DnsSettings) -> None:
        super().__init__(settings)
        self._cloudflare = Cloudflare("dns", settings.cloudflare_url, settings.cloudflare_token)
        self._place = f"/zones/{quote(self._zone_id, safe='')}"

    @cached_property
    def _its_name(self) -> str:
        answer = self._cloudflare.ask(Envelope[_Zone], "GET", self._place, f"look at the zone {self._zone_id}")
        return answer.result.name.lower()

    def zone_name(self) -> str:
        return self._its_name

    def records(self, name: str) -> tuple[Record, ...]:
        groups: dict[tuple[str, int, bool, str], list[str]] = {}
        for line in self._lines(name):
            ttl = 0 if line.ttl == AUTOMATIC else line.ttl
            groups.setdefault((line.type, ttl, line.proxied, line.comment or ""), []).append(line.content)
        return tuple(
            sorted(
                Record(kind, tuple(sorted(values)), ttl, proxied=proxied, comment=comment)
                for (kind, ttl, proxied, comment), values in groups.items()
            )
        )

    def adapted(self, name: str, wanted: tuple[Record, ...], before: tuple[Record, ...]) -> tuple[Record, ...]:
        if any(record.alias is not None for record in wanted):
            raise ConfigurationError(
                f"{name}: an alias is Route 53's, and dns.provider is cloudflare",
                hint="Give the host name itself: Cloudflare takes one for the zone's own name too.",
            )
        proxied = any(record.proxied for record in before)
        comment = next((record.comment for record in before if record.comment), "")
        return tuple(
            replace(record, ttl=0 if proxied else max(record.ttl, SHORTEST_SECONDS), proxied=proxied, comment=comment)
            for record in wanted
        )

    def settled(self, change: Change) -> Change:
        before, after = read(change.before.value), read(change.after.value)
        if not any(record.ttl == 0 for record in before):
            return super().settled(change)
        automatic = self._now(tuple(replace(record, ttl=0) for record in after))
        return Change(self.name, change.name, "", change.after, automatic)

    def seconds(self, record: Record) -> float:
        if record.proxied:
            return 0.0
        return float(record.ttl or AUTOMATIC_SECONDS)

    def write(self, wanted: Mapping[str, tuple[Record, ...]], there: Mapping[str, tuple[Record, ...]]) -> str:
        deletes: list[dict[str, object]] = []
        patches: list[dict[str, object]] = []
        posts: list[dict[str, object]] = []
        for name, records in wanted.items():
            goes, changes, comes = matched(self._lines(name), _as_lines(name, records))
            deletes += [{"id": line.id} for line in goes]
            patches += [{"id": old.id} | new.told() for old, new in changes]
            posts += [line.told() for line in comes]
        body = {"deletes": deletes, "patches": patches, "posts": posts}
        doing = f"change the records of {', '.join(wanted)}"
        # After a lost answer nobody knows whether it was done: who applies the plan again looks first.
        self._cloudflare.ask(Envelope[_Batch], "POST", f"{self._place}/dns_records/batch", doing, body, again=False)
        return f"Cloudflare: {len(patches)} changed, {len(posts)} made, {len(deletes)} removed"

    def _lines(self, name: str) -> list[Line]:
        """The records of one name that lead somewhere, page by page."""
        found: list[Line] = []
        page = pages = 1
        while page <= pages:
            path = f"{self._place}/dns_records?name={quote(name, safe='')}&per_page=100&page={page}"
            answer = self._cloudflare.ask(Envelope[list[Line]], "GET", path, f"read the records of {name}")
            found += [line for line in answer.result if line.name.lower() == name and line.type in LEADING]
            pages = answer.result_info.total_pages if answer.result_info else 1
            page += 1
        return found


def matched(there: list[Line], wanted: list[Line]) -> tuple[list[Line], list[tuple[Line, Line]], list[Line]]:
    """What goes, what becomes which, and what comes. A record that becomes another keeps its id and its tags."""
    kept = {line.meaning for line in wanted}
    has = {line.meaning for line in there}
    goes = [line for line in there if line.meaning not in kept]
    comes = [line for line in wanted if line.meaning not in has]
    changes: list[tuple[Line, Line]] = []
    for line in tuple(comes):
        old = next((one for one in goes if one.type == line.type), None)
        if old is not None:
            goes.remove(old)
            comes.remove(line)
            changes.append((old, line))
    return goes, changes, comes


def _as_lines(name: str, records: tuple[Record, ...]) -> list[Line]:
    return [
        Line(record.type, name, value, record.ttl or AUTOMATIC, record.proxied, record.comment or None)
        for record in records
        for value in record.values
    ]

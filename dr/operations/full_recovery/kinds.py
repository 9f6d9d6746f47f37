"""The parts of a full recovery besides the database: what becomes of each, and what it means when there is none."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.labels import Kind
from dr.policy.full_plan import Then


@dataclass(frozen=True, slots=True)
class PartKind:
    """``lack`` says what it means that there is no backup of it."""

    kind: Kind
    then: Then
    lack: str
    needed: bool = True


PART_KINDS: tuple[PartKind, ...] = (
    PartKind(Kind.TERRAFORM, Then.APPLIED, "machines and networks are made by hand"),
    PartKind(Kind.IMAGES, Then.LAUNCHED, "servers are set up from nothing"),
    PartKind(Kind.CONFIG, Then.LAID, "configuration files are written anew by people"),
    PartKind(Kind.CERTIFICATES, Then.LAID, "certificates are issued anew"),
    PartKind(Kind.SECRETS, Then.PUT_BACK, "passwords and keys are made anew by people"),
    PartKind(Kind.FILES, Then.LAID, "uploads that rows name will be missing"),
    PartKind(Kind.REDIS, Then.PUT_BACK, "Redis begins empty: sessions and queues are lost"),
    PartKind(Kind.CODE, Then.LEFT, "the code is as its remotes have it", needed=False),
    PartKind(Kind.LOGS, Then.LEFT, "logs of before are lost", needed=False),
)
"""In the order of the plan. Those that are not ``needed`` may fail without keeping people from the product."""

BY_KIND = {row.kind: row for row in PART_KINDS}
NAMES = tuple(str(row.kind) for row in PART_KINDS)

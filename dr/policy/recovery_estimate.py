"""How long a recovery will probably take, from what earlier ones took. A forecast, and always called one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from dr.catalog.manifest import Manifest

_ENOUGH_SEGMENTS = 4
_SPREAD = 10.0
UNKNOWN = "unknown: nothing has been restored here yet"


@dataclass(frozen=True, slots=True)
class Rates:
    """What the last recovery on this host achieved; None where it could not be measured.

    ``restore_bytes`` are stored bytes per second of fetching and unpacking, ``replay_segments`` segments per second.
    """

    restore_bytes: float | None = None
    replay_segments: float | None = None
    boot_seconds: float | None = None
    check_seconds: float | None = None
    measured_at: datetime | None = None

    def merged(self, newer: Rates) -> Rates:
        """The newer ones; what they lack stays as it was."""
        return Rates(
            newer.restore_bytes or self.restore_bytes,
            newer.replay_segments or self.replay_segments,
            newer.boot_seconds or self.boot_seconds,
            newer.check_seconds or self.check_seconds,
            newer.measured_at or self.measured_at,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """``seconds`` None: not known. ``basis`` says what it rests on, and what it leaves out."""

    seconds: float | None
    basis: str

    def __str__(self) -> str:
        if self.seconds is None:
            return self.basis
        minutes = self.seconds / 60
        shown = f"{minutes:.1f}" if minutes < _SPREAD else f"{minutes:.0f}"
        return f"about {shown} minutes (a forecast from {self.basis})"


def measured(
    restored_bytes: int, restore_seconds: float, segments: int, replay_seconds: float, boot: float, check: float
) -> Rates:
    """The rates of one recovery. Few segments say nothing about a rate."""
    return Rates(
        restored_bytes / restore_seconds if restore_seconds > 0 else None,
        segments / replay_seconds if segments >= _ENOUGH_SEGMENTS and replay_seconds > 0 else None,
        boot,
        check,
    )


def read_back_rates(manifest: Manifest) -> Rates:
    """What reading the backup back took when it was made: it was decrypted and decompressed, but not unpacked."""
    seconds = [proof.seconds for proof in manifest.verifications if proof.passed and proof.seconds > 0]
    return Rates(restore_bytes=manifest.stored_bytes / min(seconds)) if seconds else Rates()


def estimate(rates: Rates, manifest: Manifest, base_bytes: int, segments: int) -> Estimate:
    """Seconds from the first byte fetched to the last check. WAL is fetched while the backup is restored."""
    basis = f"the recovery of {rates.measured_at:%Y-%m-%d %H:%M} UTC" if rates.measured_at else ""
    known = rates
    if rates.restore_bytes is None:
        known = replace(rates, restore_bytes=read_back_rates(manifest).restore_bytes)
        basis = "reading the backup back when it was made"
    if known.restore_bytes is None:
        return Estimate(None, UNKNOWN)
    seconds = base_bytes / known.restore_bytes + (known.boot_seconds or 0) + (known.check_seconds or 0)
    if segments and known.replay_segments is None:
        return Estimate(seconds, f"{basis}; without the replay of {segments} segments, which was not measured yet")
    return Estimate(seconds + segments / (known.replay_segments or 1), basis)

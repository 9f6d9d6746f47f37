"""How fast recoveries are on this host: kept after each one, for the forecast of the next."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dr.configuration.model import System
from dr.evidence.phases import Phase
from dr.operations.whole_file import write_whole
from dr.policy.recovery_estimate import Rates, measured
from dr.policy.recovery_point import RecoveryPoint

logger = logging.getLogger(__name__)

_RESTORING = ("fetch", "decrypt", "decompress", "restore", "combine", "verify files")


def read_rates(system: System) -> Rates:
    """The last ones; empty when nothing was restored here yet."""
    try:
        return msgspec.json.decode(_file(system).read_bytes(), type=Rates)
    except FileNotFoundError:
        return Rates()
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        logger.warning("the measured rates in %s cannot be read: %s", _file(system), error)
        return Rates()


def keep_rates(system: System, point: RecoveryPoint, phases: Iterable[Phase]) -> Rates:
    """Note what a recovery took; what this one could not measure stays as it was."""
    by_name = {phase.name: phase for phase in phases}
    restoring = [by_name[name] for name in _RESTORING if name in by_name]
    seconds = max(item.end for item in restoring) - min(item.begin for item in restoring) if restoring else 0.0
    newest = measured(
        sum(base.manifest.stored_bytes for base in point.chain),
        seconds,
        len(point.pieces),
        _seconds(by_name, "replay"),
        _seconds(by_name, "boot"),
        _seconds(by_name, "check"),
    )
    rates = replace(read_rates(system).merged(newest), measured_at=datetime.now(UTC))
    file = _file(system)
    try:
        write_whole(file, msgspec.json.encode(rates))
    except OSError as error:
        # The database is back; a forecast that cannot be improved must not make that a failure.
        logger.warning("the measured rates cannot be kept in %s: %s", file, error)
    return rates


def _seconds(phases: dict[str, Phase], name: str) -> float:
    return phases[name].seconds if name in phases else 0.0


def _file(system: System) -> Path:
    return system.state_directory / "rates" / f"{system.name}.json"

"""What the infrastructure said of itself when it was applied last, by module: addresses that names are to lead to.

They are this host's notes, for values written as ``terraform:NAME``. What is sensitive is never among them.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.policy.traffic_values import Outputs, together

_FILE = "outputs.json"
_writing = threading.Lock()


def place_of(system: System) -> Path:
    """Where this host keeps plans and outputs of a system's infrastructure; made for its owner alone."""
    place = system.state_directory / "infrastructure" / system.name
    try:
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o700)  # plans hold the values of variables, and so secrets
    except OSError as error:
        raise ConfigurationError(
            f"{place} cannot be made", str(error), "Give state_directory (DR_STATE_DIRECTORY) a place to write to."
        ) from error
    return place


def keep_outputs(system: System, module: str, outputs: Outputs) -> None:
    """Beside those of the other modules that are still there. Whole or not at all: a temporary name, fsync, rename."""
    with _writing:  # modules may be made beside each other
        kept: dict[str, Outputs] = {}
        with suppress(ConfigurationError):  # damaged notes of earlier keep nobody from noting what is true now
            kept = {name: values for name, values in _read(system).items() if Path(name).is_dir()}
        place = place_of(system)
        partial = place / f".{_FILE}.{os.getpid()}"
        with partial.open("wb") as file:
            file.write(msgspec.json.encode({**kept, module: dict(outputs)}))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(place / _FILE)


def kept_outputs(system: System) -> dict[str, tuple[str, ...]]:
    """Of all modules, by name; empty where nothing was ever applied from here. One that two have stands for nothing.

    Raises ``ConfigurationError`` for what is unreadable.
    """
    return together(_read(system))


def _read(system: System) -> dict[str, dict[str, tuple[str, ...]]]:
    file = system.state_directory / "infrastructure" / system.name / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, tuple[str, ...]]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(
            f"{file} cannot be read", str(error), "Remove it and apply the infrastructure again."
        ) from None

"""Reading certificates with their keys as they lie there now; a renewal may be in the midst of replacing both."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.components.certificates.examine import Examined, examine
from dr.components.certificates.places import Place, find
from dr.components.steady_read import read_steadily
from dr.components.tarball import Attributes, attributes
from dr.configuration.components.certificates import CertificatesSettings
from dr.errors import SourceBusy, SourceError, SourceInvalid
from dr.secret import Secret

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.15
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """One file under the name that it has in the backup."""

    name: str
    kept: Attributes
    data: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate whose key is its own, or is encrypted. ``chain`` and ``key`` name some of ``files``."""

    name: str
    files: tuple[File, ...]
    chain: tuple[str, ...]
    key: str
    examined: Examined


@dataclass(frozen=True, slots=True)
class Gathered:
    """What can be backed up, and why the rest cannot, both by name; ``hollow`` directories hold no certificate."""

    held: Mapping[str, Held]
    problems: Mapping[str, str]
    hollow: tuple[Path, ...] = ()


def gather(settings: CertificatesSettings) -> Gathered:
    """Every certificate of the settings. Raises ``SourceError`` when there is none at all."""
    held: dict[str, Held] = {}
    problems: dict[str, str] = {}
    places, hollow = find(settings)
    for place in places:
        try:
            held[place.name] = _patiently(place, settings.passphrase)
        except SourceError as error:
            problems[place.name] = error.message + (f": {error.detail}" if error.detail else "")
    return Gathered(held, problems, hollow)


def _patiently(place: Place, passphrase: Secret | None) -> Held:
    """A renewal replaces one file after the other: what does not fit together is looked at again."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return _read(place, passphrase)
        except (SourceInvalid, SourceBusy):
            time.sleep(_PAUSE_SECONDS)
    return _read(place, passphrase)


def _read(place: Place, passphrase: Secret | None) -> Held:
    chain = [_file(place, path) for path in place.chain]
    key = _file(place, place.key)
    one = len(chain) == 1 and chain[0].name == key.name
    if one and place.chain[0].resolve() != place.key.resolve():
        key = File(f"key-{key.name}", key.kept, key.data)
    elif one:
        chain = [key]
    examined = examine(place.name, b"\n".join(item.data for item in chain), key.data, passphrase)
    beside = [_file(place, path) for path in place.beside]
    files = {item.name: item for item in (*beside, *chain, key)}
    return Held(place.name, tuple(files.values()), tuple(item.name for item in chain), key.name, examined)


def _file(place: Place, path: Path) -> File:
    try:
        reading = read_steadily(path, follow=True, limit=_LIMIT)
    except OSError as error:
        raise SourceInvalid(
            f"{path.name} of {place.name} cannot be read",
            detail=error.strerror or str(error),
            hint="A certificate and its key are worth nothing without each other.",
        ) from error
    if not reading.steady:
        raise SourceBusy(f"somebody is writing {path.name} of {place.name}", hint="Run the backup again.")
    return File(path.name, attributes(reading.stat), reading.data)

"""Is a restored certificate the one that was backed up, and does its key belong to it?

That time has gone by is no fault of a backup (I27): what has expired since is told, and not held against the copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from dr.catalog.manifest import Item, Level
from dr.components.certificates.examine import Chain, Examined, Match, examine
from dr.errors import SourceInvalid
from dr.policy.drill_verdict import Answer, Probe
from dr.secret import Secret

SUMS = "SHA256SUMS"


def probes_of(
    item: Item, facts: Mapping[str, str], directory: Path, passphrase: Secret | None, now: datetime
) -> tuple[Probe, ...]:
    """``item`` and ``facts`` are the manifest's; the files lie in ``directory / item.name``."""
    name, place = item.name, directory / item.name
    wrong = _sums(place)
    if wrong:
        return (_probe(f"files of {name}", Answer.FAILED, wrong),)
    files = _probe(f"files of {name}", Answer.PASSED, "the bytes that were backed up")
    try:
        chain = [(place / part).read_bytes() for part in facts.get(f"{name}/chain", "").split("/")]
        key = place / facts.get(f"{name}/key", "")
        examined = examine(name, b"\n".join(chain), key.read_bytes(), passphrase)
    except (OSError, SourceInvalid) as error:
        return (files, _probe(f"key of {name}", Answer.FAILED, str(error)))
    return (
        files,
        _same(item, examined),
        _key(name, examined, key),
        _chain(name, examined),
        _age(name, examined, now),
    )


def _sums(place: Path) -> str:
    """What differs from the list of hashes that came along in the encrypted tar; empty when nothing does."""
    try:
        lines = (place / SUMS).read_text().splitlines()
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir()}
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    found.pop(SUMS)
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return f"{', '.join(wrong)}: not what was backed up" if wrong or not expected else ""


def _same(item: Item, examined: Examined) -> Probe:
    same = examined.fingerprint == item.digest
    told = f"SHA-256 {examined.fingerprint}" if same else f"SHA-256 {examined.fingerprint} instead of {item.digest}"
    return _probe(f"certificate {item.name}", Answer.PASSED if same else Answer.FAILED, told)


def _key(name: str, examined: Examined, key: Path) -> Probe:
    if key.stat().st_mode & 0o077:
        return _probe(f"key of {name}", Answer.FAILED, "others may read it")
    answer = Answer.PASSED if examined.match is Match.PROVEN else Answer.UNPROVEN
    return _probe(f"key of {name}", answer, str(examined.match))


def _chain(name: str, examined: Examined) -> Probe:
    """A broken one was broken when it was backed up: its bytes are the same."""
    told = f"{examined.chain}{examined.broken and f': {examined.broken}'}"
    answer = Answer.UNPROVEN if examined.chain is Chain.BROKEN else Answer.PASSED
    return _probe(f"chain of {name}", answer, told)


def _age(name: str, examined: Examined, now: datetime) -> Probe:
    told = f"until {examined.not_after:%Y-%m-%d %H:%M} UTC"
    if now < examined.not_after:
        return _probe(f"age of {name}", Answer.PASSED, told)
    return _probe(f"age of {name}", Answer.UNPROVEN, f"it was good {told}: issue a new one for use")


def _probe(name: str, answer: Answer, detail: str) -> Probe:
    return Probe(name, answer, detail, Level.QUERIED)

"""Where the certificates lie: in directories as certbot makes them, or wherever the settings say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.components.certificates import CertificatesSettings
from dr.errors import SourceError

KEY, FULL_CHAIN, CERTIFICATE, CHAIN = "privkey.pem", "fullchain.pem", "cert.pem", "chain.pem"
_HINT = "Correct certificates.directories and certificates.pairs."


@dataclass(frozen=True, slots=True)
class Place:
    """One certificate's files. ``chain`` in order, the certificate first; ``beside`` is kept with them."""

    name: str
    chain: tuple[Path, ...]
    key: Path
    beside: tuple[Path, ...] = ()


def find(settings: CertificatesSettings) -> tuple[tuple[Place, ...], tuple[Path, ...]]:
    """Every certificate of the settings under a name of its own, and the directories that hold none.

    Raises ``SourceError`` when there is no certificate at all.
    """
    found: list[Place] = []
    hollow: list[Path] = []
    for directory in settings.directories:
        inside = _in_directory(directory)
        found += inside
        hollow += [] if inside else [directory]
    found += [Place(pair.chain.stem, (pair.chain,), pair.key) for pair in settings.pairs]
    if not found:
        raise SourceError(
            "there are no certificates where they should be",
            detail=", ".join(map(str, settings.directories)),
            hint=f"A directory of one holds {KEY} with {FULL_CHAIN}. {_HINT}",
        )
    return tuple(_named_apart(found)), tuple(hollow)


def _in_directory(directory: Path) -> list[Place]:
    try:
        below = sorted(path for path in directory.iterdir() if path.is_dir())
        found = [place for path in (directory, *below) if (place := _place(path)) is not None]
    except OSError as error:
        raise SourceError(f"{directory} cannot be read", error.strerror or str(error), _HINT) from error
    return found


def _place(directory: Path) -> Place | None:
    names = {path.name for path in directory.iterdir()}
    if names.isdisjoint((KEY, FULL_CHAIN, CERTIFICATE)):
        return None
    parts = (FULL_CHAIN,) if FULL_CHAIN in names or CERTIFICATE not in names else (CERTIFICATE, CHAIN)
    chain = [part for part in parts if part != CHAIN or part in names]
    beside = [part for part in (CERTIFICATE, CHAIN) if part in names and part not in chain]
    of = directory.joinpath
    return Place(directory.name, tuple(map(of, chain)), of(KEY), tuple(map(of, beside)))


def _named_apart(found: list[Place]) -> Iterator[Place]:
    """Each under a name that can be a file's, and that no other has."""
    taken: set[str] = set()
    for place in found:
        stem = re.sub(r"[^A-Za-z0-9._@-]", "_", place.name).lstrip(".") or "certificate"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        yield Place(name, place.chain, place.key, place.beside)

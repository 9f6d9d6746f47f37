"""What was proven of a backup after it was published: one small object beside its manifest, in every store of its own.

The manifest stays as it was written: rewriting it could bring back one that has expired in the meantime. Of each
store's copy the newest passed and the newest failed proof of each level are kept; the runs' records have all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from dr.catalog.manifest import Verification, level_named
from dr.errors import BackupInvalid

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Proofs:
    """Of one backup, oldest first."""

    label: str
    proofs: tuple[Verification, ...] = ()
    format_version: int = FORMAT_VERSION

    def with_proof(self, proof: Verification) -> Proofs:
        """The same and one more."""
        return Proofs(self.label, newest_of_each((*self.proofs, proof)))


def newest_of_each(proofs: Iterable[Verification]) -> tuple[Verification, ...]:
    """The newest proof of each store, level and outcome, oldest first: what the level proven follows from."""
    newest: dict[tuple[str, str, bool], Verification] = {}
    for proof in sorted(proofs, key=lambda item: item.at):
        newest[proof.store, proof.level, proof.passed] = proof
    return tuple(sorted(newest.values(), key=lambda item: item.at))


_decoder = msgspec.json.Decoder(Proofs)


def to_json(proofs: Proofs) -> bytes:
    """As it is stored."""
    return msgspec.json.format(msgspec.json.encode(proofs), indent=1) + b"\n"


def from_json(data: bytes, origin: str) -> Proofs:
    """Parse a stored record; ``origin`` names it in errors. Raises ``BackupInvalid``."""
    try:
        proofs = _decoder.decode(data)
        if proofs.format_version != FORMAT_VERSION:
            raise ValueError(f"format {proofs.format_version}, this program reads format {FORMAT_VERSION}")
        for proof in proofs.proofs:
            level_named(proof.level)
        if any(proof.at.tzinfo is None for proof in proofs.proofs):
            raise ValueError("a time has no zone")
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise BackupInvalid(
            f"{origin} is not a record of proofs",
            detail=str(error),
            hint="Remove it, then dr verify-backup LABEL. The backup itself is not touched by it.",
        ) from error
    return proofs

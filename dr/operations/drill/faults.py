"""What an error in the midst of a drill says: that the backup is bad, or that this host lacks something (I27)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping

from dr.catalog.manifest import Level, level_named
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import (
    AuthenticationFailed,
    BackupNotFound,
    ConfigurationError,
    DrError,
    DrillInconclusive,
    KeyUnusable,
    ObjectArchived,
    ObjectMissing,
    RecoveryFailed,
    ServerUnreachable,
    StepTimedOut,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
    TargetRefused,
    ToolError,
)
from dr.operations.drill.draw import Drawn
from dr.operations.find_backup import Found, source_stores
from dr.operations.prove import prove_copy
from dr.operations.repositories import open_repository
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.environment_faults import environment_fault
from dr.policy.recovery_point import RecoveryPoint, WalCopy
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

_THIS_HOST = (
    AuthenticationFailed,
    ConfigurationError,
    DrillInconclusive,
    ObjectArchived,
    ServerUnreachable,
    StepTimedOut,
    StoreDenied,
    StoreFull,
    StoreUnavailable,
    TargetRefused,
    ToolError,
)
"""Errors that say nothing about the backup, whatever the drill was at."""


def fault(step: str, error: DrError, level: Level) -> Probe:
    """The error as an answer; ``level`` is the one that the drill was about to reach."""
    text = " ".join(part for part in (error.message, error.detail) if part)
    lacking = environment_fault(text)
    if lacking:
        return Probe(step, Answer.UNPROVEN, f"{lacking} ({text})", level, essential=True)
    if isinstance(error, _THIS_HOST):
        return Probe(step, Answer.UNPROVEN, text, level, essential=True)
    if isinstance(error, (BackupNotFound, ObjectMissing)):
        return Probe(step, Answer.FAILED, text, Level.STORED)
    return Probe(step, Answer.FAILED, text, level)


def diagnose(system: System, drawn: Drawn, step: str, error: DrError, level: Level) -> tuple[Probe, ...]:
    """The same for an error while a copy was brought back: all that it needs is read again to find the first failing
    level.

    Where all copies are whole and only the key is not here, that is this host's lack.
    """
    return diagnose_copies(
        system, drawn.chain, step, error, level, more=lambda: prove_wal_pieces(system, drawn.chosen.point)
    )


def diagnose_copies(
    system: System,
    chain: tuple[Found, ...],
    step: str,
    error: DrError,
    level: Level,
    *,
    more: Callable[[], tuple[Probe, ...]] = tuple,
) -> tuple[Probe, ...]:
    """The same for these backups; ``more`` proves what else was needed."""
    probe = fault(step, error, level)
    if probe.answer is Answer.UNPROVEN or isinstance(error, RecoveryFailed):
        return (probe,)
    try:
        copies = prove_copies(system, chain)
        others = more()
    except DrError as failure:
        return (probe, fault("copies", failure, level))
    if any(item.answer is Answer.FAILED for item in (*copies, *others)):
        return (*copies, *others)
    if isinstance(error, KeyUnusable):
        return (Probe(step, Answer.UNPROVEN, probe.detail, Level.DECRYPTED, essential=True), *copies)
    return (probe, *copies)


def prove_copies(system: System, chain: tuple[Found, ...]) -> tuple[Probe, ...]:
    """Every store's copy of these backups, read whole."""
    with opened(system.encryption) as cipher:
        return tuple(probe for found in chain for probe in _prove(system, found, cipher))


def _prove(system: System, found: Found, cipher: Cipher) -> list[Probe]:
    probes = []
    for store in source_stores(system, found):
        name = f"copy of {found.manifest.label} in {store.name}"
        try:
            proof = prove_copy(store, found.manifest, cipher, "")
        except StoreUnavailable as error:
            probes.append(Probe(name, Answer.UNPROVEN, error.message, Level.STORED))
            continue
        answer = Answer.PASSED if proof.passed else Answer.FAILED
        probes.append(Probe(name, answer, proof.detail, level_named(proof.level)))
    return probes


def prove_wal_pieces(system: System, point: RecoveryPoint | None) -> tuple[Probe, ...]:
    """The pieces of WAL of which no copy is what was stored; none when all are."""
    if point is None:
        return ()
    stores = open_repository(system).stores
    probes = []
    for piece in point.pieces:
        problems = [problem for copy in piece.copies if (problem := _problem(stores, copy))]
        if len(problems) == len(piece.copies):
            level = max((level for level, _ in problems), default=Level.STORED)
            detail = "; ".join(text for _, text in problems)
            probes.append(Probe(f"WAL {piece.name}", Answer.FAILED, detail, level))
    return tuple(probes)


def _problem(stores: Mapping[str, Store], copy: WalCopy) -> tuple[Level, str] | None:
    if copy.store not in stores:
        return Level.STORED, f"{copy.store} is not among the stores"
    digest = hashlib.sha256()
    try:
        for chunk in stores[copy.store].read(copy.key):
            digest.update(chunk)
    except StoreError as error:
        return Level.STORED, error.message
    if digest.hexdigest() != copy.stored_sha256:
        return Level.CHECKSUMMED, f"{copy.store}:{copy.key} is not what was stored"
    return None

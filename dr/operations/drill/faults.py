"""What an error in the midst of a drill says: that the backup is bad, or that this host lacks something (I27)."""

from __future__ import annotations

import logging

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
    StoreFull,
    StoreUnavailable,
    TargetRefused,
    ToolError,
)
from dr.operations.find_backup import Found, source_stores
from dr.operations.prove import prove_copy
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.environment_faults import environment_fault

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


def diagnose(system: System, chain: tuple[Found, ...], step: str, error: DrError, level: Level) -> tuple[Probe, ...]:
    """The same for an error while backups were brought back: every copy is read again to find the first failing level.

    Where all copies are whole and only the key is not here, that is this host's lack.
    """
    probe = fault(step, error, level)
    if probe.answer is Answer.UNPROVEN or isinstance(error, RecoveryFailed):
        return (probe,)
    try:
        copies = _copies(system, chain)
    except DrError as failure:
        return (probe, fault("copies", failure, level))
    if any(item.answer is Answer.FAILED for item in copies):
        return copies
    if isinstance(error, KeyUnusable):
        return (Probe(step, Answer.UNPROVEN, probe.detail, Level.DECRYPTED, essential=True), *copies)
    return (probe, *copies)


def _copies(system: System, chain: tuple[Found, ...]) -> tuple[Probe, ...]:
    with opened(system.encryption) as cipher:
        return tuple(probe for found in chain for probe in _prove(system, found, cipher))


def _prove(system: System, found: Found, cipher: Cipher) -> list[Probe]:
    probes = []
    for store in source_stores(system, found):
        proof = prove_copy(store, found.manifest, cipher, "")
        level = level_named(proof.level)
        answer = Answer.PASSED if proof.passed else Answer.FAILED
        probes.append(Probe(f"copy of {found.manifest.label} in {store.name}", answer, proof.detail, level))
    return probes

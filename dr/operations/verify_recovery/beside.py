"""What the product needs beside its database: Redis, the certificates, and nobody in it who was to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.operations.check_source import source_url
from dr.operations.erasure.re_erase import all_entries, run_statements
from dr.operations.erasure.statements import ErasureStatements, read_statements
from dr.operations.verify_recovery.asking import Question
from dr.policy.compare_expected import few
from dr.policy.recovered_state import Finding, Said

_SECONDS = 20.0
_ANSWER_SECONDS = 10.0


def beside_lanes(system: System, expected: Expected | None, seconds: float) -> tuple[tuple[Question, ...], ...]:
    """Each by itself: none waits for another, nor for the database."""
    redis = Question("redis", min(_ANSWER_SECONDS, seconds), lambda: _redis(system, expected), Said.FAILED)
    return (redis,), (Question("certificates", _SECONDS, lambda: _certificates(system)),)


def erased_lane(system: System, seconds: float) -> tuple[Question, ...]:
    """By the operator's own check statements."""
    return (Question("erased people", seconds + _SECONDS, lambda: _erased(system)),)


def _redis(system: System, expected: Expected | None) -> Iterator[Finding]:
    settings = system.components.redis
    if settings.url is None:
        yield Finding("redis", Said.NOT_ASKED, "no Redis is configured: redis.url")
        return
    from dr.components.redis.service_check import check_service

    found = check_service(settings)
    yield Finding("redis", Said.PASSED, f"Redis {found.version} answers and kept a key that was written")
    wanted = expected.redis_persistence if expected is not None else ""
    if not found.persistence:
        detail, mend = "it does not tell how it persists (CONFIG GET)", "Let the user of redis.url +config|get."
        yield Finding("redis persistence", Said.UNPROVEN, detail, mend)
    elif found.problems:
        yield Finding("redis persistence", Said.FAILED, "; ".join(found.problems), "See Redis's log and its disk.")
    elif wanted and wanted != found.persistence:
        detail = f"{found.persistence}; it was {wanted}"
        yield Finding("redis persistence", Said.FAILED, detail, "Correct redis.conf, or CONFIG SET and CONFIG REWRITE.")
    elif not found.persists and not settings.cache_only:
        detail = f"{found.persistence}: what is written now is gone with the next restart"
        mend = "CONFIG SET appendonly yes, then CONFIG REWRITE; or say redis.cache_only where nothing is lost."
        yield Finding("redis persistence", Said.FAILED, detail, mend)
    else:
        yield Finding("redis persistence", Said.PASSED, found.persistence)


def _certificates(system: System) -> Iterator[Finding]:
    settings = system.components.certificates
    if not settings.directories and not settings.pairs:
        yield Finding("certificates", Said.NOT_ASKED, "none is configured: certificates.directories")
        return
    from dr.components.certificates.examine import Chain, Match
    from dr.components.certificates.gather import gather

    gathered, now = gather(settings), datetime.now(UTC)
    bad, open_ = [f"{name}: {problem}" for name, problem in gathered.problems.items()], []
    for name, held in gathered.held.items():
        found = held.examined
        if now >= found.not_after:
            bad.append(f"{name} expired at {found.not_after:%Y-%m-%d %H:%M} UTC")
        elif now < found.not_before:
            bad.append(f"{name} is not good before {found.not_before:%Y-%m-%d %H:%M} UTC")
        elif found.chain is Chain.BROKEN:
            bad.append(f"{name}: {found.chain}")
        elif found.match is not Match.PROVEN:
            open_.append(f"{name}: {found.match}")
    if bad:
        mend = "dr restore certificates, or renew them (certificates.renewal_command)."
        yield Finding("certificates", Said.FAILED, few(tuple(bad)), mend)
    elif open_:
        yield Finding("certificates", Said.UNPROVEN, few(tuple(open_)), "Set certificates.passphrase.")
    else:
        soonest = min((held.examined.not_after for held in gathered.held.values()), default=now)
        told = f"{len(gathered.held)} valid, each with its key; the first ends {soonest:%Y-%m-%d} UTC"
        yield Finding("certificates", Said.PASSED, told)


def _erased(system: System) -> Iterator[Finding]:
    settings = system.procedures.erasure
    if settings.ledger is None and settings.statements is None:
        yield Finding("erased people", Said.NOT_ASKED, "no ledger of erasures is configured: erasure.ledger")
        return
    entries, notes = all_entries(system)
    if not entries:
        yield Finding("erased people", Said.PASSED, "; ".join(("nobody has asked to be forgotten", *notes)))
        return
    subjects = tuple(dict.fromkeys(entry.subject for entry in entries))
    checks = ErasureStatements((), read_statements(settings.statements).checks)
    run_statements(system, source_url(system), subjects, checks)
    yield Finding("erased people", Said.PASSED, "; ".join((f"none of {len(subjects)} is there", *notes)))

"""Everything that is asked, known before anybody asks: what does not answer is then told by name.

Questions of different kinds are put by different processes (lanes): a call into a file system that hangs cannot be
interrupted, not even by SIGKILL, and what a C library does while it waits, or when it crashes, must not touch the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dr.configuration.model import System
from dr.operations.application.parts import is_configured, regions_services
from dr.operations.assess.prober import Lane
from dr.operations.assess.wire import Question, Topic
from dr.policy.observation import Subject

PREFECT_SERVER = "PREFECT_API_URL"

_QUICK, _USUAL, _LONG = 4.0, 5.0, 6.5


def questions(system: System, environ: Mapping[str, str]) -> dict[Lane, tuple[Question, ...]]:
    """What to ask of this system, by who asks it. Lanes without a question are left out."""
    asked = {
        Lane.DATABASE: (Question(Subject.DATABASE, _USUAL),) if system.postgres.configured else (),
        Lane.STANDBY: (Question(Subject.STANDBY, _USUAL),) if system.procedures.region.standby_url else (),
        Lane.PRODUCT: tuple(_product(system, environ)),
        Lane.FILES: tuple(_files(system)),
        Lane.KEY: (Question(Subject.KEY, _LONG),) if has_key(system) else (),
        Lane.COPIES: tuple(_copies(system)),
    }
    return {lane: found for lane, found in asked.items() if found}


def has_key(system: System) -> bool:
    """Whether anything is configured that encrypts or opens backups."""
    key = system.encryption
    return bool(key.recipients or key.passphrase or key.public_key_file or key.secret_key_file or key.gnupg_home)


def has_certificates(system: System) -> bool:
    """Whether the system has certificates to look at."""
    settings = system.components.certificates
    return bool(settings.directories or settings.pairs)


def _product(system: System, environ: Mapping[str, str]) -> Iterator[Question]:
    if system.components.redis.url is not None:
        yield Question(Subject.REDIS, _QUICK)
    if is_configured(system):
        settings = system.procedures.application
        limit = min(float(settings.answer_seconds), _USUAL)
        for url in dict.fromkeys((*settings.health_urls, *settings.session_urls)):
            yield Question(Subject.APPLICATION, limit, url)
    recovery = system.procedures.recovery
    # What only a failover begins is stopped, as it should be; how the standby itself is, is asked of it.
    others = regions_services(system) - {recovery.database_service, recovery.redis_service}
    for item in system.procedures.services:
        if item.name not in others:
            yield Question(Subject.SERVICE, _USUAL, item.name)
    if environ.get(PREFECT_SERVER, "").strip():
        yield Question(Subject.SCHEDULES, _USUAL)


def _files(system: System) -> Iterator[Question]:
    for path in places(system):
        yield Question(Subject.DISK, _QUICK, str(path))
    if has_certificates(system):
        yield Question(Subject.CERTIFICATES, _QUICK)
    if system.wal.method != "none":
        yield Question(Subject.WAL, _QUICK, topic=Topic.RECEIVER)
    if system.procedures.recovery.data_directory is not None:
        yield Question(Subject.DATABASE, _QUICK, topic=Topic.LOG)
    yield Question(Subject.UNFINISHED, _QUICK)


def places(system: System) -> tuple[Path, ...]:
    """What lies on this host and must not run full: each of these, and ``/``."""
    recovery = system.procedures.recovery
    named = [
        Path("/"),
        system.state_directory,
        *(store.path for store in system.stores if store.path is not None),
        system.wal_spool if system.wal.method != "none" else None,
        recovery.data_directory,
        recovery.redis_directory,
        recovery.directory,
    ]
    return tuple(dict.fromkeys(path.absolute() for path in named if path is not None))


def _copies(system: System) -> Iterator[Question]:
    """Of each store, one after the other: what matters most first."""
    for store in system.stores:
        topics = [Topic.ITSELF, Topic.DRILLS, Topic.COMPONENTS]
        if system.postgres.physical:
            topics[1:1] = [Topic.WAL, Topic.FORECAST]
        yield from (Question(Subject.STORE, _LONG, store.name, topic) for topic in topics)

"""Boot the copy where nothing can get out, and ask it everything that a drill asks. Every answer is kept, none raises.

The questions of a recovery come first: they are what its RTO is measured by. What follows is the drill's own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from dr.catalog.canary import Beat
from dr.catalog.manifest import Level
from dr.configuration.model import System
from dr.errors import DrError, Interrupted
from dr.evidence.findings import CheckedCopy
from dr.evidence.phases import Phase, Stopwatch
from dr.operations.check_recovery import check_database, check_running
from dr.operations.check_source import bin_directories
from dr.operations.drill.assertions import run_assertions
from dr.operations.drill.contents import check_dump_contents
from dr.operations.drill.draw import Drawn, limited_to
from dr.operations.drill.faults import fault, prove_copies, prove_wal_pieces
from dr.operations.drill.health import health_check
from dr.operations.drill.isolation import environment_probes, prove_isolation, quiet_probe, require_kept_in
from dr.operations.drill.lay_out import database_name, directory_of, loading_recipe
from dr.operations.drill.own_questions import as_probe, database_bytes, extensions, server_log
from dr.operations.drill.reconcile import reconcile
from dr.operations.erasure.probe import erasure_probe
from dr.operations.wal.replay import replayed
from dr.policy.drill_verdict import Answer, Probe
from dr.postgres.amcheck import amcheck
from dr.postgres.cluster import Server, running
from dr.postgres.installations import Installation, server_for
from dr.postgres.neutralise import mask, neutralise
from dr.postgres.page_checksums import check_pages
from dr.postgres.recovery_log import Reached
from dr.postgres.snapshots import ended_since

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Questioned:
    """What the copy answered, and the highest ``level`` that it came to.

    ``reached`` is PostgreSQL's word on where replay ended, ``commit`` the time of the last transaction in it; ``hit``:
    it stopped because the target was there. ``canary`` is the newest canary row, ``database_bytes`` the whole copy's.
    """

    probes: list[Probe] = field(default_factory=list)
    phases: tuple[Phase, ...] = ()
    level: Level = Level.RESTORED
    canary: Beat | None = None
    reached: str = ""
    commit: datetime | None = None
    hit: bool = False
    tables: int = 0
    rows: int = 0
    database_bytes: int = 0
    notes: tuple[str, ...] = ()


def question(system: System, drawn: Drawn) -> Questioned:
    """Everything there is to ask of this copy; it is stopped afterwards and lies where it was."""
    session = _Session(limited_to(system, drawn.request.stores), drawn)
    if drawn.chosen.point is not None:
        session.physical()
    else:
        session.logical()
    session.found.phases = session.stopwatch.phases
    return session.found


class _Session:
    """One copy under question. Each step's failure is an answer, and the next step is asked all the same."""

    def __init__(self, system: System, drawn: Drawn) -> None:
        self._system = system
        self._drawn = drawn
        self._manifest = drawn.manifest
        self._installation: Installation = server_for(self._manifest.server_major, bin_directories(system))
        self._directory = directory_of(drawn).directory
        self.found = Questioned()
        self.stopwatch = Stopwatch()

    def physical(self) -> None:
        point = self._drawn.chosen.point
        with (
            self._step("boot", Level.BOOTED),
            replayed(self._system, self._manifest, self._directory, point, sealed=True) as copy,
        ):
            self.found.level = Level.BOOTED
            self._note_replay(copy.reached)
            self.found.probes.append(server_log(copy.server.process.stderr_so_far()))
            between = self._ended_since_the_dump(copy.server)
            self._prove_kept_in(copy.server)
            with self._step("questions", Level.QUERIED):
                self._note(check_running(self._manifest, copy, point))
            if (dump := self._drawn.against) is not None:
                name = database_name(dump)
                self._ask("reconcile", partial(reconcile, copy.server.url_for(name), dump, self._installation, between))
            self._ask_further(copy.server)
        if self.found.level < Level.BOOTED:
            self._ask("WAL", lambda: prove_wal_pieces(self._system, point))
        else:
            self._ask("page checksums", lambda: (check_pages(self._directory, self._installation),))

    def logical(self) -> None:
        with self._step("boot", Level.BOOTED), running(self._directory, self._installation, loading_recipe()) as server:
            self.found.level = Level.BOOTED
            self._prove_kept_in(server)
            url = server.url_for(database_name(self._manifest))
            with self._step("questions", Level.QUERIED):
                self._note(check_database(self._manifest, url))
            self._ask("contents", lambda: check_dump_contents(url, self._manifest, self._installation))
            self._ask_further(server)
        if any(item.answer is Answer.FAILED for item in self.found.probes):
            # Was it stored so, or did it get lost on the way?
            self._ask("copies", lambda: prove_copies(self._system, self._drawn.chain))

    def _ended_since_the_dump(self, server: Server) -> tuple[int, ...]:
        """Asked before the copy is changed: what a drill does in it are transactions too."""
        dump = self._drawn.against
        return () if dump is None or dump.snapshot is None else ended_since(server.url, dump.snapshot.visible)

    def _prove_kept_in(self, server: Server) -> None:
        """First of all. A copy that is seen outside is not questioned any further."""
        with self.stopwatch.phase("isolation"):
            self.found.probes += (*prove_isolation(server, self._installation), *environment_probes(server))
            require_kept_in(self.found.probes)

    def _neutralise(self, server: Server) -> None:
        """Before anybody but ourselves comes, and after its content was compared with what was backed up."""
        with self.stopwatch.phase("neutralise"):
            self.found.probes.append(quiet_probe(neutralise(server)))
            require_kept_in(self.found.probes[-1:])
            if masked := mask(server, self._database, self._system.drill.masking):
                self.found.probes.append(Probe("masking", Answer.PASSED, f"{len(masked)} files", Level.BOOTED))

    def _note_replay(self, reached: Reached) -> None:
        self.found.reached, self.found.commit, self.found.hit = str(reached), reached.commit, bool(reached.stopped)

    def _ask_further(self, server: Server) -> None:
        drill = self._system.drill
        self._neutralise(server)
        self._ask("extensions", lambda: extensions(server.url_for(self._database)))
        with self._step("size", Level.QUERIED):
            self.found.database_bytes = database_bytes(server.url)
        self._ask("indexes", lambda: amcheck(server, self._installation))
        self._ask("erasure", lambda: (erasure_probe(self._system, server.url_for(self._database)),))
        self._ask("assertions", lambda: run_assertions(server, self._database, drill.assertions))
        if drill.health_check:
            self._ask("health check", lambda: self._health(server))

    def _health(self, server: Server) -> Iterable[Probe]:
        probe = health_check(self._system.drill.health_check, server, self._database)
        if probe.answer is Answer.PASSED and self.found.level is Level.QUERIED:
            self.found.level = Level.APP_CHECKED
        return (probe,)

    @property
    def _database(self) -> str:
        return database_name(self._manifest)

    def _note(self, checked: CheckedCopy) -> None:
        for check in checked.checks:
            self.found.probes.append(as_probe(check))
        for phase in checked.phases:
            self.stopwatch.add(phase)
        self.found.canary, self.found.tables, self.found.rows = checked.canary, checked.tables, checked.rows
        self.found.notes += checked.notes
        self.found.level = Level.QUERIED

    def _ask(self, name: str, ask: Callable[[], Iterable[Probe]]) -> None:
        with self._step(name, Level.QUERIED), self.stopwatch.phase(name):
            self.found.probes.extend(ask())

    @contextmanager
    def _step(self, name: str, level: Level) -> Iterator[None]:
        try:
            yield
        except Interrupted:
            raise
        except DrError as error:
            logger.warning("drill, %s: %s", name, error)
            self.found.probes.append(fault(name, error, level))

"""A production to drill against: a server with a canary, a dump, a base backup, and WAL in the stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.drills import DrillRecord
from dr.catalog.labels import Kind
from dr.catalog.manifest import Level
from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.drill.conclude import Progress, conclude
from dr.operations.drill.draw import draw, limited_to
from dr.operations.drill.faults import diagnose, fault
from dr.operations.drill.lay_out import directory_of, lay_out
from dr.operations.drill.place import remove
from dr.operations.drill.question import question
from dr.policy.drill_draw import DrillRequest
from dr.postgres import canary
from dr.postgres.connection import connected
from dr.postgres.installations import Installation
from tests.cluster_template import new_cluster
from tests.integration.engine.procedures import make
from tests.integration.pitr.conftest import system_in
from tests.integration.pitr.shelf import Primary, primary, put_archive

CONTENT = """
CREATE TABLE orders (id bigint PRIMARY KEY, note text, big text);
INSERT INTO orders SELECT g, 'Größe ' || g, repeat(md5(g::text), g % 90) FROM generate_series(1, 500) g;
CREATE INDEX orders_note ON orders (note);
CREATE UNLOGGED TABLE hits (id int);
INSERT INTO hits VALUES (1);
CREATE TABLE empty (id int);
CREATE SEQUENCE numbers;
SELECT nextval('numbers');
SELECT lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'));
CREATE ROLE "Odd, role" NOLOGIN;
ALTER TABLE orders OWNER TO "Odd, role";
"""


@dataclass(slots=True)
class Production:
    """What is protected, the system that protects it, and what was made so far."""

    system: System
    origin: Primary
    installation: Installation
    dump: str = ""
    base: str = ""

    def beat(self, count: int = 1) -> None:
        """Canary rows."""
        with connected(self.origin.server.url) as connection:
            canary.create_table(connection)
            for _ in range(count):
                canary.beat(connection)
        self.origin.sample()

    def ship(self) -> None:
        """All WAL there is goes into the stores, the open segment too."""
        self.origin.switch()
        self.origin.sample()
        put_archive(self.system, self.origin)

    def back_up(self, *, busy: bool = True) -> None:
        """A base backup, commits, a dump, commits, and all WAL; not ``busy``: nobody commits anything."""
        self.base = make(self.system, Kind.BASE).label
        if busy:
            self.beat(2)
            self.origin.commit(3)
        self.dump = make(self.system, Kind.DUMP).label
        if busy:
            self.origin.commit(3)
            self.beat(2)
        self.ship()


@contextmanager
def production(
    directory: Path,
    installation: Installation,
    *stores: object,
    content: str = CONTENT,
    canary_alive: bool = True,
    more: Mapping[str, str] | None = None,
    **other: object,
) -> Iterator[Production]:
    """A running server with this content; nothing is backed up yet."""
    new_cluster(directory / "data", installation)
    with primary(directory / "data", installation, directory / "archive", more) as origin:
        origin.prepare()
        with connected(origin.server.url) as connection:
            connection.execute(content.encode())
        system = system_in(directory, origin.server.url, *stores, **other)  # type: ignore[arg-type]
        made = Production(system, origin, installation)
        if canary_alive:
            made.beat()
        yield made


def drill(system: System, request: DrillRequest, *, keep: bool = False) -> DrillRecord:
    """One drill, step by step as the flow makes it."""
    progress = Progress()
    limited = limited_to(system, request.stores)
    try:
        with progress.stopwatch.phase("choose"):
            progress.drawn = draw(system, request)
        with progress.stopwatch.phase("restore"):
            progress.restored = lay_out(system, progress.drawn)
        progress.questioned = question(system, progress.drawn)
    except DrError as error:
        if progress.drawn is None:
            progress.faults = (fault("choose", error, Level.STORED),)
        else:
            progress.faults = diagnose(limited, progress.drawn, "restore", error, Level.RESTORED)
    record = conclude(system, request, progress, run="test", procedure="test")
    if progress.drawn is not None and not keep:
        remove(directory_of(progress.drawn).directory)
    return record


def answers(record: DrillRecord) -> dict[str, str]:
    """Every question's answer by its name."""
    return {item.name: item.answer for item in record.probes}

"""Does it hold what it promises? What works today and fails, or lies, with the next INSERT or the next sort."""

from __future__ import annotations

from collections.abc import Iterator

from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.operations.check_source import source_url
from dr.operations.verify_recovery.asking import Question
from dr.policy.compare_expected import few
from dr.policy.recovered_state import Finding, Said
from dr.postgres.questions import asking, checksum_failures, other_collations, sequences_behind, unsound


def soundness_questions(system: System, expected: Expected | None, seconds: float) -> tuple[Question, ...]:
    """``expected`` knows which flaws there were before."""
    known = frozenset(expected.flaws) if expected is not None else frozenset[str]()
    return (
        Question("sequences", seconds, lambda: _sequences(system, known, seconds)),
        Question("indexes and constraints", seconds, lambda: _unsound(system, known, seconds)),
        Question("collations", seconds, lambda: _collations(system, seconds)),
        Question("page checksums", seconds, lambda: _checksums(system, seconds)),
    )


def _sequences(system: System, known: frozenset[str], seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        found = sequences_behind(connection)
    behind = tuple(text for text in found.behind if f"sequence {text.partition(' ')[0]}" not in known)
    if behind:
        mend = "SELECT setval(SEQUENCE, (SELECT max(COLUMN) FROM TABLE)); before anybody inserts."
        yield Finding("sequences", Said.FAILED, few(behind), mend)
        return
    if found.unasked:
        yield Finding(
            "sequences", Said.UNPROVEN, few(found.unasked), "Grant the role SELECT on them, or more --seconds."
        )
        return
    yield Finding("sequences", Said.PASSED, f"{found.asked} columns that one feeds: each gives a number that is free")


def _unsound(system: System, known: frozenset[str], seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        found = unsound(connection)
    new = [item for item in found if str(item) not in known]
    if new:
        told = tuple(f"{item} is not valid" for item in new)
        yield Finding("indexes and constraints", Said.FAILED, few(told), new[0].mend)
        return
    before = f"; {few(tuple(str(item) for item in found))} not valid, as before" if found else ""
    yield Finding("indexes and constraints", Said.PASSED, f"all valid{before}" if not found else f"no others{before}")


def _collations(system: System, seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        found = other_collations(connection)
        recorded = connection.info.server_version >= 150000
    if found:
        told = tuple(str(item) for item in found)
        yield Finding("collations", Said.FAILED, f"indexes may be out of order: {few(told)}", found[0].mend)
        return
    told_one = "as they were when the indexes were made"
    unknown = "" if recorded else "; of the database's own, PostgreSQL records no version before 15"
    yield Finding("collations", Said.PASSED, told_one + unknown)


def _checksums(system: System, seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        found = checksum_failures(connection)
    if found.failures:
        last = f", the last at {found.last_failure:%Y-%m-%d %H:%M:%S}" if found.last_failure else ""
        detail = f"{found.failures} damaged pages were met in {found.databases}{last}"
        yield Finding("page checksums", Said.FAILED, detail, "dr recover-db --in-place; do not go on writing to it.")
    elif not found.checksums:
        yield Finding(
            "page checksums", Said.NOT_ASKED, "data_checksums is off: a damaged page shows only when it is read"
        )
    else:
        yield Finding("page checksums", Said.PASSED, "no damaged page was met")

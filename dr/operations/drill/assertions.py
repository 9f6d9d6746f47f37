"""The operator's own questions to a restored copy: SQL files with the answers that they must give."""

from __future__ import annotations

import logging
from pathlib import Path

from dr.errors import SourceError
from dr.operations.drill.own_questions import lacking_probe
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.environment_faults import environment_fault
from dr.policy.expectation import Assertion, parse_assertion
from dr.postgres.ask import ask
from dr.postgres.cluster import Server

logger = logging.getLogger(__name__)


def read_assertions(directory: Path) -> tuple[Assertion, ...]:
    """Every file of the directory, by name. Raises ConfigurationError for one that does not say what it expects."""
    files = sorted(directory.glob("*.sql"))
    return tuple(parse_assertion(file.name, file.read_text(encoding="utf-8")) for file in files)


def run_assertions(server: Server, database: str, directory: Path | None) -> tuple[Probe, ...]:
    """Ask them all. None configured: no probes; a directory without any: not proven."""
    if directory is None:
        return ()
    assertions = read_assertions(directory) if directory.is_dir() else ()
    if not assertions:
        detail = f"drill.assertions is {directory}, and there are no SQL files: put NAME.sql there, or unset it"
        return (Probe("assertions", Answer.UNPROVEN, detail),)
    return tuple(_ask(server, database, item) for item in assertions)


def _ask(server: Server, database: str, assertion: Assertion) -> Probe:
    name = f"assertion {assertion.name.removesuffix('.sql')}"
    try:
        answered = ask(
            server.url_for(assertion.database or database),
            assertion.statements,
            timeout_seconds=assertion.timeout_seconds,
        )
    except SourceError as error:
        return Probe(name, Answer.FAILED, f"{error.message} {error.detail}".strip())
    if answered.error:
        lacking = environment_fault(answered.error)
        return lacking_probe(name, lacking, answered.error) if lacking else Probe(name, Answer.FAILED, answered.error)
    problem = assertion.problem(answered.rows)
    told = f" ({assertion.description})" if assertion.description else ""
    if problem:
        return Probe(name, Answer.FAILED, f"{problem}{told}")
    return Probe(name, Answer.PASSED, f"as expected: {assertion.expect}{told}")

"""Which runner runs the procedures: the plain one, unless a Prefect server is configured and answers at once.

Only the environment counts (PREFECT_API_URL, and DR_RUNNER to decide by hand): reading a Prefect profile would mean
importing Prefect, which can be what is broken. Restoring never waits for a server that does not answer.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dr.cli.bars import progress_shown
from dr.cli.session import Session
from dr.errors import ConfigurationError

if TYPE_CHECKING:
    from dr.configuration import Effective
    from tasks.run import Cell, RunRecord

RUNNER = "DR_RUNNER"
SERVER = "PREFECT_API_URL"
_PATIENCE_SECONDS = 1.0


@contextmanager
def procedures(session: Session) -> Iterator[None]:
    """Everything inside may import and call flows; their progress is drawn."""
    choose_runner(session)
    with progress_shown(session.output):
        yield


def choose_runner(session: Session) -> None:
    """Settle the runner before any flow is imported, and say so where it is not the one that was configured."""
    if os.environ.get(RUNNER, "").strip():
        return
    server = os.environ.get(SERVER, "").strip()
    if server and server_answers(server):
        from tasks.runner import REASON
        from tasks.runner import RUNNER as CHOSEN

        if CHOSEN == "plain":
            session.output.note(f"{REASON}; running without Prefect")
        return
    os.environ[RUNNER] = "plain"
    if server:
        session.output.note(f"the Prefect server at {server} does not answer: running without it, and its Blocks")


def server_answers(server: str, patience_seconds: float = _PATIENCE_SECONDS) -> bool:
    """Whether the server's /health says yes within ``patience_seconds``, name resolution and connecting included."""
    import urllib.error
    import urllib.request

    answers: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"{server.rstrip('/')}/health", timeout=patience_seconds) as answer:  # noqa: S310
                answers.append(answer.status == 200)
        except (OSError, ValueError) as error:
            answers.append(False)
            if isinstance(error, urllib.error.HTTPError):
                error.close()

    # A resolver has no deadline of its own, so the waiting has one.
    asking = threading.Thread(target=ask, daemon=True, name="ask the Prefect server")
    asking.start()
    asking.join(patience_seconds)
    return answers == [True]


def require_server() -> str:
    """The address of the Prefect server. Raises ConfigurationError when none is configured or it does not answer."""
    server = os.environ.get(SERVER, "").strip()
    hint = "Without --remote no server is needed."
    if not server:
        raise ConfigurationError(
            f"no Prefect server is configured: {SERVER} is not set",
            hint=f"Set {SERVER} (http://127.0.0.1:4200/api after `make up`). {hint}",
        )
    if not server_answers(server, patience_seconds=5):
        raise ConfigurationError(
            f"the Prefect server at {server} does not answer", hint=f"Begin it, or correct {SERVER}. {hint}"
        )
    return server


def effective_configuration(
    session: Session, *, require_postgres: bool = False, require_encryption: bool = True
) -> Effective:
    """The configuration as the flows would see it: with the Blocks where a server answers, otherwise without."""
    choose_runner(session)
    if os.environ.get(RUNNER) == "plain":
        from dr.configuration import load

        return load(session.system or None, require_postgres=require_postgres, require_encryption=require_encryption)
    from tasks.systems import load_effective

    return load_effective(session.system, require_postgres=require_postgres, require_encryption=require_encryption)


def name_of_system(session: Session) -> str:
    """The named system, or what stands for it; the flows could find it too, but their records should name it."""
    from dr.configuration import system_name

    return system_name(session.system or None)


def record_of_last_run() -> RunRecord | None:
    """What the run that ended last left behind, well or not; None when none began."""
    from tasks.runner import last_record

    return last_record()


def tables_of(record: RunRecord) -> dict[str, list[dict[str, Cell]]]:
    """The tables that a run published, by their keys."""
    return {item.key: [dict(row) for row in item.rows] for item in record.artifacts if item.kind == "table"}

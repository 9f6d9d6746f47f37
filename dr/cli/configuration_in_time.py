"""The configuration, by a time limit: an assessment must not hang on a file, or on a Prefect server, that does.

Read by processes of their own (``python -m dr.cli.configuration_in_time``), without the Blocks and with them at the
same time: to import Prefect may take as long as everything else together. What is broken is told beside what can be
seen without it, so a configuration that cannot be read is replaced by what the environment alone says.
"""

from __future__ import annotations

import os
import pickle
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dr.errors import ConfigurationError

if TYPE_CHECKING:
    from dr.configuration.model import System
    from dr.pipeline.process import Child

PLAIN, BLOCKS = "plain", "blocks"
UNNAMED = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """``broken`` says why ``system`` is less than what was configured; ``note`` what a person should know of it."""

    system: System
    broken: ConfigurationError | None = None
    note: str = ""


class Reading:
    """The processes that read it, at work. ``wait`` once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._running = {PLAIN: _begin(name, PLAIN)}

    def wait(self, seconds: float) -> Found:
        """What came within ``seconds``; never raises for what is wrong with the configuration."""
        from dr.cli.runners import RUNNER, SERVER, server_answers

        until = time.monotonic() + seconds
        note, server = "", os.environ.get(SERVER, "").strip()
        if server and os.environ.get(RUNNER, "").strip() != "plain":
            if server_answers(server):
                self._running[BLOCKS] = _begin(self._name, BLOCKS)
            else:
                note = f"the Prefect server at {server} does not answer: its Blocks were not read"
        found = _answers(self._running, until)
        with_blocks, plain = found.get(BLOCKS), found.get(PLAIN)
        if with_blocks is not None and with_blocks.broken is None:
            return with_blocks
        if BLOCKS in self._running:
            why = f": {with_blocks.broken.message}" if with_blocks and with_blocks.broken else f" in {seconds:.0f} s"
            note = f"the Blocks at {server} could not be read{why}"
        if plain is not None:
            return Found(plain.system, plain.broken, note)
        late = ConfigurationError(
            f"the configuration could not be read in {seconds:.0f} s",
            hint="See where the configuration file, and the files that it names, lie.",
        )
        return Found(nothing_known(self._name), late, note)

    def end(self) -> None:
        """Nobody waits for what hangs."""
        from dr.pipeline.leaving import end_or_leave

        end_or_leave(list(self._running.values()))


@contextmanager
def begun(name: str) -> Iterator[Reading]:
    """Begin to read the configuration of the system ``name`` (empty: the only one)."""
    reading = Reading(name)
    try:
        yield reading
    finally:
        reading.end()


def nothing_known(name: str) -> System:
    """A system of which nothing is configured: what can be seen of this host is still seen."""
    from dr.configuration.model import AbsentSecret, EncryptionSettings, PostgresSettings, System

    url = AbsentSecret("postgres.url", "Correct the configuration.")
    return System(name or UNNAMED, PostgresSettings(url, physical=False), (), EncryptionSettings())


def _begin(name: str, how: str) -> Child:
    from dr.pipeline.process import Child

    argv = (sys.executable, "-m", "dr.cli.configuration_in_time", how, name)
    # Our own program: it has to resolve the secrets that the configuration refers to.
    environment = {**os.environ, **({"DR_RUNNER": "plain"} if how == PLAIN else {})}
    return Child(f"read the configuration ({how})", argv, environment=environment, stdout=subprocess.PIPE)


def _answers(running: dict[str, Child], until: float) -> dict[str, Found]:
    """What came in time. Once there is an answer with the Blocks nobody waits for the other."""
    found: dict[str, Found] = {}
    data = {how: bytearray() for how in running}
    with selectors.DefaultSelector() as selector:
        for how, child in running.items():
            selector.register(child.stdout, selectors.EVENT_READ, how)
        while selector.get_map() and BLOCKS not in found and time.monotonic() < until:
            for key, _ in selector.select(max(until - time.monotonic(), 0)):
                piece = os.read(key.fd, 1 << 16)
                data[key.data] += piece
                if not piece:
                    selector.unregister(key.fileobj)
                    with suppress(pickle.UnpicklingError, EOFError):
                        found[key.data] = pickle.loads(bytes(data[key.data]))  # noqa: S301 - from our own child
    return found


def read(how: str, name: str) -> Found:
    """In the child: the configuration as ``how`` sees it; when it is broken, what the environment alone says."""
    from dr.configuration import load

    try:
        if how == BLOCKS:
            from tasks.systems import load_effective

            return Found(load_effective(name, require_postgres=False, require_encryption=False).system)
        return Found(load(name or None, require_postgres=False, require_encryption=False).system)
    except ConfigurationError as error:
        broken = error
    with suppress(ConfigurationError):
        bare = {key: value for key, value in os.environ.items() if key != "DR_CONFIG"}
        alone = load(
            name or None, file=Path(os.devnull), environ=bare, require_postgres=False, require_encryption=False
        )
        return Found(alone.system, broken)
    return Found(nothing_known(name), broken)


def main() -> None:
    """Answer through what was standard output; whatever prints by itself goes to standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)
    data = pickle.dumps(read(sys.argv[1], sys.argv[2]))
    with os.fdopen(answer, "wb") as stream:
        stream.write(data)


if __name__ == "__main__":
    # As a module with its own name, so that what is pickled is known by that name at the other end.
    from dr.cli.configuration_in_time import main as under_its_name

    under_its_name()

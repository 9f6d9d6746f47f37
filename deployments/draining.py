"""Ending a worker's runs before the worker: ``python -m deployments.draining WORKER_PID [SECONDS]``.

Prefect's worker, told to end, kills its runs at once and without a word: an interrupted backup would leave its half
behind, keep its lease until that expires, and be shown as running for ever. So whoever stops a worker runs this first:
runs may end by themselves for SECONDS (none), then are asked to end, which they do with everything put in order.
"""

from __future__ import annotations

import signal
import sys

from deployments.processes import children_of, wait_until_gone

_PATIENCE_SECONDS = 60.0


def drain(worker: int, seconds: float) -> int:
    """Wait up to ``seconds`` for the worker's runs to end, then end them; how many had to be ended."""
    if wait_until_gone(children_of(worker), seconds):
        return 0
    runs = children_of(worker)
    for run in runs:
        run.send(signal.SIGTERM)
    wait_until_gone(runs, _PATIENCE_SECONDS)
    return len(runs)


def main(argv: list[str]) -> int:
    """Drain; the exit code is 0, since the worker is to be stopped in any case."""
    worker, seconds = int(argv[0]), float(argv[1]) if len(argv) > 1 else 0.0
    ended = drain(worker, seconds)
    if ended:
        sys.stderr.write(f"{ended} run(s) were interrupted\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

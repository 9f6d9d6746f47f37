"""The demo system as a process that stays: server, S3 endpoint, data, WAL receiver, and a writer with its canary.

With everything beside the database: Redis, uploads, configuration, code, secrets, certificates, logs, infrastructure.

Run as ``python -m deployments.demo_system DIRECTORY READY_FILE SCALE``. Each time it begins, it builds everything anew
in DIRECTORY, which is emptied first: the endpoint keeps its objects in memory and the key pair is a demo's, so nothing
from before could be restored anyway. READY_FILE appears when all of it answers. SIGTERM ends it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from deployments.demo_ready import Ready
from deployments.processes import process
from dr.demo.dataset import load_dataset
from dr.demo.estate import DATABASE, Estate, estate
from dr.demo.receiver import receiving
from dr.demo.workload import user_count, writing
from dr.errors import DrError

# It runs for days, and nobody watches it: a few orders a second show that the shop lives.
_ORDERS_PER_SECOND = 3.0
_OURS = "production"


def serve(directory: Path, ready_file: Path, scale: float) -> None:
    """Build it, announce it, and keep it running until SIGTERM. Raises DrError when a part of it cannot be had."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    _empty(directory)
    with estate(directory, with_beside=True) as built:
        size = load_dataset(built, scale)
        built.beside.fill()
        with receiving(built) as receiver, writing(built, user_count(built), _ORDERS_PER_SECOND) as workload:
            receiver.wait_until_receiving()
            workload.wait_for_commit()
            _announce(ready_file, built, size)
            while not stopped.wait(1.0):
                needed = (built.server.pid, workload.pid, receiver.pid, *built.beside.pids)
                if not all(pid and process(pid).begun for pid in needed):
                    raise DrError(
                        "the demo's server, its writer, its WAL receiver or its Redis has ended",
                        hint="`make up` builds it anew.",
                    )
            receiver.stop()


def _announce(ready_file: Path, built: Estate, size: int) -> None:
    ready = Ready(
        pid=os.getpid(),
        system=built.system.name,
        file=built.environment["DR_CONFIG"],
        port=built.port,
        database=DATABASE,
        megabytes=size // 1_000_000,
        note=built.note,
    )
    passing = ready_file.with_suffix(".new")
    passing.write_text(json.dumps(asdict(ready)), encoding="utf-8")
    passing.replace(ready_file)


def _empty(directory: Path) -> None:
    """Remove what an earlier demo left. Nothing else is ever removed: what is in there must look like a demo's."""
    if not directory.exists() or not any(directory.iterdir()):
        return
    if not (directory / _OURS / "PG_VERSION").exists() and not (directory / "cloud").exists():
        raise DrError(f"{directory} holds something that no demo has made", hint="Move it away.")
    shutil.rmtree(directory)


def main(argv: list[str]) -> int:
    """Serve until told to end; the exit code."""
    directory, ready_file, scale = argv
    try:
        serve(Path(directory), Path(ready_file), float(scale))
    except DrError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

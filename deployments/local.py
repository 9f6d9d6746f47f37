"""``make up`` and ``make down``: a local Prefect server, a worker and a demo system, everything registered.

For learning and trying, on one machine, without touching any real system. Run as ``python -m deployments.local``.
"""

from __future__ import annotations

import argparse
import fcntl
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.demo_ready import read_ready
from deployments.draining import drain
from deployments.local_parts import end_marked
from deployments.local_place import ADDRESS, USUAL_PORT, Place
from deployments.local_services import end_services
from deployments.local_steps import begin_demo, begin_server, begin_worker, register
from dr.errors import DrError, LeaseHeld

_DONE = """
CoreFlow360 DR runs on this machine.

  Prefect       http://{address}:{port}
  demo system   PostgreSQL on port {demo_port}, database {database}, {megabytes} MB, written to as you read{note}
  its shop      http://{address}:{shop_port}/api/health
  its alerts    {alerts}

What to do now, in the browser:
  1. Deployments > daily-backup/{system} > Run > Quick run, then application-backup/{system} likewise
  2. open the run: its steps, its log, and under Artifacts the backups, the progress and what expires
  3. Deployments > recover-database/{system} > Run > Custom run, as it stands: the latest backup comes back into a
     directory of its own; the artifacts tell RTO by phase, and the RPO by the canary
  4. break it and recover it: simulate-disaster/{system}, then recover-application, recover-database (in place),
     full-recovery or region-failover; docs/demo.md plays each, also on a terminal

The same on a terminal:  export DR_CONFIG={file}
                         .venv/bin/dr assess
Logs:                    {logs}
Does it run:             make status
Stop everything:         make down
"""


def up(place: Place, wanted_port: int, scale: float) -> None:
    """Begin what does not run, register everything, and say where to look. Raises DrError."""
    place.make()
    with _alone(place):
        missing = [part.name for part in place.parts if part.running() is None]
        if not missing:
            print("It is up already.")
        else:
            if "server" in missing:
                place.worker.end()  # it outlived its server, and would look for the new one at the old address
            ready = begin_demo(place, scale, print)
            begin_server(place, wanted_port, print)
            register(place, ready, print, anew="demo" in missing)
            begin_worker(place, ready, print)
        answering = read_ready(place.ready_file)
        if answering is not None:
            print(
                _DONE.format(
                    address=ADDRESS,
                    port=place.port,
                    demo_port=answering.port,
                    database=answering.database,
                    megabytes=answering.megabytes,
                    note=f"\n                {answering.note}" if answering.note else "",
                    system=answering.system,
                    shop_port=answering.shop_port,
                    alerts=answering.alerts,
                    file=shlex.quote(answering.file),
                    logs=place.directory / "log",
                )
            )


def down(place: Place) -> None:
    """End everything that ``up`` began, also what a killed part left behind."""
    if not place.directory.exists():
        print("Nothing is running: there is no local install here.")
        return
    with _alone(place):
        worker = place.worker.running()
        if worker is not None and drain(worker.pid, seconds=0):
            print("worker: its runs were interrupted")
        said = {part.name: part.end() for part in reversed(place.parts)}
        for name, how in said.items():
            if how:
                print(f"{name}: {how}")
        left = end_services(place.demo_directory) + end_marked(place.mark)
        if left:
            print(f"left behind: {left} process(es), ended")
        place.ready_file.unlink(missing_ok=True)
        place.remove_temporary()
        if not left and not any(said.values()):
            print("Nothing was running.")
        print(f"Logs and Prefect's history stay in {place.directory}; `make up` begins again.")


def status(place: Place) -> int:
    """Say what runs; 0 when everything does."""
    running = {part.name: part.running() for part in place.parts}
    for name, process in running.items():
        print(f"{name}: {f'runs, pid {process.pid}' if process else 'does not run'}")
    if running["server"] is not None:
        print(f"Prefect: http://{ADDRESS}:{place.port}")
    return 0 if all(running.values()) else 1


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """One ``up`` or ``down`` at a time."""
    with place.lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LeaseHeld(
                f"another `make up` or `make down` is at work on {place.directory}", hint="Wait for it to end."
            ) from None
        yield


def main(argv: list[str]) -> int:
    """Read the command line and do it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deployments.local", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="where everything lies (%(default)s)")
    parser.add_argument("--port", type=int, default=USUAL_PORT, help="of Prefect's server, or the next free one")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the demo's data; 1 is about 200 MB")
    asked = parser.parse_args(argv)
    place = Place(asked.directory)
    try:
        if asked.command == "status":
            return status(place)
        if asked.command == "up":
            up(place, asked.port, asked.scale)
        else:
            down(place)
    except DrError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted. `make up` goes on from here, `make down` ends what has begun.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

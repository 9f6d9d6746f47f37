"""Beginning the parts of the local install one after the other, each only when the one before it answers."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from deployments.demo_ready import Ready, read_ready
from deployments.local_parts import Part
from deployments.local_place import ADDRESS, Place
from deployments.local_services import end_services
from deployments.rows import Done, Say
from dr.errors import DrError

_ROOT = Path(__file__).parents[1]
_DEMO_SECONDS = 600
_SERVER_SECONDS = 600
_WORKER_SECONDS = 300
_SERVER_SETTINGS = {
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # In memory, the default, a server's restart would crash whatever holds a slot.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


class PartEnded(DrError):
    """A part of the local install ended, or did not answer in time, while it was being begun."""


def begin_demo(place: Place, scale: float, say: Say) -> Ready:
    """The system to protect."""
    if place.demo.running() is None:
        say("demo system: building a PostgreSQL server with data, and an S3 endpoint ...")
        place.ready_file.unlink(missing_ok=True)
        end_services(place.demo_directory)  # those of a demo that was killed would serve what is now built anew
        argv = (sys.executable, "-m", "deployments.demo_system", place.demo_directory, place.ready_file, scale)
        place.demo.begin([str(word) for word in argv], place.environment(_python_path()), place.directory)
    _wait(place.demo, lambda: read_ready(place.ready_file) is not None, _DEMO_SECONDS)
    ready = read_ready(place.ready_file)
    if ready is None:
        raise PartEnded("the demo system took its word back", hint="Run `make down`, then `make up`.")
    return ready


def begin_server(place: Place, wanted_port: int, say: Say) -> None:
    """Prefect's server, with SQLite."""
    if place.server.running() is None:
        port = place.choose_port(wanted_port)
        taken = "" if port == wanted_port else f" (port {wanted_port} is taken)"
        say(f"Prefect's server: beginning on port {port}{taken} ...")
        argv = (sys.executable, "-m", "prefect", "server", "start", "--host", ADDRESS, "--port", str(port))
        # Untold, its pages would look for the API at the usual port, whichever this one is.
        own = {
            "PREFECT_UI_URL": f"http://{ADDRESS}:{port}",
            "PREFECT_SERVER_UI_API_URL": f"http://{ADDRESS}:{port}/api",
        }
        settings = {**_SERVER_SETTINGS, **own}
        place.server.begin(argv, place.environment(settings), place.directory)
    _wait(place.server, lambda: _answers(f"{_api(place)}/health"), _SERVER_SECONDS)


def register(place: Place, ready: Ready, say: Say, *, anew: bool) -> None:
    """Everything that ``dr deploy`` registers; ``anew`` when the demo system is another than the Blocks describe."""
    environment = place.environment(_client_settings(place, ready))
    os.environ.clear()
    os.environ.update(environment)
    from deployments.deploying import deploy  # imports Prefect, which reads the environment then

    rows = deploy(ready.system, file=Path(ready.file), say=lambda row: None, replace_blocks=anew)
    for row in rows:
        if row.done is not Done.UNCHANGED and row.kind != "worker":
            say(str(row))


def begin_worker(place: Place, ready: Ready, say: Say) -> None:
    """A worker that takes runs from the pool."""
    if place.worker.running() is None:
        say("worker: beginning ...")
        from deployments.registry import WORK_POOL

        argv = (sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--name", "local")
        settings = {**_client_settings(place, ready), "PREFECT_WORKER_QUERY_SECONDS": "2"}
        place.worker.begin(argv, place.environment(settings), place.directory)
    _wait(place.worker, _worker_is_online, _WORKER_SECONDS)


def _client_settings(place: Place, ready: Ready) -> Mapping[str, str]:
    """What makes a process use this server and the demo system's configuration."""
    return {**_python_path(), "PREFECT_API_URL": _api(place), "DR_CONFIG": ready.file}


def _python_path() -> dict[str, str]:
    """Our modules are installed, or else lie here: a process elsewhere must find them in both cases."""
    given = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys([str(_ROOT), *filter(None, given.split(os.pathsep))]))}


def _api(place: Place) -> str:
    return f"http://{ADDRESS}:{place.port}/api"


def _answers(address: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _worker_is_online() -> bool:
    from prefect.client.orchestration import get_client

    from deployments.workers import online_workers

    with get_client(sync_client=True) as client:
        return "local" in online_workers(client)


def _wait(part: Part, answers: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not answers():
        if part.running() is None:
            raise PartEnded(
                f"{part.name} ended while it was beginning",
                detail=part.last_words(),
                hint=f"The above is the end of {part.log}. `make down` ends the rest.",
            )
        if time.monotonic() > until:
            raise PartEnded(
                f"{part.name} does not answer after {seconds:.0f} s",
                detail=part.last_words(),
                hint=f"See {part.log}. `make up` waits again; `make down` ends everything.",
            )
        time.sleep(0.3)

"""The demo system as a process that stays: a whole product, which says of itself that it may be broken.

PostgreSQL, Redis and the application are services, with everything else that a product has beside its database; a
customer orders, the canary beats, the WAL receiver receives, and alerts arrive on a page. None of it ends with the
database: procedures stop, break and recover the services, and the rest waits until they are back.

Run as ``python -m deployments.demo_system DIRECTORY READY_FILE SCALE``. Each time it begins, it builds everything anew
in DIRECTORY, which is emptied first: the endpoint keeps its objects in memory and the key pair is a demo's, so nothing
from before could be restored anyway. READY_FILE appears when all of it answers. SIGTERM ends it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from deployments.demo_keeping import KeptReplica, keep_canary, kept_receiver, say
from deployments.demo_ready import Ready
from dr.configuration.model import NotificationSettings, System
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.customer import Customer
from dr.demo.dataset import load_dataset
from dr.demo.estate import DATABASE, OWNER, Estate, estate
from dr.demo.inbox import inbox
from dr.demo.ports import reserved_port
from dr.demo.second_region import STANDBY, at_port, lay_replica, second_region, with_second_region
from dr.demo.services import APPLICATION, REDIS, as_services
from dr.demo.services import DATABASE as DATABASE_SERVICE
from dr.demo.workload import user_count
from dr.errors import DrError
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.start import start_services
from dr.operations.application.stop import stop_services
from dr.policy.service_order import only
from dr.secret import Secret
from dr.services.registry import order

# It runs for days, and nobody watches it: a few orders a second show that the shop lives.
_ORDERS_PER_SECOND = 3.0
_ORDER_SECONDS = 60
_OURS = "production"


def serve(directory: Path, ready_file: Path, scale: float) -> None:
    """Build it, announce it, and keep it running until SIGTERM. Raises DrError when a part of it cannot be had."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    _empty(directory)
    with ExitStack() as stack:
        built = stack.enter_context(estate(directory, with_beside=True))
        size = load_dataset(built, scale)
        built.beside.fill()
        users = user_count(built)
        port = stack.enter_context(reserved_port())
        alerts = stack.enter_context(inbox(directory / "alerts.log"))
        region = stack.enter_context(second_region(built, port))
        system = dataclasses.replace(
            with_second_region(built, as_services(built, port), region),
            notifications=NotificationSettings(webhook=Secret(alerts.url)),
        )
        built = _configured(built, system)
        stack.callback(_stop, system)
        start_services(system, only(order(system), {DATABASE_SERVICE, REDIS}))
        lay_replica(built, region)
        start_services(system, only(order(system), {STANDBY, APPLICATION}))
        wait_until_healthy(system)
        keep_canary(built, at_port(built.urls[OWNER], region.database_door), stopped)
        receiver = stack.enter_context(kept_receiver(built))
        customer = Customer(region.application_door, users, _ORDERS_PER_SECOND)
        stack.callback(customer.stop)
        if not customer.wait_for_order(_ORDER_SECONDS):
            raise DrError("the demo's shop takes no orders", hint="Look into state/services/demo/application/log.")
        _announce(
            ready_file,
            Ready(
                pid=os.getpid(),
                system=built.system.name,
                file=built.environment["DR_CONFIG"],
                port=region.database_door,
                database=DATABASE,
                megabytes=size // 1_000_000,
                note=built.note,
                shop_port=region.application_door,
                alerts=alerts.url,
            ),
        )
        second = KeptReplica(built, region)
        while not stopped.wait(1.0):
            receiver.look()
            second.look()


def _configured(built: Estate, system: System) -> Estate:
    """The estate as that system, its configuration written anew."""
    shutil.rmtree(built.directory / "secrets")
    (built.directory / "dr.toml").unlink()
    file = write_configuration(built.directory, system)
    return dataclasses.replace(built, system=system, environment=environment_for(file, system))


def _stop(system: System) -> None:
    try:
        stop_services(system, order(system))
    except DrError as error:
        say(str(error))  # `make down` makes sure of it


def _announce(ready_file: Path, ready: Ready) -> None:
    passing = ready_file.with_suffix(".new")
    passing.write_text(json.dumps(dataclasses.asdict(ready)), encoding="utf-8")
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

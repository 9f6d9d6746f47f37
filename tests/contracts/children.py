"""What the contract tests do in other processes: hold leases, race for them, create, stream.

Run as ``python -m tests.contracts.children VERB ARGUMENT...``; the store's settings come in the environment, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dr.configuration.model import StoreSettings
from dr.errors import LeaseHeld, StoreError
from dr.secret import Secret
from dr.storage.lease import Holder, acquire
from dr.storage.opening import open_store
from dr.storage.protocol import Store

PREFIX = "coreflow360/leases/backup/"
_VARIABLE = "DR_TEST_STORE"
_ROOT = Path(__file__).parents[2]


@contextmanager
def child(settings: StoreSettings, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A child at work on the store; killed at the end if it has not ended itself."""
    fields = {
        "name": settings.name,
        "kind": settings.kind,
        "path": str(settings.path) if settings.path else None,
        "bucket": settings.bucket,
        "prefix": settings.prefix,
        "region": settings.region,
        "endpoint_url": settings.endpoint_url,
        "access_key_id": settings.access_key_id,
        "secret_access_key": settings.secret_access_key.reveal() if settings.secret_access_key else None,
    }
    process = subprocess.Popen(
        (sys.executable, "-m", "tests.contracts.children", *arguments),
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), _VARIABLE: json.dumps(fields)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """The child's next line."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], line: str = "go") -> None:
    """Let the child go on."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _store() -> Store:
    fields = json.loads(os.environ[_VARIABLE])
    fields["path"] = Path(fields["path"]) if fields["path"] else None
    fields["secret_access_key"] = Secret(fields["secret_access_key"]) if fields["secret_access_key"] else None
    return open_store(StoreSettings(**fields))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _wait() -> None:
    _say("ready")
    sys.stdin.readline()


def _lease(run: str, ttl: str, place: str = "") -> None:
    """Take the lease when told to, say how it went, and keep it until told to end; from another ``place`` if named."""
    holder = Holder.here(run, "backup")
    holder = replace(holder, place=place) if place else holder
    store = _store()
    list(store.list(PREFIX))  # whatever is loaded on first use is loaded now, so that racers meet
    _wait()
    try:
        with acquire(store, PREFIX, holder, ttl=timedelta(seconds=float(ttl)), settle=_settle(ttl)):
            _say("won")
            sys.stdin.readline()
    except LeaseHeld:
        _say("refused")


def _settle(ttl: str) -> timedelta:
    return timedelta(seconds=min(2.0, float(ttl) / 2))


def _create(key: str) -> None:
    """Create an object when told to, and say whether it was us."""
    store = _store()
    _wait()
    _say(str(store.create(key, str(os.getpid()).encode())))


def _stream(key: str, mebibytes: str) -> None:
    """Write incompressible data, and say by how many KiB this process grew at its largest."""
    store = _store()
    store.put_bytes("warm-up", b"")
    block = os.urandom(1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with store.writer(key) as writer:
        for _ in range(int(mebibytes)):
            writer.write(block)
    _say(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def _overflow(key: str, limit: str) -> None:
    """Write more than a file may hold, and say how the store put it and what is left."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    store = _store()
    try:
        with store.writer(key) as writer:
            while True:
                writer.write(bytes(1 << 16))
    except StoreError as error:
        left = [str(path) for path in Path(store.location).rglob("*") if path.is_file()]
        _say(json.dumps([type(error).__name__, error.hint, left]))


def _pause(key: str) -> None:
    """Begin an object, say so, and never end it."""
    writer = _store().writer(key)
    for _ in range(20):
        writer.write(os.urandom(1 << 20))
    _say("begun")
    time.sleep(600)


if __name__ == "__main__":
    verbs: dict[str, Callable[..., None]] = {
        "lease": _lease,
        "create": _create,
        "stream": _stream,
        "overflow": _overflow,
        "pause": _pause,
    }
    verbs[sys.argv[1]](*sys.argv[2:])

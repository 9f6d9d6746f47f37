"""Who ships WAL: ours, barman-cloud-wal-archive and pgBackRest's archive-push, each as a server would use it.

Seconds are per segment, so that a slow one may be given fewer. Ours compares what it stored with what it read back from
the store; the others trust what they were told.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.outcomes import Contender, Outcome
from benchmarks.pgbackrest import PgBackRest
from benchmarks.wal_place import NAME, WalPlace
from dr.configuration.model import StoreSettings
from dr.errors import PipelineError, ToolError
from dr.operations.wal.ship_once import ship_once
from dr.pipeline.process import run

OURS_LOCAL, OURS_CLOUD = "ours: local store", "ours: S3 endpoint"
OURS_BOTH = "ours: local store and S3 endpoint"
BACKREST = "pgbackrest archive-push, one process a segment"
BACKREST_ASYNC = "pgbackrest archive-push, async, 2 processes"
BARMAN = {
    compression: f"barman-cloud-wal-archive {compression} (not encrypted)"
    for compression in ("uncompressed", "--gzip", "--zstd")
}
_BARMAN_SEGMENTS = 8


def contenders(place: WalPlace, barman: Path | None) -> tuple[Contender, ...]:
    """Everybody who can take part here."""
    found = [
        Contender("local", OURS_LOCAL, lambda: _ours(place, "local")),
        Contender("local", "ours: local store, passphrase", lambda: _ours(place, "local", passphrase=True)),
        Contender("S3", OURS_CLOUD, lambda: _ours(place, "cloud")),
        Contender("S3", OURS_BOTH, lambda: _ours(place, "local", "cloud")),
    ]
    backrest = place.pgbackrest
    if backrest is not None and not place.backrest_refusal:
        found.append(Contender("local", BACKREST, lambda: _backrest(place, backrest)))
        found.append(Contender("local", BACKREST_ASYNC, lambda: _backrest_async(place, backrest)))
    if barman is not None:
        plain = Contender("S3", BARMAN["uncompressed"], lambda: _barman(place, barman))
        gzip = Contender("S3", BARMAN["--gzip"], lambda: _barman(place, barman, "--gzip"))
        found += [plain, gzip, Contender("S3", BARMAN["--zstd"], lambda: _barman(place, barman, "--zstd"))]
    return tuple(found)


def _measured(segments: int, work: Callable[[], None], stored: Callable[[], int]) -> Outcome:
    cpu, begin = _cpu(), time.monotonic()
    work()
    seconds, cpu = time.monotonic() - begin, _cpu() - cpu
    return Outcome(seconds / segments, cpu / segments, stored() // segments)


def _cpu() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


def _ours(place: WalPlace, *stores: str, passphrase: bool = False) -> Outcome:
    """A run with an empty spool first: what a run costs before its first segment, a receiver pays once in its life."""
    system = place.system(*stores, passphrase=passphrase)
    begin = time.monotonic()
    ship_once(system, run="benchmark")
    opening = time.monotonic() - begin
    place.fill(system)

    def work() -> None:
        done = ship_once(system, run="benchmark")
        if done.shipped != len(place.segments) or done.refused or done.failures:
            raise PipelineError("our own shipping failed", detail=str(done))

    measured = _measured(len(place.segments), work, lambda: _size(system.state_directory.parent / "store"))
    shutil.rmtree(system.state_directory.parent)
    seconds = measured.seconds - opening / len(place.segments)
    return replace(measured, seconds=seconds, afterwards={"lease, keys and connections, once": opening})


def _backrest(place: WalPlace, backrest: PgBackRest) -> Outcome:
    """One after the other, as the server calls archive_command."""
    _empty(backrest)

    def work() -> None:
        for segment in place.segments:
            _push(backrest, segment)

    return _measured(len(place.segments), work, lambda: _size(_archive(backrest)))


def _backrest_async(place: WalPlace, backrest: PgBackRest) -> Outcome:
    """Its background process pushes all that the server has marked ready; each call then finds its answer."""
    _empty(backrest)
    status = place.data / "pg_wal" / "archive_status"
    for segment in place.segments:
        (status / f"{segment.name}.done").rename(status / f"{segment.name}.ready")

    def work() -> None:
        for segment in place.segments:
            _push(backrest, segment, "--archive-async")
            (status / f"{segment.name}.ready").rename(status / f"{segment.name}.done")

    return _measured(len(place.segments), work, lambda: _size(_archive(backrest)))


def _push(backrest: PgBackRest, segment: Path, *options: str) -> None:
    argv = (*backrest.argv("archive-push", *options), str(segment))
    ended, text = run("pgbackrest archive-push", argv, account=backrest.account)
    if not ended.ok:
        raise ToolError("pgbackrest archive-push failed", detail=f"{ended} {text[-1000:]}")


def _archive(backrest: PgBackRest) -> Path:
    return backrest.repository / "archive"


def _empty(backrest: PgBackRest) -> None:
    """It compares what is there already: everybody begins with nothing."""
    for directory in _archive(backrest).glob("*/*/"):
        if directory.is_dir():
            shutil.rmtree(directory)
    shutil.rmtree(backrest.directory / "spool" / "archive", ignore_errors=True)


def _barman(place: WalPlace, program: Path, *compression: str) -> Outcome:
    chosen = place.segments[:_BARMAN_SEGMENTS]
    where = f"s3://{place.cloud.bucket}/barman-{time.monotonic_ns()}"
    argv = (str(program), *compression, "--endpoint-url", place.cloud.endpoint_url or "", where, NAME)

    def work() -> None:
        for segment in chosen:
            ended, text = run(
                "barman-cloud-wal-archive", (*argv, str(segment)), environment=_barman_environment(place.cloud)
            )
            if not ended.ok:
                raise ToolError("barman-cloud-wal-archive failed", detail=f"{ended} {text[-1000:]}")

    return _measured(len(chosen), work, lambda: 0)


def _barman_environment(cloud: StoreSettings) -> dict[str, str]:
    secret = cloud.secret_access_key.reveal() if cloud.secret_access_key else ""
    return {
        "AWS_ACCESS_KEY_ID": cloud.access_key_id or "",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": cloud.region or "",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "NO_PROXY": "*",
        "HOME": os.environ.get("HOME", "/"),
    }


def _size(directory: Path) -> int:
    return sum(item.stat().st_size for item in directory.rglob("*") if item.is_file())

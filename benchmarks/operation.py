"""One of our operations, as ``benchmarks.ours`` runs it. Reads an order as JSON, prints what it took as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peaks import peak_of
from dr.catalog.labels import Kind
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.back_up_database import back_up_database
from dr.operations.find_backup import find_backup
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.restore_cluster import restore_cluster
from dr.secret import Secret

RUN = "benchmark"


def _system(order: dict[str, str]) -> System:
    return System(
        name="bench",
        postgres=PostgresSettings(Secret(order["url"]), bin_directories=(Path(order["programs"]),)),
        stores=(StoreSettings("local", "local", Path(order["store"])),),
        encryption=EncryptionSettings(recipients=(order["recipient"],), gnupg_home=Path(order["gnupg_home"])),
        state_directory=Path(order["store"]).parent / "state",
    )


def _cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


def _back_up(system: System, verb: str) -> dict[str, Any]:
    begin, cpu = time.monotonic(), _cpu_seconds()
    draft = (back_up_database if verb == "dump" else back_up_cluster)(system, run=RUN, cloud=True)
    written, cpu = time.monotonic(), _cpu_seconds() - cpu
    peak = peak_of()[1]
    proofs = prove(system, draft, run=RUN)
    proven = time.monotonic()
    published = publish(system, draft, proofs)
    return {
        "seconds": written - begin,
        "afterwards": {"read back and proven": proven - written},
        "all_seconds": time.monotonic() - begin,
        "cpu_seconds": cpu,
        "peak_bytes": {"write": peak, "read back": peak_of()[1]},
        "stored_bytes": published.stored_bytes,
    }


def _restore(system: System, target: Path) -> dict[str, Any]:
    begin, cpu = time.monotonic(), _cpu_seconds()
    found = find_backup(system, "latest", Kind.BASE)
    restored = restore_cluster(system, found, target)
    seconds = time.monotonic() - begin
    verifying = sum(phase.seconds for phase in restored.phases if phase.name == "verify files")
    return {
        "seconds": seconds - verifying,
        "afterwards": {"files compared with the manifest": verifying},
        "all_seconds": seconds,
        "cpu_seconds": _cpu_seconds() - cpu,
        "peak_bytes": {"restore": peak_of()[1]},
        "stored_bytes": sum(item.stat().st_size for item in target.rglob("*") if item.is_file()),
    }


def main() -> None:
    """Carry out the order on standard input."""
    order = json.load(sys.stdin)
    system = _system(order)
    answer = _restore(system, Path(order["target"])) if order["verb"] == "restore" else _back_up(system, order["verb"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

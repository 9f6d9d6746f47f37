"""Does every page of a stopped copy carry the checksum that its content gives?"""

from __future__ import annotations

import re
from pathlib import Path

from dr.catalog.manifest import Level
from dr.pipeline.process import run
from dr.policy.drill_verdict import Answer, Probe
from dr.postgres.account import account_for
from dr.postgres.control_data import control_data
from dr.postgres.installations import Installation

_NAME = "page checksums"
_COUNTED = re.compile(r"Blocks scanned: *(\d+)")
_BAD = re.compile(r"checksum verification failed.*|could not read.*")
_SHOWN = 5


def check_pages(directory: Path, installation: Installation) -> Probe:
    """``pg_checksums --check`` on a copy that was shut down cleanly."""
    data = control_data(directory, installation)
    if data.get("Data page checksum version", "0") == "0":
        detail = "the server was made without page checksums: pg_checksums --enable, while it is stopped, adds them"
        return Probe(_NAME, Answer.UNPROVEN, detail)
    argv = (installation.program("pg_checksums"), "--check", "-D", str(directory))
    ended, output = run(_NAME, argv, account=account_for(directory), deadline_seconds=6 * 3600)
    bad = _BAD.findall(ended.stderr)
    if bad:
        return Probe(_NAME, Answer.FAILED, f"{len(bad)} pages: {'; '.join(bad[:_SHOWN])}", Level.QUERIED)
    if not ended.ok:
        return Probe(_NAME, Answer.UNPROVEN, f"pg_checksums did not come to its end: {ended}")
    counted = _COUNTED.search(output)
    return Probe(_NAME, Answer.PASSED, f"{counted[1] if counted else 'all'} pages as they were written")

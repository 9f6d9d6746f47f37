"""``dr`` on a host whose clock is some days ahead: ``python -m tests.integration.prometheus.later DAYS METRICS...``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import time_machine

from dr.cli.__main__ import main

if __name__ == "__main__":
    days, *arguments = sys.argv[1:]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=float(days)), tick=True):
        sys.exit(main(arguments))

"""Our own operations, each run in a process of its own, so that its memory is its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.arena import Arena
from benchmarks.outcomes import Outcome
from benchmarks.peaks import Watch
from dr.errors import ToolError
from dr.pipeline.process import Child

DUMP, BASE = "ours-dump", "ours-base"
_ROOT = Path(__file__).parent.parent


def ours(arena: Arena, verb: str, store: str) -> Outcome:
    """Run ``dump``, ``base`` or ``restore`` with that directory as the store.

    ``seconds`` is the pass that writes; the start of Python and the imports are told beside it. A worker has them
    behind it, the command line has not.
    """
    directory = arena.work / store if verb == "restore" else arena.empty(store)
    target = arena.work / "restored"
    shutil.rmtree(target, ignore_errors=True)
    order = {
        "verb": verb,
        "url": arena.url.reveal(),
        "programs": str(arena.installation.directory),
        "store": str(directory),
        "gnupg_home": str(arena.key.home),
        "recipient": arena.key.fingerprint,
        "target": str(target),
    }
    argv = (sys.executable, "-m", "benchmarks.operation")
    with (
        Child(f"ours {verb}", argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, directory=_ROOT) as child,
        Watch(child.process.pid) as watch,
    ):
        child.stdin.write(json.dumps(order).encode())
        child.close_stdin()
        answer = child.stdout.read()
        ended = child.wait()
    if not ended.ok:
        raise ToolError(f"our own {verb} failed", detail=ended.stderr[-4000:])
    told = json.loads(answer)
    own = {f"python ({step})": peak for step, peak in told["peak_bytes"].items()}
    afterwards = {**told["afterwards"], "start and imports": ended.wall_seconds - told["all_seconds"]}
    return Outcome(told["seconds"], told["cpu_seconds"], told["stored_bytes"], afterwards, {**watch.peaks, **own})

"""Run a server where nothing gets out: no network, and no way to another server's socket.

A restored copy carries the production's subscriptions, foreign servers and jobs. It gets a network namespace of its own
with nothing in it, and a mount namespace in which the directories where servers put their sockets are empty: a Unix
socket is reached through the file system, whatever network there is. Its own socket lies in a directory that both sides
see. Where the kernel refuses, the server runs unsealed and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dr.errors import ToolError
from dr.pipeline.launch import Account, tool
from dr.pipeline.process import run

HIDDEN = ("/tmp", "/var/tmp", "/run")  # noqa: S108 - they are what is hidden
_SCRIPT = """
set -eu
death=$1
shift
# Everything that stays is opened before it is hidden, and mounted at its place again: $1 ... up to --
fd=3
keep=
while [ "$1" != -- ]; do
    [ $fd -gt 9 ] && { echo "dr-seal: too many directories to keep" >&2; exit 71; }
    eval "exec $fd<\\"\\$1\\""
    eval "place$fd=\\$1"
    keep="$keep $fd"
    fd=$((fd + 1))
    shift
done
shift
while [ "$1" != -- ]; do
    [ -d "$1" ] && [ ! -L "$1" ] && mount -t tmpfs -o size=1m,mode=0755 sealed "$1"
    shift
done
shift
for fd in $keep; do
    eval "place=\\$place$fd"
    mkdir -p "$place"
    mount --no-canonicalize --bind "/proc/self/fd/$fd" "$place"
    eval "exec $fd<&-"
done
exec setpriv --pdeathsig "$death" --inh-caps=-all --ambient-caps=-all --bounding-set=-all -- "$@"
"""
_NAMESPACES = ("--user", "--map-current-user", "--keep-caps", "--net", "--mount")


@dataclass(frozen=True, slots=True)
class Seal:
    """What keeps a server in. ``reason`` says why it is not sealed; empty when it is."""

    network: bool = False
    sockets: bool = False
    reason: str = "it was not asked for"


SEALED = Seal(network=True, sockets=True, reason="")
UNSEALED = Seal()


def sealed(argv: Sequence[str], keep: Iterable[Path], death_signal: str) -> tuple[str, ...]:
    """The command in namespaces of its own. ``keep`` are directories that it needs although they lie in hidden ones."""
    unshare = tool("unshare")
    if unshare is None:
        raise ToolError("the program unshare is missing", hint="Install util-linux.")
    kept = [str(path) for path in dict.fromkeys(path.resolve() for path in keep) if _is_hidden(path)]
    return (
        unshare,
        *_NAMESPACES,
        "--",
        "/bin/sh",
        "-c",
        _SCRIPT,
        "dr-seal",
        death_signal,
        *kept,
        "--",
        *HIDDEN,
        "--",
        *argv,
    )


def inside(pid: int) -> tuple[str, ...]:
    """What stands before a command so that it runs in the namespaces of the sealed server ``pid``."""
    nsenter = tool("nsenter")
    if nsenter is None:
        raise ToolError("the program nsenter is missing", hint="Install util-linux.")
    return (nsenter, f"--target={pid}", "--user", "--preserve-credentials", "--net", "--mount", "--")


@cache
def try_seal(account: Account) -> Seal:
    """Whether this machine lets us, tried once."""
    try:
        ended, _ = run("seal", sealed(("true",), (), "KILL"), account=account, deadline_seconds=20)
    except ToolError as error:
        return Seal(reason=error.message)
    if ended.ok:
        return SEALED
    return Seal(reason=f"this machine does not allow it: {ended.stderr.strip()[-300:] or ended}")


def _is_hidden(path: Path) -> bool:
    return any(path.resolve().is_relative_to(Path(root).resolve()) for root in HIDDEN)

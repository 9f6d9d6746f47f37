"""The settings of a recovery, for the server's command line, and the script by which it gets its WAL.

The script waits for files that are on their way and answers "there is none" for all that were not planned: so the
server neither ends early because a file is late, nor waits for one that nobody will bring.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

from dr.policy.recovery_target import RecoveryTarget, TargetKind

_TARGETS = (
    "recovery_target",
    "recovery_target_time",
    "recovery_target_lsn",
    "recovery_target_xid",
    "recovery_target_name",
)
READY, HANDED, PLANNED, FAILED, SCRIPT = "ready", "handed", "planned", "failed", "restore.sh"
_SCRIPT = """#!/bin/sh
# restore_command: hand one WAL file to the server, waiting for it when it was planned.
file=$1 target=$2
spool=$(dirname "$0")
case $file in
*.history) [ -f "$spool/{ready}/$file" ] && exec cp "$spool/{ready}/$file" "$target"; exit 1 ;;
esac
# What it has got lies in pg_wal, where it looks next.
[ -e "$spool/{handed}/$file" ] && exit 1
grep -qxF "$file" "$spool/{planned}" || exit 1
while [ ! -f "$spool/{ready}/$file" ]; do
    # Above 125 the server gives up; at 1 it would take this for the end of the WAL.
    [ -e "$spool/{failed}" ] && exit 200
    [ -d "$spool/{ready}" ] && kill -0 "$PPID" 2>/dev/null || exit 200
    sleep 0.02
done
mv "$spool/{ready}/$file" "$target" && : >"$spool/{handed}/$file"
"""


def restore_script() -> str:
    """The ``restore_command`` script of a spool directory, in which it lies."""
    return _SCRIPT.format(ready=READY, handed=HANDED, planned=PLANNED, failed=FAILED)


def planned_list(names: Iterable[str]) -> str:
    """The list of the files that will come, as the script reads it."""
    return "".join(f"{name}\n" for name in names)


def replay_settings(target: RecoveryTarget, timeline: int | None, spool: Path | None) -> dict[str, str]:
    """What the server is told: where WAL comes from, along which timeline, up to where, and to open for writing then.

    ``spool`` None: only what the backup carries. Settings that a copy must not take over from the restored
    configuration are set too. The target comes last: PostgreSQL wants the others emptied before it is set.
    """
    command = "false"
    if spool is not None:
        command = f"exec /bin/sh {shlex.quote(str(spool / SCRIPT)).replace('%', '%%')} %f %p"
    name, value = _target(target)
    return {
        "restore_command": command,
        "archive_cleanup_command": "",
        "recovery_end_command": "",
        "recovery_min_apply_delay": "0",
        "hot_standby": "off",
        "TimeZone": "UTC",
        "recovery_target_timeline": str(timeline) if timeline else "latest",
        "recovery_target_action": "promote",
        "recovery_target_inclusive": "on" if target.inclusive else "off",
        **{other: "" for other in _TARGETS if other != name},
        **({name: value} if name else {}),
    }


def _target(target: RecoveryTarget) -> tuple[str, str]:
    """The one setting that says where to stop; an empty name to replay everything."""
    match target.kind:
        case TargetKind.TIME if target.time is not None:
            return "recovery_target_time", f"{target.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
        case TargetKind.LSN:
            return "recovery_target_lsn", str(target.lsn)
        case TargetKind.XID:
            return "recovery_target_xid", str(target.xid)
        case TargetKind.NAME:
            return "recovery_target_name", target.name
        case TargetKind.IMMEDIATE:
            return "recovery_target", "immediate"
    return "", ""

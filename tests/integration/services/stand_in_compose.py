"""What stands for ``docker compose``: it reads ``compose.yaml``, written as JSON (which is YAML)."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests.integration.services.containers import PLACE, begin, end, kill, refuse, say, seen, tail

_VALUES = ("--project-directory", "--file", "--timeout", "--tail", "--format")


def compose(words: list[str]) -> int:
    """One call; the exit status."""
    options = {words[place]: words[place + 1] for place in range(len(words)) if words[place] in _VALUES}
    rest = [word for word in words if not word.startswith("--") and word not in options.values()]
    if rest == ["version"]:
        say("Docker Compose version v2.29.0")
        return 0
    verb, service = rest
    file = Path(options.get("--file") or Path(options.get("--project-directory", "."), "compose.yaml"))
    declared = json.loads(file.read_text())["services"]
    if service not in declared:
        return refuse(f"no such service: {service}")
    state = PLACE / f"{service}.container"
    found = seen(state)
    if verb == "ps" and found:
        say(json.dumps(container(service, found, declared[service]["image"])))
    elif verb == "stop":
        end(state, float(options["--timeout"]))
    elif verb == "kill":
        kill(found.get("pid"), signal.SIGKILL)
    elif verb == "up":
        up(state, declared[service]["command"], anew="--force-recreate" in words)
    elif verb == "logs":
        tail(state, int(options["--tail"]))
    return 0


def up(state: Path, command: list[str], *, anew: bool) -> None:
    """Nothing happens to a container that runs, unless it is to be made anew."""
    if seen(state).get("running"):
        if not anew:
            return
        end(state, 1)
    begin(state, command, restart=False)


def container(service: str, found: dict[str, Any], image: str) -> dict[str, object]:
    """As ``ps --format json`` tells of it."""
    up = found["running"]
    return {
        "ID": "0a1b2c3d4e5f",
        "Name": f"shop-{service}-1",
        "Service": service,
        "Image": image,
        "State": "running" if up else "exited",
        "Status": "Up 2 seconds" if up else f"Exited ({found['code']}) 2 seconds ago",
        "Health": "",
        "ExitCode": found["code"],
    }

"""What stands for ``kubectl`` and a cluster: ``cluster.json`` has its workloads and their revisions, a command each."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.services.containers import PLACE, apart, begin, end, kill, refuse, say, seen, tail

_CLUSTER = "cluster.json"


def kubectl(words: list[str]) -> int:
    """One call; the exit status."""
    options = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
    rest = [word for word in words if not word.startswith("--")]
    cluster = json.loads((PLACE / _CLUSTER).read_text())
    if options.get("--context", cluster["context"]) != cluster["context"]:
        return refuse(f'error: context "{options["--context"]}" does not exist')
    if rest[1] == "pods":
        return _pods(rest[0], options["--selector"])
    verb = " ".join(rest[:2]) if rest[0] == "rollout" else rest[0]
    name = next(word for word in rest if "/" in word)
    if name not in cluster["workloads"]:
        return refuse(f'Error from server (NotFound): deployments.apps "{name.partition("/")[2]}" not found')
    workload = cluster["workloads"][name]
    if verb in _CHANGES:
        _CHANGES[verb](workload, rest, options)
        temporary = PLACE / f".{_CLUSTER}"
        temporary.write_text(json.dumps(cluster))
        temporary.replace(PLACE / _CLUSTER)
        reconcile(name.partition("/")[2], workload)
        return 0
    return _READS[verb](name, workload, words, options)


def _annotate(workload: dict[str, Any], rest: list[str], options: dict[str, str]) -> None:
    key, equals, value = rest[-1].partition("=")
    workload["annotations"].pop(key.removesuffix("-"), None)
    workload["annotations"] |= {key: value} if equals else {}


def _scale(workload: dict[str, Any], rest: list[str], options: dict[str, str]) -> None:
    workload["replicas"] = int(options["--replicas"])
    workload["generation"] += 1


def _undo(workload: dict[str, Any], rest: list[str], options: dict[str, str]) -> None:
    command = workload["revisions"].pop(options["--to-revision"])
    number = str(max(int(workload["revision"]), *map(int, workload["revisions"])) + 1)
    workload["revisions"][number] = command
    workload["revision"] = number
    workload["generation"] += 1


def _get(name: str, workload: dict[str, Any], words: list[str], options: dict[str, str]) -> int:
    say(json.dumps(described(name, workload)))
    return 0


def _history(name: str, workload: dict[str, Any], words: list[str], options: dict[str, str]) -> int:
    say(f"{name.replace('/', '.apps/')}\nREVISION  CHANGE-CAUSE")
    say("".join(f"{number}         <none>\n" for number in sorted(map(int, workload["revisions"]))))
    return 0


def _logs(name: str, workload: dict[str, Any], words: list[str], options: dict[str, str]) -> int:
    for state in sorted(PLACE.glob(f"{name.partition('/')[2]}-*.pod"))[-1:]:
        tail(state, int(options["--tail"]))
    return 0


def _pods(verb: str, selector: str) -> int:
    if verb == "get":
        say(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods(selector)}))
    else:
        for state in PLACE.glob(f"{selector.partition('=')[2]}-*.pod"):
            kill(seen(state).get("pid"), signal.SIGKILL)
    return 0


Change = Callable[[dict[str, Any], list[str], dict[str, str]], None]
Read = Callable[[str, dict[str, Any], list[str], dict[str, str]], int]
_CHANGES: dict[str, Change] = {"annotate": _annotate, "scale": _scale, "rollout undo": _undo}
_READS: dict[str, Read] = {"get": _get, "rollout history": _history, "logs": _logs}


def reconcile(name: str, workload: dict[str, Any]) -> None:
    """What controllers do: end the pods of other revisions and those that are too many, begin those that lack."""
    wanted = {f"{name}-{workload['revision']}-{number}" for number in range(workload["replicas"])}
    there = {state.stem: state for state in PLACE.glob(f"{name}-*.pod")}
    for stem in there.keys() - wanted:
        apart("remove", str(there[stem]))
    for stem in wanted - there.keys():
        begin(PLACE / f"{stem}.pod", workload["revisions"][workload["revision"]], restart=True)


def remove(state: Path) -> None:
    """End a pod, and forget it."""
    end(state, 30)
    state.unlink()


def described(name: str, workload: dict[str, Any]) -> dict[str, Any]:
    """A Deployment, as ``get --output=json`` shows it."""
    short = name.partition("/")[2]
    newest = [seen(state) for state in PLACE.glob(f"{short}-{workload['revision']}-*.pod")]
    ready = sum(pod.get("running", False) and pod.get("restarts", 0) == 0 for pod in newest)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": short,
            "generation": workload["generation"],
            "annotations": {"deployment.kubernetes.io/revision": workload["revision"], **workload["annotations"]},
        },
        "spec": {
            "replicas": workload["replicas"],
            "selector": {"matchLabels": {"app": short}},
            "template": {"spec": {"containers": [{"name": "web", "image": f"shop:{workload['revision']}"}]}},
        },
        "status": {
            "observedGeneration": workload["generation"],
            "replicas": len(newest),
            "readyReplicas": ready,
            "updatedReplicas": len(newest),
            "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}],
        },
    }


def pods(selector: str) -> list[dict[str, Any]]:
    """Those of a selector."""
    return [pod(state) for state in sorted(PLACE.glob(f"{selector.partition('=')[2]}-*.pod"))]


def pod(state: Path) -> dict[str, Any]:
    """One pod."""
    found = seen(state)
    failing = found.get("restarts", 0) > 0
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
    status = {"name": "web", "restartCount": found.get("restarts", 0), "state": waiting if failing else {"running": {}}}
    return {"metadata": {"name": state.stem}, "status": {"phase": "Running", "containerStatuses": [status]}}

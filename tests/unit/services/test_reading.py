"""What drivers make of what systemctl, docker and kubectl say, in the formats that these document."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from dr.configuration.procedures.services import ServiceSettings, command
from dr.errors import ServiceError
from dr.services import compose, kubernetes_objects, systemd
from dr.services.kubernetes_objects import Pods, Workload
from dr.services.protocol import State
from dr.services.releases import Releases, of_service
from dr.services.words import masked


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        ("LoadState=loaded ActiveState=active SubState=running", State.RUNNING, "active (running)"),
        ("LoadState=loaded ActiveState=active SubState=exited", State.RUNNING, "active (exited)"),
        ("LoadState=loaded ActiveState=activating SubState=start", State.STARTING, "activating (start)"),
        ("LoadState=loaded ActiveState=activating SubState=auto-restart NRestarts=7", State.FAILED, "7 times"),
        ("LoadState=loaded ActiveState=inactive SubState=dead Result=success", State.STOPPED, "inactive (dead)"),
        ("LoadState=masked ActiveState=inactive SubState=dead", State.STOPPED, "masked"),
        ("LoadState=loaded ActiveState=failed SubState=failed Result=oom-kill", State.FAILED, "oom-kill"),
        ("LoadState=loaded ActiveState=deactivating SubState=stop-sigterm", State.UNKNOWN, "stop-sigterm"),
        ("LoadState=not-found ActiveState=inactive SubState=dead", State.UNKNOWN, "no such unit"),
        ("", State.UNKNOWN, "no answer"),
    ],
)
def test_a_unit_is_what_its_properties_say(told: str, state: State, words: str) -> None:
    """Every state that systemd has."""
    found, detail = systemd.judged(dict(pair.split("=") for pair in told.split()))

    assert found is state
    assert words in detail


def _container(**fields: object) -> dict[str, object]:
    return {"Name": "shop-web-1", "Service": "web", "State": "running", "Status": "Up", **fields}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, State.RUNNING),
        ({"Health": "healthy"}, State.RUNNING),
        ({"Health": "starting"}, State.STARTING),
        ({"Health": "unhealthy"}, State.FAILED),
        ({"State": "created"}, State.STOPPED),
        ({"State": "exited", "ExitCode": 0}, State.STOPPED),
        ({"State": "exited", "ExitCode": 143}, State.STOPPED),
        ({"State": "exited", "ExitCode": 137}, State.FAILED),
        ({"State": "restarting"}, State.FAILED),
        ({"State": "paused"}, State.FAILED),
        ({"State": "dead"}, State.FAILED),
        ({"State": "something new"}, State.UNKNOWN),
    ],
)
def test_a_container_is_what_compose_says(fields: dict[str, object], state: State) -> None:
    """One document per line since Compose 2.21, one list before."""
    document = _container(**fields)

    (by_line,) = compose._decoded(json.dumps(document) + "\n")
    (by_list,) = compose._decoded(json.dumps([document]))

    assert compose.judged(by_line)[0] is compose.judged(by_list)[0] is state


def workload(wanted: int, ready: int, updated: int, *, generation: int = 4, conditions: object = ()) -> Workload:
    """A Deployment as the API gives it."""
    document = {
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": 4, "annotations": {"deployment.kubernetes.io/revision": "7"}},
        "spec": {
            "replicas": wanted,
            "selector": {"matchLabels": {"tier": "front", "app": "web"}},
            "template": {"spec": {"containers": [{"image": "registry/web:7"}, {"image": "proxy:1"}]}},
        },
        "status": {
            "observedGeneration": generation,
            "readyReplicas": ready,
            "updatedReplicas": updated,
            "conditions": list(conditions),  # type: ignore[call-overload]
        },
    }
    return msgspec.json.decode(json.dumps(document), type=Workload)


def test_a_workload_runs_when_all_of_the_newest_revision_are_ready() -> None:
    """Pods of the release before do not count, nor does what the controller has not seen yet."""
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long"}

    assert kubernetes_objects.judged(workload(2, 2, 2)) == (State.RUNNING, "2 of 2 ready")
    assert kubernetes_objects.judged(workload(2, 1, 2))[0] is State.STARTING
    assert kubernetes_objects.judged(workload(2, 2, 1))[0] is State.STARTING
    assert kubernetes_objects.judged(workload(2, 2, 2, generation=3))[0] is State.STARTING
    assert kubernetes_objects.judged(workload(0, 0, 0)) == (State.STOPPED, "scaled to 0")
    assert kubernetes_objects.judged(workload(2, 0, 2, conditions=[late]))[0] is State.FAILED
    assert workload(2, 2, 2).selector == "app=web,tier=front"
    assert workload(2, 2, 2).release == "revision 7: registry/web:7, proxy:1"


def test_pods_are_found_by_labels_alone() -> None:
    """A selector with expressions would be widened by leaving them out, and somebody else's pods deleted."""
    document = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier"}]}},
    }

    assert msgspec.json.decode(json.dumps(document), type=Workload).selector == ""


def test_a_pod_that_crashes_is_told() -> None:
    """``rollout status`` would wait for it until the end of its time."""
    crashing = {"name": "web", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "so"}}}
    coming = {"name": "web", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}

    def pods(status: object) -> Pods:
        document = {"items": [{"metadata": {"name": "web-1"}, "status": {"containerStatuses": [status]}}]}
        return msgspec.json.decode(json.dumps(document), type=Pods)

    assert kubernetes_objects.failing_pod(pods(crashing)) == "web-1: CrashLoopBackOff, started 4 times: so"
    assert kubernetes_objects.failing_pod(pods(coming)) == ""


def test_the_release_before_is_the_next_smaller_one(tmp_path: Path) -> None:
    """Numbers by their value, files and hidden directories aside; going back leaves the link whole all the time."""
    for name in ("v9", "v10", "v11", "v8", ".v10-unfinished"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    (tmp_path / "releases" / "v10.tar").write_text("")
    (tmp_path / "current").symlink_to("releases/v11")
    releases = Releases(tmp_path / "releases")

    seen = []
    while previous := releases.previous():
        seen.append((releases.current(), previous))
        releases.lead_to(previous)

    assert seen == [("v11", "v10"), ("v10", "v9"), ("v9", "v8")]
    with pytest.raises(ServiceError, match=r"no release 'v7' of web"):
        releases.require("v7", "web")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gone-back-from", "current", "releases"]


def test_nobody_goes_back_to_what_was_gone_back_from(tmp_path: Path) -> None:
    """The release between two that work is known to be bad."""
    for name in ("v1", "v2", "v3"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    link, releases = tmp_path / "current", Releases(tmp_path / "releases")
    link.symlink_to("releases/v2")
    releases.lead_to(releases.previous())
    link.unlink()
    link.symlink_to("releases/v3")

    assert releases.previous() == "v1"


def test_what_was_returned_to_is_bad_no_more(tmp_path: Path) -> None:
    """It was not the fault: a later release that does not come goes back to it, and not behind it."""
    for name in ("v1", "v2", "v3"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    link, releases = tmp_path / "current", Releases(tmp_path / "releases")
    link.symlink_to("releases/v2")

    releases.lead_to("v1")
    releases.lead_to("v2")
    assert releases.current() == "v2"
    link.unlink()
    link.symlink_to("releases/v3")

    assert releases.previous() == "v2"


def test_a_link_that_leads_elsewhere_has_no_release_before(tmp_path: Path) -> None:
    """Guessing there would start something that nobody deployed."""
    (tmp_path / "releases" / "v1").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "current").symlink_to("elsewhere")

    found = of_service(ServiceSettings("web", releases=tmp_path / "releases"))

    assert found is not None
    assert (found.current(), found.previous()) == ("", "")


def test_last_words_hold_no_secret_and_have_an_end() -> None:
    """Passwords in addresses, and the values that a service was given."""
    text = "x" * 9000 + " cannot connect to postgresql://shop:hunter22@db/shop with token abcdef123456"

    shown = masked(text, ["abcdef123456"])

    assert "hunter22" not in shown
    assert "abcdef123456" not in shown
    assert shown.endswith("with token ********")
    assert len(shown) <= 4000


def test_a_command_is_a_list_or_a_line_with_quotes(tmp_path: Path) -> None:
    """Words of a list are taken as they are; nothing is run by a shell."""
    assert command(["node", "a file.js", "--x=1, 2"], tmp_path) == ("node", "a file.js", "--x=1, 2")
    assert command("node 'a file.js' $HOME", tmp_path) == ("node", "a file.js", "$HOME")
    with pytest.raises(ValueError, match="is no command line"):
        command("node 'a file.js", tmp_path)

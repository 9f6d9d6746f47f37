"""A real exporter, node exporter, Prometheus and Alertmanager, each in a process of its own, and what they say.

The exporter has a mount namespace of its own with a small disk in it, so that a disk can be filled and leaves nothing
behind; and it can be started again with another clock.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from deployments.prometheus.alertmanager_file import Addresses, alertmanager_file
from deployments.prometheus.prometheus_file import prometheus_file
from deployments.prometheus.rule_file import rule_file
from deployments.prometheus.silence import TEXTFILE
from dr.demo.ports import reserved_port
from dr.operations.measure.push import JOB
from tests.endpoints.receivers import Receivers
from tests.endpoints.serving import _die_with_parent
from tests.integration.prometheus.programs import program

ROOT = Path(__file__).resolve().parents[3]
SPEED = 3600.0
"""What waits for an hour waits for a second."""
INTERVAL, EVALUATION = "10s", "1s"
PATIENCE_SECONDS = 240.0
_VIEW = 'mount -t tmpfs -o size=8m dr "$0" && mkdir "$0/store" && exec "$@"'
MOUNT = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _VIEW)


def has_own_view() -> bool:
    """Whether this user may give a process mounts of its own: root may, unless in a container that forbids it."""
    tried = ("unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "dr", "/mnt")
    return os.geteuid() == 0 and subprocess.run(tried, capture_output=True, check=False).returncode == 0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """What the condition gives as soon as it is true of anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if found := condition():
                return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


class Exporter:
    """``dr metrics serve`` at ``port``; ``disk`` is a directory on which it sees a small disk of its own."""

    def __init__(self, port: int, disk: Path, directory: Path) -> None:
        self.port, self.disk, self._directory = port, disk, directory
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def start(self, environment: Mapping[str, str], days: float = 0) -> None:
        """Returns when it answers. Its clock is so many ``days`` ahead."""
        self.kill()
        self._starts += 1
        argv = (sys.executable, "-m", "tests.integration.prometheus.later", str(days), "metrics", "serve",
                f"127.0.0.1:{self.port}", "--every", "1")  # fmt: skip
        log = self._directory / f"exporter-{self._starts}.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                (*MOUNT, str(self.disk), *argv),
                cwd=ROOT,
                env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,
            )
        until(lambda: b"serving" in log.read_bytes() or self._ended(log), "the exporter serves")

    def _ended(self, log: Path) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, log.read_text(errors="replace")
        return False

    def inside(self, path: Path) -> Path:
        """A path on its small disk, as we reach it."""
        assert self._process is not None
        return Path("/proc", str(self._process.pid), "root", str(path).lstrip("/"))

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass(frozen=True, slots=True)
class Observatory:
    """Where Prometheus and Alertmanager are, the exporter that they watch, and the file that node exporter reads.

    Of the file Prometheus keeps no more than how old it is: its content tells of the same system as our exporter.
    """

    prometheus: str
    alertmanager: str
    exporter: Exporter
    textfile: Path

    def is_ready(self) -> bool:
        """Whether both take requests."""
        return all(httpx.get(f"{url}/-/ready").is_success for url in (self.prometheus, self.alertmanager))

    def firing(self) -> dict[str, list[dict[str, Any]]]:
        """By rule, as Prometheus tells them."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in httpx.get(f"{self.prometheus}/api/v1/alerts").json()["data"]["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    def wait_until_firing(self, *rules: str) -> dict[str, list[dict[str, Any]]]:
        """All of these at once."""
        return self._wait(lambda found: set(rules) <= set(found), f"all of {rules} fire")

    def wait_until_over(self, *rules: str) -> dict[str, list[dict[str, Any]]]:
        """None of these fires, while what they look at is measured."""
        return self._wait(
            lambda found: not set(rules) & set(found) and bool(self.query("backup_good_age_seconds")),
            f"none of {rules} fires",
        )

    def _wait(
        self, condition: Callable[[dict[str, list[dict[str, Any]]]], bool], what: str
    ) -> dict[str, list[dict[str, Any]]]:
        seen: list[dict[str, list[dict[str, Any]]]] = [{}]

        def asked() -> bool:
            seen[0] = self.firing()
            return condition(seen[0])

        try:
            until(asked, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; firing: {sorted(seen[0])}; {self._scraped()}") from None
        return seen[0]

    def _scraped(self) -> str:
        """How the exporter answered last."""
        targets = httpx.get(f"{self.prometheus}/api/v1/targets").json()["data"]["activeTargets"]
        (ours,) = (item for item in targets if item["labels"]["job"] == JOB)
        return f"{ours['health']} after {ours['lastScrapeDuration']:.1f} s {ours['lastError']}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers to PromQL now; an error of the expression is raised."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result = answer["data"]["result"]
        assert isinstance(result, list)
        return result

    def answer(self, expression: str) -> list[dict[str, Any]]:
        """The same as soon as there is any: on a busy host an answer of the exporter may come too late."""
        found = until(lambda: self.query(expression), f"{expression} has an answer")
        assert isinstance(found, list)
        return found


@contextmanager
def observatory(directory: Path, receivers: Receivers) -> Iterator[Observatory]:
    """All four, the exporter not started yet."""
    with reserved_port() as exported, reserved_port() as first, reserved_port() as second, reserved_port() as third:
        pass  # Go's servers share no port, not even with one that does not listen
    disk = directory / "disk"
    disk.mkdir()
    exporter = Exporter(exported, disk, directory)
    _write(directory / "rules.yml", rule_file(speed=SPEED))
    watched = prometheus_file(
        (f"127.0.0.1:{exported}",), (f"127.0.0.1:{second}",), interval=INTERVAL, evaluation=EVALUATION
    )
    watched["scrape_configs"] = [*_listed(watched["scrape_configs"]), _node(third)]
    _write(directory / "prometheus.yml", watched)
    _write(directory / "alertmanager.yml", _told_to(directory, receivers))
    watching = (
        str(program("prometheus")), f"--config.file={directory}/prometheus.yml", "--log.level=warn",
        f"--storage.tsdb.path={directory}/prometheus", f"--web.listen-address=127.0.0.1:{first}",
    )  # fmt: skip
    telling = (
        *_alertmanager(), f"--config.file={directory}/alertmanager.yml", "--log.level=warn",
        f"--storage.path={directory}/alertmanager", f"--web.listen-address=127.0.0.1:{second}",
        "--cluster.listen-address=",
    )  # fmt: skip
    textfile = directory / "textfile" / TEXTFILE
    textfile.parent.mkdir()
    beside = (
        str(program("prometheus-node-exporter")), "--collector.disable-defaults", "--collector.textfile",
        f"--collector.textfile.directory={textfile.parent}", f"--web.listen-address=127.0.0.1:{third}",
    )  # fmt: skip
    with (
        _running(beside, directory / "node-exporter.log"),
        _running(watching, directory / "prometheus.log"),
        _running(telling, directory / "alertmanager.log"),
    ):
        made = Observatory(f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}", exporter, textfile)
        until(made.is_ready, f"Prometheus and Alertmanager are ready; see {directory}/*.log", 60)
        try:
            yield made
        finally:
            exporter.kill()


def _listed(document: object) -> list[object]:
    assert isinstance(document, list)
    return document


def _node(port: int) -> dict[str, object]:
    kept = {"source_labels": ["__name__"], "regex": "node_textfile_.*", "action": "keep"}
    where = [{"targets": [f"127.0.0.1:{port}"]}]
    return {"job_name": "node", "static_configs": where, "metric_relabel_configs": [kept]}


def _alertmanager() -> tuple[str, ...]:
    """Debian's reads its templates below /usr, where they are not when it was only unpacked: there in its own view."""
    found = program("prometheus-alertmanager")
    place, unpacked = Path("/usr/share/prometheus/alertmanager"), found.parent.parent / "share/prometheus/alertmanager"
    if place.exists() or not unpacked.exists():
        return (str(found),)
    view = 'mount -t tmpfs -o size=8m dr /usr/share && mkdir -p "$1" && cp "$0"/*.tmpl "$1" && shift && exec "$@"'
    own = ("unshare", "--mount", "--propagation", "private", "sh", "-c", view)
    return (*own, str(unpacked), str(place), str(found))


def _told_to(directory: Path, receivers: Receivers) -> dict[str, object]:
    """The very routes of the repository, to receivers on loopback."""
    secrets = directory / "alertmanager-secrets"
    secrets.mkdir(mode=0o700)
    for name, text in {
        "pagerduty_routing_key": "R0",
        "slack_critical_webhook": f"{receivers.url}/slack/critical",
        "slack_warning_webhook": f"{receivers.url}/slack/warning",
        "sms_token": "sms-token",
        "jira_webhook_token": "jira-token",
    }.items():
        (secrets / name).write_text(text)
    here = Addresses(
        secrets=str(secrets),
        smtp=receivers.smtp,
        smtp_user="",
        sms=f"{receivers.url}/hook/sms",
        jira=f"{receivers.url}/hook/jira",
        pagerduty=f"{receivers.url}/v2/enqueue",
        ca_file=str(receivers.ca_file),
    )
    return alertmanager_file(here, speed=100)


def _write(path: Path, document: dict[str, object]) -> None:
    path.write_bytes(msgspec.yaml.encode(document))


@contextmanager
def _running(argv: tuple[str, ...], log: Path) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not re.search("_proxy$", name, re.IGNORECASE)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent
        )
    try:
        yield
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def told(entry: dict[str, Any]) -> str:
    """What a receiver was sent, as text to search in."""
    return json.dumps(entry["body"], ensure_ascii=False)


def subject(entry: dict[str, Any]) -> str:
    """Of a mail; empty for everything else."""
    return str(entry["headers"].get("Subject", ""))

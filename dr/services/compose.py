"""The driver of a service of Docker Compose, by its second generation (``docker compose``, or ``docker-compose`` 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from dr.errors import DrError, ToolError
from dr.pipeline.launch import tool
from dr.services.command import ORDERLY, required, tried, wait_until_down, wait_until_running
from dr.services.deployed import Deployed
from dr.services.protocol import State, Status
from dr.services.words import LINES, masked

_SHORT_SECONDS = 15.0
_ENDED_IN_ORDER = (0, 143)
"""By itself, or by the SIGTERM of a stop."""
_WORST_FIRST = (State.UNKNOWN, State.FAILED, State.STOPPED, State.STARTING, State.RUNNING)


class _Container(msgspec.Struct, rename="pascal"):
    """One container, as ``compose ps --format json`` tells of it."""

    state: str
    status: str = ""
    health: str = ""
    exit_code: int = 0
    image: str = ""


@dataclass(frozen=True, slots=True)
class ComposeService(Deployed):
    """A service of one project, with all its containers."""

    def status(self, seconds: float) -> Status:
        """As its worst container is; a failing health check of Docker's own is a failure."""
        release = self.current_release()
        try:
            output, problem = tried(self._compose("ps", "--all", "--format", "json", self._unit), seconds)
            containers = [] if problem else [*_decoded(output)]
        except (DrError, msgspec.DecodeError) as error:
            return Status(self.name, State.UNKNOWN, str(error), release)
        if problem:
            return Status(self.name, State.UNKNOWN, problem, release)
        if not containers:
            return Status(self.name, State.STOPPED, "it has no container", release)
        found = [(*judged(item), item.image) for item in containers]
        state, detail, image = min(found, key=lambda item: _WORST_FIRST.index(item[0]))
        return Status(self.name, state, detail, release or image)

    def stop(self, seconds: float) -> None:
        """Docker kills what does not end in four fifths of the time; its restart policy leaves stopped ones alone."""
        timeout = str(max(int(seconds * ORDERLY), 1))
        required(self.name, "stop", self._compose("stop", "--timeout", timeout, self._unit), seconds, self._directory)
        wait_until_down(
            lambda: self.status(_SHORT_SECONDS),
            lambda: tried(self._compose("kill", self._unit), _SHORT_SECONDS),
            lambda: self.last_words(_SHORT_SECONDS),
            seconds,
        )

    def start(self, seconds: float) -> None:
        self._up(seconds)

    def _start_anew(self, seconds: float) -> None:
        """The containers are made anew from what lies there."""
        self._up(seconds, "--force-recreate")

    def last_words(self, seconds: float) -> str:
        argv = self._compose("logs", "--no-color", "--no-log-prefix", "--tail", str(LINES), self._unit)
        try:
            output, _ = tried(argv, seconds)
        except DrError:
            return ""
        return masked(output)

    @property
    def _directory(self) -> Path | None:
        return self.settings.directory

    @property
    def _unit(self) -> str:
        return self.settings.unit or self.name

    def _up(self, seconds: float, *options: str) -> None:
        # What it needs is started by its own place in the order, so --no-deps.
        argv = self._compose("up", "--detach", "--no-deps", "--no-build", *options, self._unit)
        required(self.name, "start", argv, seconds, self._directory)
        wait_until_running(
            lambda: self.status(_SHORT_SECONDS),
            lambda: self.last_words(_SHORT_SECONDS),
            seconds,
            frozenset({State.RUNNING, State.STARTING}),
        )

    def _compose(self, *words: str) -> tuple[str, ...]:
        project: tuple[str, ...] = ()
        if self._directory is not None:
            project += ("--project-directory", str(self._directory))
        for file in self.settings.files:
            project += ("--file", str(file))
        return (*program(), *project, *words)


def judged(container: _Container) -> tuple[State, str]:
    """State and detail of one container."""
    detail = container.status or container.state
    match container.state:
        case "running":
            by_health = {"unhealthy": State.FAILED, "starting": State.STARTING}
            return by_health.get(container.health, State.RUNNING), detail
        case "created":
            return State.STOPPED, detail
        case "exited":
            return (State.STOPPED if container.exit_code in _ENDED_IN_ORDER else State.FAILED), detail
        case "paused" | "restarting" | "dead" | "removing":
            return State.FAILED, detail
    return State.UNKNOWN, detail


@lru_cache
def program() -> tuple[str, ...]:
    """How Compose is called here. Raises ``ToolError`` where it is not installed."""
    docker, alone = tool("docker"), tool("docker-compose")
    if docker is not None and not tried((docker, "compose", "version"), _SHORT_SECONDS)[1]:
        return (docker, "compose")
    if alone is not None:
        return (alone,)
    raise ToolError(
        "Docker Compose is not installed here", hint="Install its plugin (docker-compose-plugin), or docker-compose 2."
    )


def _decoded(output: str) -> Iterator[_Container]:
    """One document per line, or (before 2.21) all of them in one list."""
    for line in output.splitlines():
        if line.strip():
            document = json.loads(line) if line.lstrip()[0] in "[{" else []
            yield from msgspec.convert(document if isinstance(document, list) else [document], list[_Container])

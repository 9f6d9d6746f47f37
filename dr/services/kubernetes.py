"""The driver of a workload of Kubernetes: a Deployment or a StatefulSet, through ``kubectl``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from dr.configuration.procedures.services import ServiceSettings
from dr.errors import DrError, ServiceError
from dr.services.command import required, tried, wait_until_down, wait_until_running
from dr.services.kubernetes_objects import REPLICAS, Pods, Workload, failing_pod, judged
from dr.services.protocol import State, Status
from dr.services.words import LINES, masked

_Document = TypeVar("_Document", Workload, Pods)
_SHORT_SECONDS = 15.0
_CALLED = "revision "
_REVISION = re.compile(r"^(\d+)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class KubernetesService:
    """A workload. Stopped is scaled to 0; how many there were is kept in an annotation of the workload itself."""

    settings: ServiceSettings

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def after(self) -> tuple[str, ...]:
        return self.settings.after

    def status(self, seconds: float) -> Status:
        try:
            workload = self._workload(seconds)
            state, detail = judged(workload)
            if state is State.STARTING and (failing := failing_pod(self._pods(workload, seconds))):
                state, detail = State.FAILED, failing
        except DrError as error:
            return Status(self.name, State.UNKNOWN, error.detail or error.message)
        return Status(self.name, state, detail, workload.release)

    def stop(self, seconds: float, *, force: bool = True) -> None:
        """Scale to 0, and wait until its pods are gone; what does not end in four fifths of the time is deleted.

        ``force`` False: it is not. A pod that is deleted by force is gone from the cluster's books, and may go on
        running on a node that the cluster does not reach.
        """
        workload = self._workload(_SHORT_SECONDS)
        if workload.spec.replicas:
            # Before the scaling: after it nobody knows the number any more.
            self._do("stop", seconds, "annotate", "--overwrite", self._unit, f"{REPLICAS}={workload.spec.replicas}")
            self._do("stop", seconds, "scale", self._unit, "--replicas=0")
        wait_until_down(
            lambda: self._gone(workload),
            lambda: self._delete_pods(workload) if force else None,
            lambda: self.last_words(_SHORT_SECONDS),
            seconds,
        )

    def start(self, seconds: float) -> None:
        """As many as were stopped (1 where nobody noted it), and wait until all are ready."""
        workload = self._workload(_SHORT_SECONDS)
        noted = workload.metadata.annotations.get(REPLICAS, "")
        if not workload.spec.replicas:
            count = noted if noted.isdigit() and int(noted) else "1"
            self._do("start", seconds, "scale", self._unit, f"--replicas={count}")
        # Not `rollout status`: that waits to the end of its time for a pod that crashes again and again.
        wait_until_running(
            lambda: self.status(_SHORT_SECONDS),
            lambda: self.last_words(_SHORT_SECONDS),
            seconds,
            frozenset({State.RUNNING}),
        )
        if noted:
            self._do("start", seconds, "annotate", self._unit, f"{REPLICAS}-")

    def current_release(self) -> str:
        try:
            running = self._workload(_SHORT_SECONDS).revision
        except DrError:
            return ""
        return f"{_CALLED}{running}" if running else ""

    def previous_release(self) -> str:
        """The revision before the one that runs, of those that the cluster keeps."""
        try:
            found = self._previous_revision()
        except DrError:
            return ""
        return f"{_CALLED}{found}" if found else ""

    def roll_back(self, to: str, seconds: float) -> str:
        """A revision that is gone back to gets a new number, so one that is there no more has been gone back to."""
        wanted = to.removeprefix(_CALLED)
        if not wanted.isdigit():
            raise ServiceError(
                f"there is no revision {to!r} of {self.name}",
                hint=f"kubectl rollout history {self._unit} lists them. Deploy one that works.",
            )
        if int(wanted) in self._revisions() - {self._workload(_SHORT_SECONDS).revision}:
            self._do("roll back", seconds, "rollout", "undo", self._unit, f"--to-revision={wanted}")
        self.start(seconds)
        return self.current_release()

    def last_words(self, seconds: float) -> str:
        """Of its newest container, or of the one before that when it crashes at once."""
        logs = ("logs", self._unit, "--all-containers", f"--tail={LINES}")
        for words in (logs, (*logs, "--previous")):
            try:
                output, problem = tried(self._kubectl(seconds, *words), seconds)
            except DrError:
                return ""
            if output.strip() and not problem:
                return masked(output)
        return ""

    @property
    def _unit(self) -> str:
        return self.settings.unit or f"deployment/{self.name}"

    def _workload(self, seconds: float) -> Workload:
        output = self._do("answer", seconds, "get", self._unit, "--output=json")
        return self._decoded(output, Workload)

    def _pods(self, workload: Workload, seconds: float) -> Pods:
        output = self._do("answer", seconds, "get", "pods", f"--selector={workload.selector}", "--output=json")
        return self._decoded(output, Pods)

    def _gone(self, workload: Workload) -> Status:
        left = self._pods(workload, _SHORT_SECONDS).items if workload.selector else []
        if not workload.selector and self._workload(_SHORT_SECONDS).status.replicas:
            return Status(self.name, State.RUNNING, "its pods are still there")
        if left:
            return Status(self.name, State.RUNNING, f"{len(left)} pods are still there")
        return Status(self.name, State.STOPPED)

    def _delete_pods(self, workload: Workload) -> None:
        if workload.selector:
            words = ("delete", "pods", f"--selector={workload.selector}", "--grace-period=0", "--force", "--wait=false")
            tried(self._kubectl(_SHORT_SECONDS, *words), _SHORT_SECONDS)

    def _previous_revision(self) -> int:
        running = self._workload(_SHORT_SECONDS).revision
        return max((number for number in self._revisions() if number < running), default=0)

    def _revisions(self) -> set[int]:
        """Those that the cluster keeps."""
        history = self._do("answer", _SHORT_SECONDS, "rollout", "history", self._unit)
        return {int(found) for found in _REVISION.findall(history)}

    def _do(self, verb: str, seconds: float, *words: str) -> str:
        return required(self.name, verb, self._kubectl(seconds, *words), seconds, None)

    @property
    def _where(self) -> tuple[str, ...]:
        context = (f"--context={self.settings.context}",) if self.settings.context else ()
        return (*context, *((f"--namespace={self.settings.namespace}",) if self.settings.namespace else ()))

    def _kubectl(self, seconds: float, *words: str) -> tuple[str, ...]:
        return ("kubectl", *self._where, f"--request-timeout={max(int(seconds), 1)}s", *words)

    def _decoded(self, output: str, kind: type[_Document]) -> _Document:
        try:
            return msgspec.json.decode(output.encode(), type=kind)
        except msgspec.DecodeError as error:
            raise ServiceError(
                f"{self.name} cannot be told", f"{self._unit}: {error}", "Is it a Deployment or a StatefulSet?"
            ) from None

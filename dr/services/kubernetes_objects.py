"""What of Kubernetes' objects is read, and what it says of a workload. Pure."""

from __future__ import annotations

import msgspec

from dr.services.protocol import State

REPLICAS = "coreflow360-dr/replicas"
"""The annotation that keeps how many there were before a stop."""
_REVISION = "deployment.kubernetes.io/revision"
_FAILING = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


class _Camel(msgspec.Struct, rename="camel", frozen=True):
    pass


class _Metadata(_Camel, frozen=True):
    name: str = ""
    generation: int = 0
    annotations: dict[str, str] = {}


class _Container(_Camel, frozen=True):
    image: str = ""


class _PodSpec(_Camel, frozen=True):
    containers: list[_Container] = []


class _Template(_Camel, frozen=True):
    spec: _PodSpec = _PodSpec()


class _Selector(_Camel, frozen=True):
    match_labels: dict[str, str] = {}
    match_expressions: list[msgspec.Raw] = []


class _WorkloadSpec(_Camel, frozen=True):
    replicas: int = 1
    selector: _Selector = _Selector()
    template: _Template = _Template()


class _Condition(_Camel, frozen=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _WorkloadStatus(_Camel, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    conditions: list[_Condition] = []


class Workload(_Camel, frozen=True):
    """A Deployment or a StatefulSet."""

    metadata: _Metadata
    spec: _WorkloadSpec
    status: _WorkloadStatus = _WorkloadStatus()

    @property
    def selector(self) -> str:
        """Its pods, for ``--selector``; empty where labels alone do not tell them from others'."""
        if self.spec.selector.match_expressions:
            return ""
        return ",".join(f"{key}={value}" for key, value in sorted(self.spec.selector.match_labels.items()))

    @property
    def revision(self) -> int:
        found = self.metadata.annotations.get(_REVISION, "")
        return int(found) if found.isdigit() else 0

    @property
    def release(self) -> str:
        """The revision and its images."""
        images = ", ".join(item.image for item in self.spec.template.spec.containers if item.image)
        return f"revision {self.revision}: {images}" if self.revision else images


class _Waiting(_Camel, frozen=True):
    reason: str = ""
    message: str = ""


class _ContainerState(_Camel, frozen=True):
    waiting: _Waiting | None = None


class _ContainerStatus(_Camel, frozen=True):
    name: str = ""
    restart_count: int = 0
    state: _ContainerState = _ContainerState()


class _PodStatus(_Camel, frozen=True):
    phase: str = ""
    container_statuses: list[_ContainerStatus] = []


class _Pod(_Camel, frozen=True):
    metadata: _Metadata
    status: _PodStatus = _PodStatus()


class Pods(_Camel, frozen=True):
    """A list of pods."""

    items: list[_Pod] = []


def judged(workload: Workload) -> tuple[State, str]:
    """State and detail. Running is: as many as wanted are ready, and all of the newest revision."""
    wanted, status = workload.spec.replicas, workload.status
    if not wanted:
        return State.STOPPED, "scaled to 0"
    for condition in status.conditions:
        if condition.type == "Progressing" and condition.status == "False":
            return State.FAILED, f"{condition.reason}: {condition.message}"
    detail = f"{status.ready_replicas} of {wanted} ready"
    seen = status.observed_generation >= workload.metadata.generation
    if seen and min(status.ready_replicas, status.updated_replicas) >= wanted:
        return State.RUNNING, detail
    return State.STARTING, detail


def failing_pod(pods: Pods) -> str:
    """Why one of them does not come up; empty when none is known to fail."""
    for pod in pods.items:
        for container in pod.status.container_statuses:
            waiting = container.state.waiting
            if waiting is not None and waiting.reason in _FAILING:
                return (
                    f"{pod.metadata.name}: {waiting.reason}, started {container.restart_count} times: {waiting.message}"
                )
    return ""

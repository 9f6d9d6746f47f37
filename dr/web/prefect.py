"""Prefect's HTTP interface, asked without Prefect: to import it takes longer than an answer may, or it is broken."""

from __future__ import annotations

import base64
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")
SERVER = "PREFECT_API_URL"
UNREACHED = (OSError, ValueError, msgspec.DecodeError)
"""What ``ask`` raises when the server is not there, refuses, or says what nobody understands."""
_MOST = 200


class Schedule(msgspec.Struct, frozen=True):
    """One schedule of a deployment."""

    active: bool = True


class Deployment(msgspec.Struct, frozen=True):
    """One deployment, as far as its schedules go."""

    id: str
    entrypoint: str | None = None
    paused: bool = False
    schedules: list[Schedule] = []

    @property
    def waits_for_its_time(self) -> bool:
        return not self.paused and any(schedule.active for schedule in self.schedules)

    @property
    def procedure(self) -> str:
        return (self.entrypoint or self.id).rpartition(".")[2].replace("_", "-")


def configured() -> str:
    """The address of the server that the environment names; empty for none."""
    return os.environ.get(SERVER, "").strip().rstrip("/")


def deployments_of(server: str, system: str, seconds: float) -> list[Deployment]:
    """Every deployment of one system. Raises one of ``UNREACHED``."""
    return ask(server, "deployments/filter", {"deployments": {"name": {"any_": [system]}}}, list[Deployment], seconds)


def ask(server: str, path: str, wanted: Mapping[str, object], kind: type[T], seconds: float) -> T:
    """Ask for what is wanted, within that time. Raises one of ``UNREACHED``."""
    request = urllib.request.Request(  # noqa: S310 - the operator's own server
        f"{server}/{path}", data=msgspec.json.encode({"limit": _MOST, **wanted}), headers=_headers(), method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(), type=kind)
    except urllib.error.HTTPError as error:
        error.close()  # it is an answer as well, and holds its connection
        raise


def _headers() -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    key, login = os.environ.get("PREFECT_API_KEY", ""), os.environ.get("PREFECT_API_AUTH_STRING", "")
    if key:
        headers["Authorization"] = f"Bearer {key}"
    elif login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers

"""Does a disaster touch what another system lives on: its directories, whichever of two holds the other, its services?

One thing under two names is looked for, and one doubt is enough: a name that one configuration leaves out (a context of
kubectl, a namespace) may be the other's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.configuration.procedures.services import ServiceSettings
from dr.errors import TargetRefused
from dr.evidence.approvals import NOTHING

_COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_NAME = re.compile(r"^(?:export\s+)?(?:name:|COMPOSE_PROJECT_NAME=)\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def refuse_what_is_others(
    system: System, kill: Iterable[str], touched: Iterable[Path], others: Iterable[System]
) -> None:
    """Raises ``TargetRefused`` when one of ``touched``, or of the services to ``kill``, is another system's as well.

    Test systems among the others do not count: they may be broken.
    """
    kill, touched = tuple(kill), tuple(touched)
    reasons = [
        reason
        for other in others
        if other.name != system.name and not other.procedures.simulation.allowed
        for reason in (*_shared_paths(touched, other), *_shared_services(system, kill, other))
    ]
    if reasons:
        raise TargetRefused(
            "the disaster would take what another system lives on, and that is no test system",
            detail=f"{'; '.join(reasons)}; {NOTHING}",
            hint="Give this system directories and services of its own, or break it on a host of its own.",
        )


def _shared_paths(touched: tuple[Path, ...], other: System) -> Iterator[str]:
    theirs = tuple(dict.fromkeys(paths_of(other)))
    for path in touched:
        for place in theirs:
            if _overlap(path, place):
                yield f"{path} and {other.name}'s {place} are one, or one holds the other"
                break


def paths_of(value: object) -> Iterator[Path]:
    """Every path that a configuration names, wherever in it: data, files, stores, keys, state, services."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, ServiceSettings):
        yield from (Path(word) for word in value.command if word.startswith("/"))
        yield from ((value.releases.parent / "current",) if value.releases is not None else ())
        yield from _of_fields(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from paths_of(item)
    elif is_dataclass(value):
        yield from _of_fields(value)


def _of_fields(value: object) -> Iterator[Path]:
    for field in fields(value):  # type: ignore[arg-type]
        yield from paths_of(getattr(value, field.name))


def _overlap(one: Path, other: Path) -> bool:
    return any(
        mine == theirs or mine in theirs.parents or theirs in mine.parents
        for mine in _names(one)
        for theirs in _names(other)
    )


def _names(path: Path) -> set[Path]:
    """As it is written, where it leads to, and where its last link itself lies: a rename moves that one."""
    written = path.absolute()
    return {written, written.resolve(), written.parent.resolve() / written.name}


def _shared_services(system: System, kill: tuple[str, ...], other: System) -> Iterator[str]:
    for mine in system.procedures.services:
        for theirs in other.procedures.services:
            if mine.name in kill and _same(mine, theirs):
                yield f"service {mine.name} is {other.name}'s {theirs.name} ({mine.driver})"


def _same(one: ServiceSettings, other: ServiceSettings) -> bool:
    if one.driver != other.driver:
        return False
    match one.driver:
        case "systemd":
            return one.user_manager == other.user_manager and _unit(one) == _unit(other)
        case "kubernetes":
            return (
                _may_be(one.context, other.context)
                and _may_be(one.namespace, other.namespace)
                and _workload(one) == _workload(other)
            )
        case "compose":
            return (one.unit or one.name) == (other.unit or other.name) and bool(_projects(one) & _projects(other))
    place = one.directory.resolve() if one.directory is not None else None
    elsewhere = other.directory.resolve() if other.directory is not None else None
    return place == elsewhere and (place is not None or one.command == other.command)


def _unit(settings: ServiceSettings) -> str:
    unit = settings.unit or settings.name
    return unit if re.search(r"\.[a-z]+$", unit) else f"{unit}.service"


def _workload(settings: ServiceSettings) -> str:
    """Its name alone: a kind has several names (deployment, deploy, deployments.apps)."""
    return (settings.unit or settings.name).rpartition("/")[2]


def _may_be(one: str, other: str) -> bool:
    return one == other or not one or not other


def _projects(settings: ServiceSettings) -> set[str]:
    """Whatever the project may be called: Compose finds containers by that name, wherever its files lie."""
    directory = settings.directory or (settings.files[0].parent if settings.files else Path.cwd())
    files = settings.files or tuple(directory / name for name in _COMPOSE_FILES)
    names = {directory.name, directory.resolve().name, os.environ.get("COMPOSE_PROJECT_NAME", "")}
    for file in (*files, directory / ".env"):
        with suppress(OSError, UnicodeDecodeError):
            names.update(_NAME.findall(file.read_text(encoding="utf-8")))
    return {re.sub(r"[^a-z0-9_-]", "", name.lower()) for name in names} - {""}

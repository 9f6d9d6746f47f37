"""The component ``images``: checked, made, described; brought back as papers; questioned where the images are."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.images import papers
from dr.components.images.cloud import Cloud, clouds
from dr.components.images.description import NAME, Description, from_json, to_json
from dr.components.images.questions import questions
from dr.components.images.removal import clear_unfinished
from dr.components.images.sources import find_databases, find_instances
from dr.components.images.take import finish, take
from dr.components.protocol import Laid, Sink, Source
from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound, ConfigurationError
from dr.policy.drill_verdict import Probe

PAGE = "COMMANDS.txt"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class Component:
    """The servers and databases of one system that run at Amazon's."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._settings = system.components.images

    @cached_property
    def _regions(self) -> tuple[Cloud, ...]:
        return clouds(self._settings)

    @property
    def configured(self) -> bool:
        settings = self._settings
        return bool(settings.instances or settings.instance_tags or settings.rds_instances)

    def check(self) -> tuple[str, ...]:
        home = self._regions[0]
        if self._settings.copy_region == home.region:
            raise ConfigurationError(
                f"images.copy_region is {home.region}, where the servers are",
                hint="Name another region: what takes the servers away should leave their images.",
            )
        if self._settings.launch_test and not self._settings.launch_subnet:
            raise ConfigurationError(
                "images.launch_test needs images.launch_subnet",
                hint="Name a subnet that leads nowhere, in the region of the copies.",
            )
        find_instances(home, self._settings)
        find_databases(home, self._settings)
        if not self._settings.copy_region:
            return (f"there is no copy of any image outside {home.region}: set images.copy_region",)
        return ()

    def back_up(self, sink: Sink) -> ComponentContents:
        taken = datetime.now(UTC)
        label = str(sink.label)
        servers = find_instances(self._regions[0], self._settings)
        sources = {*(server.id for server in servers), *self._settings.rds_instances}
        warnings = self._clear(label, sources, usable=False)
        description, more = take(self._regions, self._settings, self._system.name, label)
        with sink.object(NAME) as intake:
            intake.write(to_json(description))
        finish(self._regions, description)
        # Only now: until these count, one that an earlier run left behind may be the only one to be launched.
        warnings += self._clear(label, sources, usable=True)
        return ComponentContents(
            taken,
            description.items,
            warnings=(*more, *warnings),
            facts={
                "regions": ", ".join(description.regions),
                "images": str(sum(len(server.images) for server in description.servers)),
                "database snapshots": str(sum(len(item.snapshots) for item in description.databases)),
                "rebooted": "no" if self._settings.no_reboot else "yes",
            },
        )

    def _clear(self, label: str, sources: set[str], *, usable: bool) -> tuple[str, ...]:
        problems: tuple[str, ...] = ()
        for one in self._regions:
            databases = bool(self._settings.rds_instances)
            problems += clear_unfinished(one, self._system.name, label, sources, usable=usable, databases=databases)
        return problems

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        """The description, and for each image the request and the commands that launch it.

        ``wanted`` are ids of instances, databases, images or snapshots.
        """
        found = from_json(source.read(source.named(NAME)), source.manifest.label)
        files = _files(found, source.manifest.label, tuple(wanted))
        for name, data in files.items():
            _write(directory / name, data)
        commands = _commands(found, tuple(wanted))
        count = sum(len(lines) for lines in commands.values())
        notes = [f"nothing was launched: {directory / PAGE} has the commands", *sum(commands.values(), ())]
        return Laid(count, sum(len(data) for data in files.values()), tuple(notes))

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        found = from_json((directory / NAME).read_bytes(), manifest.label)
        items = (manifest.component or ComponentContents(manifest.begin)).items
        return questions(self._settings, items, found)


def _commands(description: Description, wanted: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """By server, those that bring back what is wanted. Raises ``BackupNotFound`` for what is not in the backup."""
    names: set[str] = set()
    commands: dict[str, tuple[str, ...]] = {}
    for server in description.servers:
        here = (server.instance.id, *(image.id for image in server.images))
        made = zip(server.images, server.commands, strict=True)
        lines = tuple(line for image, line in made if not wanted or {server.instance.id, image.id} & set(wanted))
        names |= set(here)
        if lines:
            commands[f"{server.instance.id} ({server.instance.tags.get('Name', 'unnamed')})"] = lines
    for store in description.databases:
        snapshots = zip(store.snapshots, store.commands, strict=True)
        lines = tuple(line for item, line in snapshots if not wanted or {store.database.id, item.id} & set(wanted))
        names |= {store.database.id, *(item.id for item in store.snapshots)}
        if lines:
            commands[f"database {store.database.id}"] = lines
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise BackupNotFound(
            f"{description.label} has no {', '.join(unknown)}",
            f"it has {', '.join(sorted(names))}",
            "Name one of these.",
        )
    return commands


def _files(description: Description, label: str, wanted: tuple[str, ...]) -> dict[str, bytes]:
    commands = _commands(description, wanted)
    files = {
        NAME: to_json(description),
        PAGE: papers.page(description.system, description.label, commands).encode(),
    }
    home = description.regions[0] if description.regions else ""
    for server in description.servers:
        images = [item for item in server.images if not wanted or {server.instance.id, item.id} & set(wanted)]
        for image in images:
            files[papers.launch_file(image)] = papers.launch_request(server.instance, image, home)
        if images and server.user_data:
            files[papers.user_data_file(server.instance)] = server.user_data
    for name in files:
        if not _FILE_NAME.fullmatch(name):
            raise BackupInvalid(f"{label} names something {name!r}, which is no id", hint="Somebody made it up.")
    return files


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())

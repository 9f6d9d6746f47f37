"""The shop's secrets: some in Amazon's Secrets Manager, where its stand-in answers, and some in files."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import uuid
from typing import Any

from dr.aws.secrets_manager import SecretsManager
from dr.aws.session import make_client
from dr.catalog.labels import Kind
from dr.configuration.components import ComponentSettings
from dr.configuration.components.secrets import SecretsSettings
from dr.configuration.model import System
from dr.demo.beside.part import Compared, Room, some
from dr.demo.beside.tree import Seen, TreePart, untimed, write
from dr.operations.component.restore import RestoredComponent, put_back_component

_SECTION = "secrets"
_PREFIX = "shop/"


class Secrets(TreePart):
    """Values made up as they are stored. What is compared is their SHA-256."""

    kind = Kind.SECRETS
    word = "files of secrets"

    def __init__(self, room: Room) -> None:
        super().__init__(room.directory / "tokens")
        self._aws = room.aws
        self._settings = SecretsSettings(paths=self.roots)
        if room.aws is not None:
            access = {field.name: getattr(room.aws, field.name) for field in dataclasses.fields(room.aws)}
            self._settings = SecretsSettings(aws=True, aws_prefixes=(_PREFIX,), paths=self.roots, **access)
        self._kept: dict[str, str] = {}

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        return dataclasses.replace(components, secrets=self._settings)

    def destroy(self) -> None:
        super().destroy()
        if self._aws is not None:
            client: Any = make_client(self._aws, _SECTION, "secretsmanager")
            for name, _ in [*self._manager().names()]:
                client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        put_back_component(system, restored)

    def compare(self) -> Compared:
        files = super().compare()
        found = self._stored()
        problems = [
            f"{name} in Secrets Manager is not what it was"
            for name in sorted(self._kept.keys() | found.keys())
            if self._kept.get(name) != found.get(name)
        ]
        there = f"{len(found)} in Secrets Manager, " if self._aws is not None else ""
        return Compared(f"{there}{files.came_back}", some([*problems, *files.problems]))

    def _make(self) -> None:
        (root,) = self.roots
        for name in ("payment", "mail", "signing"):
            write(root / name, secrets.token_urlsafe(32), 0o640 if name == "mail" else 0o600)
        if self._aws is not None:
            self._make_stored()
        self._kept = self._stored()

    def _make_stored(self) -> None:
        for name in ("database", "search", "größe"):
            self._create(name, secrets.token_hex(16).encode(), binary=False)
        self._create("seal", secrets.token_bytes(64), binary=True)
        # The value of before the last rotation is kept beside it.
        value, token = secrets.token_hex(16).encode(), str(uuid.uuid4())
        self._manager().put(_PREFIX + "database", value, binary=False, token=token, stages=("AWSCURRENT",))

    def _create(self, name: str, value: bytes, *, binary: bool) -> None:
        tags, token = {"team": "shop"}, str(uuid.uuid4())
        self._manager().create(
            _PREFIX + name, value, binary=binary, token=token, text=f"of {name}", kms_key="", tags=tags
        )

    def _manager(self) -> SecretsManager:
        return SecretsManager(self._settings, _SECTION)

    def _stored(self) -> dict[str, str]:
        """Every secret with all its versions, tags and description, as one digest."""
        if self._aws is None:
            return {}
        manager = self._manager()
        found = {}
        for name, tags in manager.names():
            about = manager.describe(name)
            values = [manager.value(name, version) for version in sorted(about.versions)]
            told = [(one.id, one.stages, one.binary, hashlib.sha256(one.data).hexdigest()) for one in values]
            found[name] = hashlib.sha256(repr((told, about.text, sorted(tags.items()))).encode()).hexdigest()
        return found

    def _judged(self, seen: Seen) -> Seen:
        return untimed(seen)

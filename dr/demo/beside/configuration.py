"""What configures the shop on its host: variables in a file, an INI, a YAML, and a link to the one that holds."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path

from dr.catalog.labels import Kind
from dr.components.config.layout import FILES
from dr.configuration.components import ComponentSettings
from dr.configuration.components.config import ConfigSettings
from dr.configuration.model import System
from dr.demo.beside.part import Room
from dr.demo.beside.tree import Seen, TreePart, untimed, write
from dr.operations.component.restore import RestoredComponent

_VARIABLES = """\
SHOP_NAME="Büro & Söhne"
SHOP_PORT=8080
SHOP_SESSION_KEY={key}
"""
_INI = """\
[mail]
host = mail.shop.example
password = {password}
"""
_YAML = """\
payment:
  provider: example
  token: {token}
  retries: 3
"""


class Configuration(TreePart):
    """Its values are made up as they are written."""

    kind = Kind.CONFIG

    def __init__(self, room: Room) -> None:
        place = room.directory / "configuration"
        super().__init__(place / "etc", place / "default")

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        directory, variables = self.roots
        settings = ConfigSettings(paths=(directory,), environment_files=(variables / "shop",))
        return dataclasses.replace(components, config=settings)

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        directory, variables = self.roots
        for path in (directory, variables / "shop"):
            came = Path(restored.directory, FILES, path.relative_to(path.anchor))
            path.parent.mkdir(mode=0o700, exist_ok=True)
            came.rename(path)

    def _make(self) -> None:
        directory, variables = self.roots
        write(variables / "shop", _VARIABLES.format(key=secrets.token_hex(24)))
        write(directory / "app-1.ini", _INI.format(password=secrets.token_urlsafe(18)), 0o640)
        write(directory / "sites" / "shop.yaml", _YAML.format(token=secrets.token_urlsafe(24)))
        (directory / "app.ini").symlink_to("app-1.ini")

    def _judged(self, seen: Seen) -> Seen:
        """The directory of the variables is not configured, and made anew."""
        return seen if seen.content else untimed(seen)

"""What users have uploaded: a file for each document and attachment of the shop, and what uploads come to hold."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.components import ComponentSettings
from dr.configuration.components.files import FilesSettings
from dr.configuration.components.point import PointSettings
from dr.configuration.model import System
from dr.demo.beside.part import Room
from dr.demo.beside.tree import TreePart, write
from dr.demo.queries import query
from dr.operations.component.restore import RestoredComponent
from dr.postgres.connection import connected

_SMALLEST, _LARGEST = 500, 7_000
_SPARSE_BYTES = 64 << 20
_ODD = os.fsdecode(b'caf\xe9 "quoted"\n-rf $HOME')


class Uploads(TreePart):
    """As many files as rows name, of a few kilobytes each."""

    kind = Kind.FILES

    def __init__(self, room: Room) -> None:
        super().__init__(room.directory / "uploads")
        self._shop = room.shop
        self._references = room.directory / "references.sql"
        write(self._references, query("references"))

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        files, point = FilesSettings(directories=self.roots), PointSettings(references=self._references)
        return dataclasses.replace(components, files=files, point=point)

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        (root,) = self.roots
        Path(restored.directory, root.name).rename(root)

    def _make(self) -> None:
        (root,) = self.roots
        with connected(self._shop) as connection:
            named = [str(row["path"]) for row in connection.execute(query("references"))]
        dice = random.Random(len(named))  # noqa: S311 - the content of an upload is no secret
        for path in named:
            write(root / path, dice.randbytes(dice.randint(_SMALLEST, _LARGEST)), 0o640)
        first = root / named[0]
        (root / "newest").symlink_to(first.relative_to(root))
        (root / "the same under another name").hardlink_to(first)
        (root / _ODD).write_bytes(b"a name that is no text")
        with (root / "disk image").open("wb") as stream:
            stream.truncate(_SPARSE_BYTES)
            stream.seek(_SPARSE_BYTES // 2)
            stream.write(b"all that is in it")

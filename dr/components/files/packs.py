"""Packs: many contents in one object, so that a million uploads are some hundred objects.

A pack's name is its backup's label, a number and something random: no other pack ever has it, and what refers to it can
rely on what it holds.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import ExitStack

from dr.catalog.manifest import Role
from dr.components.files.tar_members import END, member, member_bytes
from dr.components.protocol import Intake, Sink

_BATCH = 1 << 20
_SALT_BYTES = 32


class PackWriter:
    """Puts contents into packs of about ``target`` bytes before compression. Leave the context to finish the last."""

    def __init__(self, sink: Sink, target: int) -> None:
        self._sink = sink
        self._target = target
        self._number = 0
        self._stack = ExitStack()
        self._intake: Intake | None = None
        self._batch = bytearray()
        self._filled = 0
        self.name = ""

    def add(self, digest: str, data: bytes) -> str:
        """Write one content; the name of its pack."""
        if self._intake is not None and self._filled + member_bytes(len(data)) > self._target:
            self._finish()
        if self._intake is None:
            self._begin()
        self._write(digest, data)
        return self.name

    def _begin(self) -> None:
        self._number += 1
        self.name = f"{self._sink.label}-{self._number:05d}-{secrets.token_hex(4)}"
        self._intake = self._stack.enter_context(self._sink.object(f"{self.name}.tar", role=Role.PACK, shared=True))
        self._filled = 0
        # The manifest, which is not encrypted, has a hash of the pack: without this a short upload could be guessed.
        salt = secrets.token_bytes(_SALT_BYTES)
        self._write(hashlib.sha256(salt).hexdigest(), salt)

    def _write(self, digest: str, data: bytes) -> None:
        packed = member(digest, data)
        self._filled += len(packed)
        self._batch += packed
        if len(self._batch) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._intake is not None and self._batch:
            self._intake.write(self._batch)
            self._batch = bytearray()

    def _finish(self) -> None:
        if self._intake is None:
            return
        self._batch += END
        self._flush()
        self._intake = None
        self._stack.close()

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self._finish()
        else:
            self._intake = None
            self._stack.__exit__(kind, error, trace)  # type: ignore[arg-type]

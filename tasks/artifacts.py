"""What a run publishes, as plain data, checked the same way whoever shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dr.configuration.masking import mask_url
from tasks.run import ArtifactRecord, cells

_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def table_record(key: str, rows: Sequence[Mapping[str, object]], description: str) -> ArtifactRecord:
    """A table of plain cells."""
    return ArtifactRecord(check_key(key), "table", description, rows=tuple(cells(row) for row in rows))


def markdown_record(key: str, text: str, description: str) -> ArtifactRecord:
    """A text in Markdown."""
    return ArtifactRecord(check_key(key), "markdown", description, text=mask_url(text))


def check_key(key: str) -> str:
    """Return ``key`` if Prefect's UI can list it; raise ValueError otherwise."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"artifact key {key!r}: use lower-case letters, digits and dashes")
    return key

"""Settings of the recovery point: what belongs together, how close, and how that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class PointSettings:
    """``references`` is a file with one SELECT that names, a row each, the uploaded files that rows speak of.

    The names are as the files' backup has them: absolute, or relative to one of ``files.directories``.
    """

    references: Path | None = given(
        parsers.path, "file with a SELECT of the paths that rows name, to be looked for among the uploads"
    )
    apart_minutes: int = given(parsers.count, "minutes that the parts of one recovery point may lie apart", 15)
    wait_seconds: int = given(parsers.count, "seconds to wait until the WAL of a recovery point is stored", 60)

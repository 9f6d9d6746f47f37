"""Settings of the component ``files``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """The directories that hold what users have uploaded, as they lie on this host.

    ``exclude`` are shell patterns: with a slash they are compared with the path below the directory, otherwise with
    each name. A directory that was full in the last backup and is empty now is refused unless ``allow_empty``.
    """

    directories: tuple[Path, ...] = given(parsers.paths, "directories of uploaded files to back up", ())
    exclude: tuple[str, ...] = given(
        parsers.words, "patterns of what to leave out: *.tmp by name, cache/* by path below the directory", ()
    )
    pack_mib: int = given(parsers.count, "size of a pack of files before it is compressed, in MiB", 64)
    reread_days: int = given(
        parsers.count, "each file is read again after at most so many days, though it looks unchanged", 30
    )
    cross_file_systems: bool = given(parsers.flag, "also back up what is mounted below the directories", False)
    allow_empty: bool = given(
        parsers.flag, "back up a directory that is empty and was not so in the last backup", False
    )

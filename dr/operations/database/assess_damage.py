"""Look at a damaged database before anything is done to it: what answers, what can be read, what is broken on disk."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from dr.configuration.model import System
from dr.errors import SourceError, TargetRefused, ToolError
from dr.operations.check_source import bin_directories, source_url
from dr.operations.database.place import data_directory
from dr.policy.damage import Advice, Damage
from dr.postgres.damaged_files import damaged_files
from dr.postgres.installations import server_for
from dr.postgres.postmaster import postmaster_pid
from dr.postgres.read_damage import NamedFile, read_damage

logger = logging.getLogger(__name__)


def look_at_server(system: System, names: Path) -> Damage:
    """Ask the running server, within ``recovery.damage_minutes``. Which file is whose is kept in the file ``names``."""
    try:
        damage, files = read_damage(source_url(system), system.procedures.recovery.damage_minutes * 60)
    except SourceError as error:
        damage, files = Damage(False, f"{error.message} {error.detail}".strip()), {}
    names.parent.mkdir(parents=True, exist_ok=True)
    temporary = names.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(files))
    temporary.replace(names)
    for line in damage.lines():
        logger.warning("%s", line)
    return damage


def look_at_disk(system: System, damage: Damage, names: Path) -> Damage:
    """The same with what the files of the stopped server hold; a server that runs on is not looked at."""
    data = data_directory(system)
    version = data / "PG_VERSION"
    if postmaster_pid(data) is not None or not version.is_file():
        return damage
    try:
        files = msgspec.json.decode(names.read_bytes(), type=dict[str, NamedFile])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        files = {}
    seconds = system.procedures.recovery.damage_minutes * 60
    try:
        installation = server_for(int(version.read_text().strip()), bin_directories(system))
        found, notes = damaged_files(data, installation, files, seconds)
    except (ToolError, ValueError, OSError) as error:
        found, notes = (), (f"pages on disk could not be checked: {error}",)
    return damage.with_files(found, notes)


def require_restore(damage: Damage) -> None:
    """Raise ``TargetRefused`` when nothing but indexes is damaged: they are built anew, and nothing is lost."""
    if damage.advice is Advice.REINDEX:
        raise TargetRefused(
            "only indexes are damaged, and they are built anew from their tables: a restore would lose more",
            detail="; ".join(str(item) for item in damage.damaged),
            hint="; ".join((*damage.reindex(), "to restore all the same: --even-so.")),
        )

"""Settings by which a restored copy does nothing by itself: no job, no subscription, no trigger of its own.

They are given on the command line, so they hold before the first client comes, whatever the restored files say.
"""

from __future__ import annotations

from pathlib import Path

from dr.postgres.configured import configured
from dr.postgres.installations import Installation

_ACTORS = frozenset(
    {"bdr", "pg_cron", "pg_partman_bgw", "pg_timetable", "pglogical", "repmgr", "spock", "wal2json", "worker_spi"}
)
"""Preloaded libraries whose purpose is to act; data can be read without them."""
_QUIET = {
    "max_logical_replication_workers": "0",
    "archive_library": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "autovacuum": "off",
    # Placeholders where the library is not there.
    "cron.launch_active_jobs": "off",
    "timescaledb.max_background_workers": "0",
}


def quiet_settings(directory: Path, installation: Installation) -> tuple[dict[str, str], tuple[str, ...]]:
    """Settings for a sealed copy, and what of its own this host cannot give it, in words.

    Libraries that act by themselves are not loaded, nor those that are not installed here; all others are.
    """
    wanted = _preloaded(directory, installation)
    missing = tuple(name for name in wanted if not _is_installed(name, installation))
    kept = [name for name in wanted if name not in missing and Path(name).name not in _ACTORS]
    settings = {**_QUIET, "shared_preload_libraries": ",".join(kept)}
    if installation.major >= 17:
        settings["event_triggers"] = "off"
        # It would complain of WAL of the timeline before, which a copy does not have.
        settings["summarize_wal"] = "off"
    lacking = tuple(f"library {name} is not installed for PostgreSQL {installation.major}" for name in missing)
    return settings, lacking


def _preloaded(directory: Path, installation: Installation) -> tuple[str, ...]:
    """By the restored configuration, in its order."""
    named = configured(directory, installation, "shared_preload_libraries")
    return tuple(name.strip().strip('"') for name in named.split(",") if name.strip())


def _is_installed(name: str, installation: Installation) -> bool:
    """As the server looks for it: an absolute path, or a file of its library directory."""
    plain = name.removeprefix("$libdir/")
    if plain.startswith("/"):
        return Path(plain).exists() or Path(f"{plain}.so").exists()
    library = installation.directory.parent / "lib"
    places = (library, library / "postgresql", installation.directory.parent / "lib64")
    return any((place / f"{plain.removesuffix('.so')}.so").exists() for place in places)

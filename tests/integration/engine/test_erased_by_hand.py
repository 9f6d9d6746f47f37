"""Whoever asked to be forgotten is erased again by hand, by the commands of RESTORE.md, with stock programs alone."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.configuration.procedures.erasure import ErasureSettings
from dr.operations.erasure.erase import erase
from dr.postgres.connection import client_environment, connected
from dr.secret import Secret
from tests.integration.engine.conftest import DATABASE, Site
from tests.integration.engine.procedures import make
from tests.integration.engine.test_by_hand import script
from tests.quick_key import by_passphrase

SystemFor = Callable[..., System]
WHO = ("4711", 'O\'Neill \\ "Müller"; :subject', "17")
STAYS = "4712"
PEOPLE = "CREATE TABLE IF NOT EXISTS people (key text PRIMARY KEY, name text)"
# The check ends without a semicolon, as a person may write it.
ERASING = "-- who he was\nUPDATE people SET name = NULL WHERE key = :subject AND name <> ':subject'::text;\n"
CHECK = "SELECT key FROM people WHERE key = :subject AND name IS NOT NULL"
PROGRAMS = ("gpg", "gpg-agent", "zstd", "sh")


def commands(notes: str, **filled: str) -> str:
    """What RESTORE.md says to type, with the blanks filled in."""
    said = notes.partition("## Whoever asked to be forgotten")[2].partition("\n## ")[0]
    text = textwrap.dedent("\n".join(line for line in said.splitlines() if line.startswith("    ")))
    for blank, value in filled.items():
        assert blank in text, f"RESTORE.md shows no {blank}"
        text = text.replace(blank, value)
    return text


def known(url: Secret) -> dict[str, str | None]:
    """Everybody, with what is known of him."""
    with connected(url) as connection:
        return {str(row["key"]): row["name"] for row in connection.execute("SELECT key, name FROM people")}


def as_of_the_backup(url: Secret) -> None:
    """The table as it was before anybody asked."""
    with connected(url) as connection:
        connection.execute(PEOPLE)
        connection.execute("TRUNCATE people")
        for key in (*WHO, STAYS):
            connection.execute("INSERT INTO people VALUES (%s, %s)", (key, f"the name of {key}"))


@pytest.mark.incident("I32", "I34")
def test_people_of_the_ledger_are_erased_again_with_gpg_zstd_and_psql(
    site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Whatever their keys look like; nobody else is, and a check that still finds somebody says who."""
    files = tmp_path / "statements"
    files.mkdir()
    (files / "people.sql").write_text(ERASING)
    (files / "people.check.sql").write_text(CHECK)
    settings = ErasureSettings(tmp_path / "ledger.jsonl", files)
    made = system_for(site.url, encryption=by_passphrase())
    system = replace(made, procedures=replace(made.procedures, erasure=settings))
    as_of_the_backup(site.url)
    make(system, Kind.DUMP)
    for key in WHO:
        erase(system, key)
    as_of_the_backup(site.url)  # so it is after a restore
    repository = tmp_path / "backups" / "shop"
    notes = (repository / "RESTORE.md").read_text()
    (tmp_path / "passphrase").write_text(system.encryption.passphrase.reveal())  # type: ignore[union-attr]
    alone = f"gpg --batch -q --pinentry-mode loopback --passphrase-file {tmp_path / 'passphrase'}"
    # Each as the notes say: with a passphrase, "in a script use gpg --batch --pinentry-mode loopback ...".
    typed = commands(notes, DATABASE=f"'{DATABASE}'", STATEMENTS=str(files), **{"gpg --batch -q": alone})
    environment = {
        "PATH": str(_stock_programs(site, tmp_path / "tools")),
        "GNUPGHOME": str(tmp_path),
        **client_environment(site.url),
    }

    ended = script(f"cd '{repository}'\n{typed}", environment)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert known(site.url) == {**dict.fromkeys(WHO), STAYS: f"the name of {STAYS}"}
    (files / "people.sql").write_text(ERASING.replace("key = :subject", "key = :subject AND key <> '17'"))
    as_of_the_backup(site.url)
    again = script(f"cd '{repository}'\n{typed}", environment)
    assert (again.returncode, again.stdout.split()) == (0, ["17"])


def _stock_programs(site: Site, directory: Path) -> Path:
    directory.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None, f"{name} is missing on this machine: restoring by hand needs it"
        (directory / name).symlink_to(found)
    (directory / "psql").symlink_to(site.installation.program("psql"))
    return directory

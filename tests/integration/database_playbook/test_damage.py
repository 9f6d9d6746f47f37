"""Pages are overwritten on disk: what is broken is named, and all the rest is got out of it, encrypted."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.demo.keys import KeyPair, key_pair
from dr.operations.database.assess_damage import look_at_disk, look_at_server
from dr.operations.database.emergency_copy import EmergencyCopy, make_emergency_copy
from dr.policy.damage import Advice, Damage
from dr.postgres.cluster import create_cluster, running
from dr.postgres.connection import client_environment, connected
from dr.postgres.installations import Installation
from dr.secret import Secret

PAGE = 8192
MARKER = "a-word-that-only-rows-have"


@dataclass(frozen=True, slots=True)
class Broken:
    """A cluster that has lost two pages of a table, one of a table of long values, and one of an index."""

    system: System
    online: Damage
    both: Damage
    copy: EmergencyCopy
    loaded: dict[str, int]


def _fill(url: Secret) -> dict[str, str]:
    """The files of what is filled."""
    with connected(url) as connection:
        connection.execute("CREATE TABLE whole AS SELECT i AS id, md5(i::text) AS word FROM generate_series(1, 3000) i")
        connection.execute(
            "CREATE TABLE \"Orders ü\" AS SELECT i AS id, 'a-word-that-only-rows-have'::text AS word"
            " FROM generate_series(1, 20000) i"
        )
        connection.execute(
            "CREATE TABLE drawn (id int, pixels text, size int GENERATED ALWAYS AS (length(pixels)) STORED);"
            " ALTER TABLE drawn ALTER pixels SET STORAGE EXTERNAL;"
            " INSERT INTO drawn SELECT i, repeat(md5(i::text), 200) FROM generate_series(1, 100) i"
        )
        connection.execute("CREATE TABLE keyed AS SELECT i AS id FROM generate_series(1, 5000) i")
        connection.execute("CREATE INDEX keyed_id ON keyed (id)")
        connection.execute("CHECKPOINT")
        found = connection.execute(
            "SELECT relname, pg_relation_filepath(oid) AS path FROM pg_class WHERE relname IN ('Orders ü', 'keyed_id')"
            " UNION ALL SELECT 'drawn', pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname = 'drawn'"
        )
        return {row["relname"]: row["path"] for row in found}


def overwrite(file: Path, *pages: int) -> None:
    """Noise instead of pages."""
    with file.open("r+b") as stream:
        for page in pages:
            stream.seek(page * PAGE)
            stream.write(secrets.token_bytes(PAGE))


@pytest.fixture(scope="module")
def broken(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    """Damaged while it is down, as a disk does it; looked at as it runs, then as it lies there."""
    here = tmp_path_factory.mktemp("broken")
    data = here / "data, größer"
    create_cluster(data, installation)
    with running(data, installation) as server:
        files = _fill(server.url_for("postgres"))
    overwrite(data / files["Orders ü"], 3, 50)
    overwrite(data / files["drawn"], 10)
    overwrite(data / files["keyed_id"], 5)
    with key_pair() as keys:
        system = System(
            name="shop",
            postgres=PostgresSettings(url=Secret("postgresql://nobody@127.0.0.1:1/none")),
            stores=(StoreSettings("local", "local", path=here / "backups"),),
            encryption=EncryptionSettings(recipients=(keys.fingerprint,), gnupg_home=keys.home),
            state_directory=here / "state",
            procedures=ProcedureSettings(recovery=RecoverySettings(data_directory=data)),
        )
        with running(data, installation) as server:
            alive = replace(system, postgres=PostgresSettings(url=server.url_for("postgres")))
            online = look_at_server(alive, here / "names.json")
            copy = make_emergency_copy(alive, datetime.now(UTC))
            loaded = _load(copy, server.url_for("postgres"), keys, installation)
        yield Broken(system, online, look_at_disk(system, online, here / "names.json"), copy, loaded)


def _load(copy: EmergencyCopy, url: Secret, keys: KeyPair, installation: Installation) -> dict[str, int]:
    """Load the file as a person would, with stock programs, into a new database; its rows."""
    with connected(url) as connection:
        connection.execute("CREATE DATABASE emergency")
    environment = {**os.environ, **client_environment(url, "emergency")}
    file = next(item.file for item in copy.databases if item.database == "postgres")
    line = (
        f"set -o pipefail; gpg --homedir '{keys.home}' --batch --quiet -d '{file}' | gunzip"
        f" | '{installation.program('psql')}' -q -X -v ON_ERROR_STOP=1"
    )
    subprocess.run(("bash", "-c", line), env=environment, check=True, capture_output=True, text=True)
    with connected(url, database="emergency") as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM whole) AS whole, (SELECT count(*) FROM keyed) AS keyed,"
            ' (SELECT count(*) FROM "Orders ü") AS orders, (SELECT count(*) FROM drawn WHERE size = 6400) AS drawn'
        ).fetchone()
    assert row is not None
    return dict(row)


def test_what_the_server_cannot_read_is_named(broken: Broken) -> None:
    """A table by its page, a table by its long values, an index by its table."""
    found = {item.name: str(item.what) for item in broken.online.damaged}

    assert found == {'public."Orders ü"': "table", "public.drawn": "long values of a table", "public.keyed_id": "index"}
    assert broken.online.advice is Advice.RESTORE
    assert broken.online.checksum_failures[0].count >= 3
    assert broken.online.first_seen is not None


def test_what_lies_broken_on_disk_is_named_too(broken: Broken) -> None:
    """By the names that the server gave while it ran; what was known is not told twice."""
    names = [item.name for item in broken.both.damaged]

    assert names.count('public."Orders ü"') == 1
    assert any(name.startswith("pg_toast.pg_toast_") for name in names)
    assert not [item for item in broken.both.damaged if str(item.what) == "file"]


def test_every_row_that_can_be_read_is_in_the_emergency_copy(broken: Broken) -> None:
    """Whole tables whole; of the broken ones all but the rows of two pages, and one or two rows' long values."""
    saved = {item.table: item for item in broken.copy.databases[0].tables}

    assert broken.loaded["whole"] == 3000
    assert broken.loaded["keyed"] == 5000
    assert saved["public.Orders ü"].skipped == 2
    assert 20000 - 2 * 291 <= broken.loaded["orders"] == saved["public.Orders ü"].rows < 20000
    assert 96 <= broken.loaded["drawn"] < 100
    assert saved["public.drawn"].skipped in (1, 2)
    assert {item.table for item in broken.copy.incomplete} == {"public.Orders ü", "public.drawn"}


def test_nothing_of_it_lies_there_in_plain(broken: Broken) -> None:
    """Encrypted as every backup, for its owner only."""
    directory = Path(broken.copy.directory)
    files = [file for file in directory.rglob("*") if file.is_file()]

    assert files
    assert all(MARKER.encode() not in file.read_bytes() for file in files)
    assert directory.stat().st_mode & 0o077 == 0


def test_an_emergency_copy_of_a_dead_server_says_so(broken: Broken) -> None:
    """It is no failure: the data directory is kept."""
    made = make_emergency_copy(broken.system, datetime.now(UTC))

    assert not made.made
    assert "does not answer" in made.why
    assert make_emergency_copy(broken.system, datetime.now(UTC), "no time").why == "declined: no time"


def test_a_dead_server_is_told_from_a_sound_one(broken: Broken, tmp_path: Path) -> None:
    """What could not be asked is no good news."""
    damage = look_at_server(broken.system, tmp_path / "names.json")

    assert not damage.answers
    assert damage.advice is Advice.RESTORE
    assert "127.0.0.1" in damage.why

"""Each probe tells what is really there: a server, a key, a disk, a log, a store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.components import ComponentSettings
from dr.configuration.components.certificates import CertificatesSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.region import RegionSettings
from dr.crypto.gnupg import program
from dr.demo.keys import KeyPair, key_pair
from dr.errors import KeyUnusable
from dr.evidence.journal import Opening, open_journal
from dr.operations.assess.probes import copies, database, files, key, standby
from dr.operations.assess.wire import Question, Topic
from dr.pipeline.process import run
from dr.policy.observation import Condition, Observation, Sign, Subject
from dr.postgres.connection import connected
from dr.secret import Secret
from tests.integration.conftest import TestServer

SECONDS = 20.0


def one(line) -> Observation:
    """The only observation in an answer."""
    (found,) = line.observed
    return found


@pytest.fixture
def shop(tmp_path: Path, server: TestServer) -> System:
    """A system on a real server, with a store and a state directory of its own."""
    (tmp_path / "copies").mkdir()
    return System(
        "shop",
        PostgresSettings(Secret(server.url("postgres"))),
        (StoreSettings("local", "local", tmp_path / "copies"),),
        EncryptionSettings(),
        state_directory=tmp_path / "state",
    )


# --- the database ---------------------------------------------------------------------------------------------------


def asked(shop: System, url: str = "") -> Observation:
    """What is seen of the database at an address."""
    system = replace(shop, postgres=PostgresSettings(Secret(url))) if url else shop
    return one(database.answer(system, Question(Subject.DATABASE, SECONDS)))


def test_a_server_that_answers_is_online_and_says_where_its_wal_ends(shop):
    """Version and connections are told; nothing is written."""
    line = database.answer(shop, Question(Subject.DATABASE, SECONDS))

    assert (one(line).condition, one(line).shown) == (Condition.OK, "ONLINE")
    assert line.written is not None
    assert line.written.timeline == 1


def test_a_server_that_refuses_us_is_not_called_offline(shop, server):
    """Somebody is there; the application may well be let in."""
    said = asked(shop, server.url("postgres", password="wrong"))

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "REFUSES US")
    assert "wrong" not in said.detail


def test_a_database_that_was_dropped_is_down(shop, server):
    """The server answers, and nobody has a database there any more."""
    said = asked(shop, server.url("dropped"))

    assert (said.condition, said.shown, said.sign) == (Condition.DOWN, "MISSING", Sign.MISSING)
    assert '"dropped" does not exist' in said.detail


def test_a_role_that_is_gone_is_down(shop, server):
    """Where no password is asked first the server says so."""
    with connected(server.admin) as connection:
        (file,) = connection.execute("SHOW hba_file").fetchone().values()
    rules = Path(file).read_text(encoding="utf-8")
    Path(file).write_text(f"host all nobody 127.0.0.1/32 trust\n{rules}", encoding="utf-8")
    try:
        with connected(server.admin) as connection:
            connection.execute("SELECT pg_reload_conf()")
        said = asked(shop, f"postgresql://nobody@127.0.0.1:{server.port}/postgres")
    finally:
        Path(file).write_text(rules, encoding="utf-8")
        with connected(server.admin) as connection:
            connection.execute("SELECT pg_reload_conf()")

    assert (said.condition, said.sign) == (Condition.DOWN, Sign.MISSING)


def test_a_database_where_nobody_may_write_is_told(shop, server, small_database):
    """It answers, and every order fails."""
    with connected(server.admin) as connection:
        connection.execute(f"ALTER DATABASE {small_database} SET default_transaction_read_only = on".encode())
    said = asked(shop, server.url(small_database))

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "ONLINE, READ-ONLY")
    assert said.sign is Sign.READ_ONLY


def test_a_role_that_may_not_write_says_nothing_of_others(shop, server):
    """Who makes backups is often kept from writing."""
    with connected(server.admin) as connection:
        connection.execute(f"ALTER ROLE {server.role} SET default_transaction_read_only = on")
    try:
        said = asked(shop)
    finally:
        with connected(server.admin) as connection:
            connection.execute(f"ALTER ROLE {server.role} RESET default_transaction_read_only")

    assert (said.condition, said.shown, said.sign) == (Condition.IMPAIRED, "ONLINE, READ-ONLY", None)
    assert "another one may write" in said.detail


def test_nobody_at_the_address_is_offline(shop):
    """Connection refused, and no sign of damage."""
    said = asked(shop, "postgresql://app@127.0.0.1:9/shop")

    assert (said.condition, said.shown, said.sign) == (Condition.DOWN, "OFFLINE", None)


def test_a_standby_that_takes_writes_is_none(shop, server):
    """Somebody promoted it: two primaries may be at work."""
    region = ProcedureSettings(region=RegionSettings(standby_url=Secret(server.url("postgres"))))
    said = one(standby.answer(replace(shop, procedures=region), Question(Subject.STANDBY, SECONDS)))

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "PROMOTED")


# --- the key --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair() -> Iterator[KeyPair]:
    """A real key, in a home of its own."""
    with key_pair() as made:
        yield made


def tried(shop: System, settings: EncryptionSettings) -> Observation:
    """What is said of a key."""
    return one(key.answer(replace(shop, encryption=settings), Question(Subject.KEY, SECONDS)))


def test_a_key_that_encrypts_and_opens_is_well(shop, pair):
    """There and back, by gpg itself."""
    said = tried(shop, EncryptionSettings((pair.fingerprint,), gnupg_home=pair.home))

    assert (said.condition, said.shown) == (Condition.OK, "OK")
    assert tried(shop, EncryptionSettings(passphrase=Secret("a passphrase of the test"))).shown == "OK"


def test_a_host_with_the_public_key_alone_is_told_what_a_restore_needs(shop, pair, tmp_path):
    """As it should be on a host that backs up; the escrow has the other half."""
    file = tmp_path / "public.asc"
    run("gpg --export", (program(), "--homedir", pair.home, "--output", file, "--export", pair.fingerprint))
    said = tried(shop, EncryptionSettings((pair.fingerprint,), public_key_file=file))

    assert (said.condition, said.shown) == (Condition.OK, "OK (encrypts only)")
    assert "bring the escrowed one" in said.detail


def test_a_key_that_is_not_there_is_an_error_with_its_reason(shop, pair):
    """No backup can be made from now on."""
    with pytest.raises(KeyUnusable, match="no public key answers"):
        tried(shop, EncryptionSettings(("F" * 40,), gnupg_home=pair.home))


# --- what lies on this host -----------------------------------------------------------------------------------------


def test_a_place_that_is_not_there_yet_is_told_by_the_disk_it_will_be_on(shop, tmp_path):
    """What is made tomorrow needs room today."""
    line = files.answer(shop, Question(Subject.DISK, SECONDS, str(tmp_path / "not" / "yet")))

    assert one(line).name == str(tmp_path / "not" / "yet")
    assert line.notes["device"] == str(tmp_path.stat().st_dev)
    assert 0 < one(line).figure < 1


@pytest.mark.parametrize(
    ("log", "age_seconds", "damaged"),
    [
        ("LOG:  starting PostgreSQL 17\nERROR:  invalid page in block 7 of relation base/5/1\n", 0, True),
        ("ERROR:  invalid page in block 7 of relation base/5/1\nLOG:  starting PostgreSQL 17\n", 0, False),
        ("LOG:  starting PostgreSQL 17\nERROR:  invalid page in block 7 of relation base/5/1\n", 3 * 86400, False),
        ("LOG:  starting PostgreSQL 17\nLOG:  checkpoint complete\n", 0, False),
    ],
)
def test_damage_that_the_server_wrote_down_is_told(shop, tmp_path, log, age_seconds, damaged):
    """Since it was last started, and not a log of last week."""
    file = tmp_path / "data" / "log" / "postgresql.log"
    file.parent.mkdir(parents=True)
    file.write_text(log)
    then = datetime.now(UTC).timestamp() - age_seconds
    os.utime(file, (then, then))
    procedures = ProcedureSettings(recovery=RecoverySettings(data_directory=tmp_path / "data"))
    line = files.answer(replace(shop, procedures=procedures), Question(Subject.DATABASE, SECONDS, topic=Topic.LOG))

    assert [item.sign for item in line.observed] == ([Sign.CORRUPT] if damaged else [])


def test_a_certificate_that_nobody_can_use_is_told(shop, tmp_path):
    """It cannot be read as one."""
    (tmp_path / "tls").mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        (tmp_path / "tls" / name).write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    components = ComponentSettings(certificates=CertificatesSettings(directories=(tmp_path / "tls",)))
    said = one(files.answer(replace(shop, components=components), Question(Subject.CERTIFICATES, SECONDS)))

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "UNUSABLE")


def test_procedures_that_were_cut_off_are_told_and_whole_ones_timed(shop):
    """By their journals on this host."""
    parent = shop.state_directory / "procedures" / "shop"
    with open_journal(parent, Opening("recover-app", "shop"), run="r1") as journal:
        journal.close()
    with open_journal(parent, Opening("full-recovery", "shop"), run="r2"):
        pass
    line = files.answer(shop, Question(Subject.UNFINISHED, SECONDS))

    assert (one(line).condition, one(line).name) == (Condition.IMPAIRED, "full-recovery")
    assert [item.procedure for item in line.measured] == ["recover-app"]


def test_only_a_run_without_a_break_tells_how_long_one_takes(shop):
    """One that was cut off in between waited for somebody."""
    whole = ["02:00:00 open", "02:01:40 close"]
    broken = ["03:00:00 open", "04:00:00 open", "05:00:00 close"]
    for events in (whole, broken):
        run = shop.state_directory / "procedures" / "shop" / f"full-recovery_20260131_{events[0][:2]}0000"
        run.mkdir(parents=True)
        rows = [
            f'{{"at":"2026-01-31T{at}Z","what":"{what}","procedure":"full-recovery","system":"shop","run":"r"}}\n'
            for at, _, what in (event.partition(" ") for event in events)
        ]
        (run / "journal.jsonl").write_text("".join(rows))
    (told,) = files.answer(shop, Question(Subject.UNFINISHED, SECONDS)).measured

    assert (told.procedure, told.seconds) == ("full-recovery", 100.0)
    assert told.basis == "its run of 2026-01-31 02:00 UTC on this host"


# --- the stores -----------------------------------------------------------------------------------------------------


def test_an_empty_store_says_that_it_has_nothing(shop):
    """Which is not the same as saying nothing."""
    line = copies.answer(shop, Question(Subject.STORE, SECONDS, "local"))

    assert line.held is not None
    assert (line.held.newest, line.held.problem) == ((), "")


def test_a_store_that_cannot_be_reached_says_why(shop):
    """The reason is its own, and it is asked once only."""
    away = StoreSettings(
        "cloud", "s3", bucket="b", endpoint_url="http://127.0.0.1:9", region="us-east-1",
        access_key_id="nobody", secret_access_key=Secret("nothing at all"),
    )  # fmt: skip
    line = copies.answer(replace(shop, stores=(*shop.stores, away)), Question(Subject.STORE, SECONDS, "cloud"))

    assert line.held is not None
    assert line.held.problem
    assert "nothing at all" not in line.held.problem


def test_without_a_base_backup_there_is_no_forecast(shop):
    """Nothing is made up."""
    line = copies.answer(shop, Question(Subject.STORE, SECONDS, "local", Topic.FORECAST))

    assert line.measured == ()

"""A whole product that runs, asked, and each thing beside its database broken for real."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from dr.catalog.expected import Expected
from dr.configuration.components.certificates import PairFiles
from dr.configuration.procedures.erasure import ErasureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.operations.erasure.erase import erase
from dr.operations.verify_recovery.baseline import take_baseline
from dr.operations.verify_recovery.expectation import find_expectation
from dr.pipeline.process_table import session_members
from dr.policy.recovered_state import Said, State
from dr.postgres.connection import connected
from dr.services.registry import service
from tests.integration.components.authority import Authority
from tests.integration.verify_recovery.shop import SECONDS, asked, failed, finding, said
from tests.scenarios.product import Product, product
from tests.scenarios.product_services import APPLICATION, REDIS


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product at work, its WAL received, its uploads and everything else backed up once."""
    with product(tmp_path_factory.mktemp("shop") / "here") as made:
        made.dr("application-backup", "--no-cloud", "--only", "files", code=14)  # without the database it is not all
        yield made


@pytest.fixture(scope="module")
def before(shop: Product) -> Expected:
    """What there was before anything was broken."""
    return take_baseline(shop.system, SECONDS)


def test_a_product_that_runs_is_recovered(shop: Product, before: Expected) -> None:
    """Everything that is configured is asked, also what lies beside the database."""
    found = asked(shop.system, before)

    assert found.judged.state is State.RECOVERED, found.judged.reasons
    passed = {item.name for item in found.findings if item.said is Said.PASSED}
    assert passed >= {
        f"application {shop.url}/api/health", f"application {shop.url}/api/auth/session",
        "redis", "redis persistence", "certificates", "files", "files read",
    }  # fmt: skip


def test_an_application_that_is_down_fails_with_the_command_to_start_it(shop: Product, before: Expected) -> None:
    """Both of its addresses, and nothing else."""
    shop.kill(APPLICATION)
    try:
        found = asked(shop.system, before)
    finally:
        service(shop.system, APPLICATION).start(60)

    assert failed(found) == {f"application {shop.url}/api/health", f"application {shop.url}/api/auth/session"}
    assert "dr recover-app" in found.judged.mend


def test_a_redis_that_hangs_fails_in_time(shop: Product, before: Expected) -> None:
    """It takes the connection and answers nothing: the question has a limit of its own."""
    shop.hang(REDIS)
    try:
        found = asked(shop.system, before, seconds=3)
    finally:
        shop.kill(REDIS)
        service(shop.system, REDIS).start(60)

    assert said(found, "redis") is Said.FAILED
    assert finding(found, "redis").seconds < 8


def test_redis_that_forgets_or_persists_otherwise_fails(shop: Product, before: Expected) -> None:
    """What it would lose with its next restart is not kept; what was configured before is no longer so."""
    url = shop.system.components.redis.url
    assert url is not None
    client = Redis.from_url(url.reveal())
    old = {name: str(client.config_get(name)[name]) for name in ("save", "appendonly")}
    try:
        client.config_set("save", "777 7")
        other = asked(shop.system, before)
        client.config_set("save", "")
        client.config_set("appendonly", "no")
        none = asked(shop.system, dataclasses.replace(before, redis_persistence=""))
    finally:
        for name, value in old.items():
            client.config_set(name, value)

    assert "it was" in finding(other, "redis persistence").detail
    assert failed(other) == {"redis persistence"}
    assert "gone with the next restart" in finding(none, "redis persistence").detail


def test_a_file_that_rows_name_and_that_is_gone_fails(shop: Product, before: Expected) -> None:
    """By its name."""
    victim = _an_upload(shop)
    aside = victim.rename(shop.directory / "aside")
    try:
        found = asked(shop.system, before)
    finally:
        aside.rename(victim)

    assert failed(found) == {"files"}
    assert victim.name in finding(found, "files").detail


def test_a_file_with_other_content_than_its_backup_fails(shop: Product, before: Expected) -> None:
    """One bit is enough, though size and time are as they were; a file that was changed since is no finding."""
    victim = _an_upload(shop)
    data, status = victim.read_bytes(), victim.stat()
    victim.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    changed = asked(shop.system, before)
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        rotten = asked(shop.system, before)
    finally:
        victim.write_bytes(data)
        os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert failed(changed) == set()
    assert failed(rotten) == {"files read"}
    assert victim.name in finding(rotten, "files read").detail


@pytest.mark.parametrize(("days", "told"), [(0, "expired"), (90, "does not belong")])
def test_a_certificate_that_has_expired_or_has_another_key_fails(
    shop: Product, before: Expected, tmp_path: Path, days: int, told: str
) -> None:
    """Nobody can be served with it."""
    authority = Authority.made(tmp_path / "authority")
    made = authority.issue(tmp_path / "live", "shop.example", days=days)
    key = made / "privkey.pem"
    if days:
        key = authority.issue(tmp_path / "live", "other.example") / "privkey.pem"
    certificates = dataclasses.replace(
        shop.system.components.certificates, directories=(), pairs=(PairFiles(made / "fullchain.pem", key),)
    )
    system = dataclasses.replace(
        shop.system, components=dataclasses.replace(shop.system.components, certificates=certificates)
    )

    found = asked(system, before)

    assert failed(found) == {"certificates"}
    assert told in finding(found, "certificates").detail


@pytest.mark.incident("I32")
def test_somebody_who_was_erased_and_is_there_fails(shop: Product, before: Expected, tmp_path: Path) -> None:
    """By the operator's check; nothing is erased by asking, and his key is not told."""
    statements = tmp_path / "statements"
    statements.mkdir()
    (statements / "users.sql").write_text("DELETE FROM public.people WHERE mail = :subject;\n")
    (statements / "users.check.sql").write_text("SELECT 1 FROM public.people WHERE mail = :subject;\n")
    ledger = tmp_path / "ledger"
    system = dataclasses.replace(
        shop.system,
        procedures=dataclasses.replace(
            shop.system.procedures, erasure=ErasureSettings(ledger=ledger, statements=statements)
        ),
    )
    with connected(shop.superuser_url) as connection:
        connection.execute("CREATE TABLE public.people (mail text)")
        connection.execute("GRANT SELECT, DELETE ON public.people TO PUBLIC")
        admin = dataclasses.replace(system, postgres=dataclasses.replace(system.postgres, url=shop.superuser_url))
        erase(admin, "gone@example.org", "asked for it")
        good = asked(admin, before)
        connection.execute("INSERT INTO public.people VALUES ('gone@example.org')")
        bad = asked(admin, before)
        row = connection.execute("SELECT count(*) AS n FROM public.people").fetchone()
        connection.execute("DROP TABLE public.people")

    assert said(good, "erased people") is Said.PASSED
    assert failed(bad) == {"erased people"}
    assert "gone@example.org" not in str(bad)
    assert row == {"n": 1}


def test_services_that_are_jobs_are_looked_at(shop: Product, before: Expected) -> None:
    """One that runs where jobs are to be paused is named."""
    recovery = dataclasses.replace(shop.system.procedures.recovery, jobs="paused", job_services=(APPLICATION,))
    system = dataclasses.replace(shop.system, procedures=dataclasses.replace(shop.system.procedures, recovery=recovery))

    found = asked(system, before)

    assert isinstance(recovery, RecoverySettings)
    assert failed(found) == {"jobs"}
    assert f"service {APPLICATION} (running)" in finding(found, "jobs").detail


def test_a_database_that_hangs_fails_once_and_what_does_not_need_it_is_asked(shop: Product, before: Expected) -> None:
    """SIGSTOP: connections are accepted and nothing is answered."""
    shop.hang("database")
    try:
        found = asked(shop.system, before, seconds=3)
    finally:
        _resume(shop, "database")

    assert said(found, "database answers") is Said.FAILED
    assert said(found, "redis") is Said.PASSED
    assert "tables" not in {item.name for item in found.findings}


@pytest.mark.slow
def test_the_command_line_asks_backs_up_and_follows_the_wal(shop: Product, tmp_path: Path) -> None:
    """Green against a baseline, with a backup in every store and WAL that arrived; a lost table is exit code 15."""
    baseline = tmp_path / "before.json"
    written = shop.dr("validate-recovery", "--baseline", str(baseline))
    assert written["baseline"]["rows"] > 0
    green = shop.dr("verify", "--against", str(baseline))
    answers = {row["question"]: row for row in green["verified"]["answers"]}

    assert answers["backup"]["answer"] == "passed"
    assert answers["WAL"]["answer"] == "passed"
    assert "timeline 1" in answers["WAL"]["detail"]
    assert "recovered" in green["verified"]["report"]
    with connected(shop.superuser_url) as connection:
        connection.execute("ALTER TABLE shop.attachments RENAME TO gone")
        try:
            red = shop.dr("validate-recovery", "--against", str(baseline), "--no-backup", "--no-wal", code=15)
        finally:
            connection.execute("ALTER TABLE shop.gone RENAME TO attachments")
    assert "shop.attachments" in red["error"]["detail"]
    assert {row["question"]: row["answer"] for row in red["verified"]["answers"]}["backup"] == "not asked"
    assert find_expectation(shop.system) is not None


def _resume(shop: Product, name: str) -> None:
    child = shop.told(name).child
    assert child is not None
    for pid in session_members(child.pid, child.start):
        os.kill(pid, signal.SIGCONT)


def _an_upload(shop: Product) -> Path:
    with connected(shop.superuser_url) as connection:
        statement = shop.system.components.point.references
        assert statement is not None
        row = connection.execute(statement.read_bytes()).fetchone()
    assert row is not None
    (directory,) = shop.system.components.files.directories
    return directory / str(row["path"])

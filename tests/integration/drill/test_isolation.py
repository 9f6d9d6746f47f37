"""Nothing gets out of a restored copy, and nothing in it acts: proven by trying, from inside, against a listener."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.errors import ConfigurationError
from dr.operations.drill.isolation import prove_isolation, quiet_probe
from dr.pipeline.launch import tool
from dr.pipeline.process import is_running
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.postgres.account import account_for
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import server_for
from dr.postgres.neutralise import mask, neutralise
from dr.postgres.quiet import quiet_settings
from dr.postgres.sealing import SEALED, try_seal
from tests.integration.drill.conftest import MAJORS
from tests.integration.drill.site import answers, drill, production

pytestmark = [pytest.mark.timeout(300), pytest.mark.incident("I31")]
ROOT = Path(__file__).parents[3]


@pytest.fixture(params=MAJORS, ids=lambda major: f"pg{major}")
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A stopped cluster of each major."""
    create_cluster(tmp_path / "data", server_for(request.param))
    return tmp_path / "data"


def _major(cluster: Path) -> int:
    return int((cluster / "PG_VERSION").read_text())


def _probes(server: Server, major: int) -> dict[str, str]:
    return {item.name: str(item.answer) for item in prove_isolation(server, server_for(major))}


def test_a_sealed_server_reaches_nobody_and_is_reached_by_us(cluster: Path) -> None:
    """Network and other servers' sockets are out of its reach; its own socket is where we look for it."""
    major = _major(cluster)
    with running(cluster, server_for(major), Recipe(sealed=True)) as server:
        assert server.seal == SEALED
        assert set(_probes(server, major).values()) == {"passed"}
        with connected(server.url) as connection:
            assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_server_that_is_not_sealed_is_not_said_to_be(cluster: Path) -> None:
    """Unproven with the reason, never passed (I29)."""
    major = _major(cluster)
    with running(cluster, server_for(major)) as server:
        assert set(_probes(server, major).values()) == {"not proven"}


def test_a_leak_is_noticed(cluster: Path) -> None:
    """A server that only claims to be sealed is caught by the listener, and the drill must not go on."""
    major = _major(cluster)
    with running(cluster, server_for(major)) as server:
        server.seal = SEALED
        found = prove_isolation(server, server_for(major))

    assert [item.essential for item in found] == [True, True]
    assert all("got out" in item.detail for item in found)


def test_what_acts_by_itself_is_stopped(tmp_path: Path) -> None:
    """A subscription to a server that runs, a foreign server, a job, an event trigger: on a copy that was recovered."""
    with production(tmp_path, server_for(MAJORS[-1]), more={"wal_level": "logical"}) as made:
        publisher = made.origin.server
        with connected(publisher.url) as connection:
            connection.execute("CREATE TABLE news (id int PRIMARY KEY)")
            connection.execute("CREATE PUBLICATION news FOR TABLE news")
            connection.execute("CREATE DATABASE reader")
            connection.execute("SELECT pg_create_logical_replication_slot('news', 'pgoutput')")
        where = f"{publisher.url.reveal()} dbname=postgres".replace("'", "''")
        with connected(publisher.url_for("reader")) as connection:
            connection.execute(ACTORS.replace("@WHERE@", where).encode())
        made.back_up()
        record = drill(made.system, DrillRequest(target="latest"))

    found = {item.name: item for item in record.probes}
    assert record.verdict == "recoverable", record.reasons
    assert answers(record)["isolation: actors"] == "passed"
    assert found["isolation: actors"].detail.startswith("4 disabled")


ACTORS = """
CREATE TABLE news (id int PRIMARY KEY);
CREATE SUBSCRIPTION reader CONNECTION '@WHERE@' PUBLICATION news
    WITH (create_slot = false, slot_name = 'news', enabled = true, copy_data = false);
CREATE FOREIGN DATA WRAPPER somewhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER somewhere OPTIONS (host 'production.example.org', port '5432');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'app');
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid int, active boolean);
INSERT INTO cron.job VALUES (1, true);
CREATE FUNCTION nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION nothing();
"""
UNCONNECTED = ACTORS.replace("@WHERE@", "host=192.0.2.1 connect_timeout=1").replace(
    "create_slot = false, slot_name = 'news', enabled = true, copy_data = false", "connect = false, slot_name = 'news'"
)


@pytest.fixture
def acting(tmp_path: Path) -> Iterator[Server]:
    """A sealed server with everything in it that acts by itself."""
    installation = server_for(MAJORS[-1])
    create_cluster(tmp_path / "data", installation)
    with running(tmp_path / "data", installation, Recipe(sealed=True)) as server:
        with connected(server.url) as connection:
            connection.execute(UNCONNECTED.encode())
        yield server


def test_neutralising_leaves_nothing_active_and_can_be_done_again(acting: Server) -> None:
    """Each actor is named with what it is now."""
    first, second = neutralise(acting), neutralise(acting)

    assert {item.kind for item in first} == {"subscription", "foreign server", "job", "event trigger"}
    assert not [item for item in (*first, *second) if item.active]
    assert str(quiet_probe(first).answer) == "passed"
    with connected(acting.url) as connection:
        options = connection.execute("SELECT srvoptions FROM pg_foreign_server").fetchone()
        mapped = connection.execute("SELECT count(*) AS n FROM pg_user_mappings").fetchone()
    assert options is not None
    assert not [item for item in options["srvoptions"] if "production" in item]
    assert mapped == {"n": 0}


def test_masking_is_applied_in_order_and_a_failing_file_ends_the_drill(acting: Server, tmp_path: Path) -> None:
    """Each file in one transaction; nobody gets a copy that is not masked."""
    files = tmp_path / "masking"
    files.mkdir()
    (files / "1.sql").write_text("DROP TABLE IF EXISTS people; CREATE TABLE people AS SELECT 'Somebody'::text AS name")
    (files / "2.sql").write_text("-- database: postgres\nUPDATE people SET name = md5(name);")

    assert mask(acting, "postgres", files) == ("1.sql", "2.sql")
    with connected(acting.url) as connection:
        assert connection.execute("SELECT length(name) AS n FROM people").fetchone() == {"n": 32}
    (files / "3.sql").write_text("UPDATE people SET name = 'x'; SELECT nonsense;")
    with pytest.raises(ConfigurationError, match=r"3\.sql fails"):
        mask(acting, "postgres", files)
    with connected(acting.url) as connection:
        assert connection.execute("SELECT length(name) AS n FROM people").fetchone() == {"n": 32}


def test_masking_is_part_of_a_drill(tmp_path: Path) -> None:
    """What the policy has is applied before anybody's own question is asked."""
    files, asked = tmp_path / "masking", tmp_path / "assertions"
    files.mkdir()
    asked.mkdir()
    (files / "orders.sql").write_text("UPDATE orders SET note = 'masked' WHERE id = 1")
    (asked / "seen.sql").write_text("-- expect: masked\nSELECT note FROM orders WHERE id = 1;\n")
    with production(tmp_path, server_for(MAJORS[-1])) as made:
        made.back_up()
        system = replace(made.system, drill=replace(made.system.drill, masking=files, assertions=asked))
        given = answers(drill(system, DrillRequest(target="latest")))
    assert (given["masking"], given["assertion seen"]) == ("passed", "passed")


def test_libraries_that_act_are_not_loaded_and_those_that_are_missing_are_named(cluster: Path) -> None:
    """The rest is loaded in its order."""
    with (cluster / "postgresql.conf").open("a") as file:
        file.write("shared_preload_libraries = 'pg_cron, plpgsql, not_here'\n")
    settings, lacking = quiet_settings(cluster, server_for(_major(cluster)))

    assert settings["shared_preload_libraries"] == "plpgsql"
    assert [item for item in lacking if "not_here" in item]
    with running(cluster, server_for(_major(cluster)), Recipe(sealed=True)) as server:
        assert len(server.environment) == len(lacking)


def test_a_sealed_server_dies_with_us(cluster: Path) -> None:
    """kill -9 of whoever runs it leaves no server with a copy of the production behind."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom dr.postgres.cluster import Recipe, running\n"
        "from dr.postgres.installations import server_for\n"
        f"with running(Path({str(cluster)!r}), server_for({_major(cluster)}), Recipe(sealed=True)) as server:\n"
        "    print(server.process.process.pid, flush=True)\n    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.05)

    assert not is_running(pid)


def test_where_the_machine_forbids_it_the_drill_says_so(monkeypatch: pytest.MonkeyPatch, cluster: Path) -> None:
    """Without unshare the server runs, unsealed, with the reason."""
    tool.cache_clear()
    try_seal.cache_clear()
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *rest: None if name == "unshare" else real(name, *rest))
    try:
        account = account_for(cluster)
        seal = try_seal(account) if not account.namespace else None
    finally:
        monkeypatch.undo()
        tool.cache_clear()
        try_seal.cache_clear()

    assert seal is None or (not seal.network and "unshare" in seal.reason)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the other tests as one already")
def test_an_ordinary_user_gets_the_same_seal(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of it needs root."""
    major = max(item for item in MAJORS if str(server_for(item).directory).startswith("/usr/"))
    place = Path("/tmp") / f"dr-user-{os.getpid()}"
    place.mkdir(mode=0o755)
    shutil.chown(place, "nobody")
    try:
        code = (
            "from pathlib import Path\nfrom dr.postgres.cluster import Recipe, create_cluster, running\n"
            "from dr.postgres.installations import server_for\n"
            "from dr.operations.drill.isolation import prove_isolation\n"
            f"data = Path({str(place / 'data')!r})\n"
            f"installation = server_for({major})\n"
            "create_cluster(data, installation)\n"
            "with running(data, installation, Recipe(sealed=True)) as server:\n"
            "    print([str(item.answer) for item in prove_isolation(server, installation)])\n"
        )
        readable = os.access(ROOT, os.R_OK) and _others_may_enter(ROOT) and _others_may_enter(Path(sys.executable))
        if not readable:
            copy = shutil.copytree(ROOT / "dr", place / "lib" / "dr")
            environment = {"PYTHONPATH": f"{copy.parent}", "PATH": os.environ["PATH"]}
        else:
            environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", sys.executable, "-c", code],
            env=environment, capture_output=True, text=True, check=False, cwd=place,
        )  # fmt: skip
    finally:
        shutil.rmtree(place)

    assert done.stdout.strip() == "['passed', 'passed']", done.stderr


def _others_may_enter(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents) if parent.is_dir())


def test_a_loaded_dump_is_neutralised_too(tmp_path: Path) -> None:
    """A dump brings subscriptions and event triggers along as well."""
    with production(tmp_path, server_for(MAJORS[-1])) as made:
        with connected(made.origin.server.url) as connection:
            connection.execute(UNCONNECTED.encode())
        made.back_up()
        record = drill(made.system, DrillRequest(method=Method.LOGICAL))

    assert record.verdict == "recoverable", record.reasons
    assert answers(record)["isolation: actors"] == "passed"

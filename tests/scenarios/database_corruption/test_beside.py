"""What is beside the database is lost for real, and the comparison notices the loss of any of it (I37)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.cli.commands.demo import _require
from dr.components.images.cloud import Cloud
from dr.components.redis.programs import servers
from dr.components.redis.server import Server
from dr.configuration.model import System
from dr.demo.beside.estate import Beside
from dr.demo.beside.part import Part
from dr.demo.beside.recovery import BesideRecovery, bring_back_beside
from dr.demo.estate import Estate
from dr.demo.report import DemoReport, scoreboard, scoreboard_lines
from dr.demo.story import Pace, run_demo
from dr.errors import RecoveryFailed
from dr.pipeline.process import is_running, run
from tests.scenarios.database_corruption.procedures import back_up, back_up_beside, recover

pytestmark = pytest.mark.slow


def _require_redis() -> None:
    if not servers():
        pytest.skip("not applicable: there is no redis-server for this platform")


def _part(place: Estate, kind: Kind) -> Part:
    (part,) = [part for part in place.beside.parts if part.kind is kind]
    return part


def _upload(place: Estate) -> Path:
    return next((place.directory / "beside" / "uploads" / "documents").rglob("*.pdf"))


def _flip(path: Path, position: int = 0) -> None:
    """One bit, with mode and times as they were."""
    status = path.stat()
    with path.open("r+b") as stream:
        stream.seek(position)
        byte = stream.read(1)[0]
        stream.seek(position)
        stream.write(bytes((byte ^ 1,)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _redis(*command: str | int, database: int = 0) -> Callable[[Estate], None]:
    def give(place: Estate) -> None:
        _require_redis()
        with Server(place.system.components.redis).client(database) as client:
            client.execute_command(*command)

    return give


def _git(*arguments: str) -> Callable[[Estate], None]:
    def give(place: Estate) -> None:
        code = place.directory / "beside" / "code"
        ended, _ = run("git", ("git", "-C", code / arguments[0], *arguments[1:]))
        assert ended.ok, ended

    return give


def _unlink_the_hard_link(place: Estate) -> None:
    path = place.directory / "beside" / "uploads" / "the same under another name"
    status, content = path.stat(), path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _fill_the_hole(place: Estate) -> None:
    path = place.directory / "beside" / "uploads" / "disk image"
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _change_a_secret(place: Estate) -> None:
    from dr.aws.secrets_manager import SecretsManager

    manager = SecretsManager(place.system.components.secrets, "secrets")
    manager.put("shop/search", b"another", binary=False, token="0" * 32, stages=("AWSCURRENT",))


def _rename_the_server(place: Estate) -> None:
    there = Cloud(place.system.components.images).servers
    (server,) = there.tagged({"demo-role": "web"})
    there.client.create_tags(Resources=[server.id], Tags=[{"Key": "Name", "Value": "another"}])


def _at(*names: str) -> Callable[[Estate], None]:
    return lambda place: _flip(place.directory.joinpath("beside", *names), 40)


# Something that a recovery could lose or change, and a word of the sentence that has to come.
LOSSES: dict[str, tuple[Kind, Callable[[Estate], None], str]] = {
    "a value in Redis": (Kind.REDIS, _redis("SET", "counter:orders", 1), "counter:orders"),
    "a key in Redis": (Kind.REDIS, _redis("DEL", "tags"), "b'tags' of db0 is missing"),
    "a further key in Redis": (Kind.REDIS, _redis("SET", "new", 1), "b'new' of db0 is there"),
    "an expiry in Redis": (Kind.REDIS, _redis("PERSIST", "session:00001"), "session:00001"),
    "another expiry in Redis": (Kind.REDIS, _redis("EXPIRE", "rate:7", 90, database=3), "b'rate:7' of db3"),
    "a reader of a stream": (Kind.REDIS, _redis("XGROUP", "DESTROY", "orders", "billing"), "b'orders'"),
    "a byte of an upload": (Kind.FILES, lambda place: _flip(_upload(place)), "has other content"),
    "the time of an upload": (Kind.FILES, lambda place: os.utime(_upload(place).parent, (1, 1)), "another time"),
    "a hard link": (Kind.FILES, _unlink_the_hard_link, "another name' is linked otherwise"),
    "a hole": (Kind.FILES, _fill_the_hole, "disk image' takes more or less room"),
    "a letter of the configuration": (Kind.CONFIG, _at("configuration", "etc", "app-1.ini"), "app-1.ini"),
    "a branch of a remote": (Kind.CODE, _git("mirror.git", "branch", "-D", "feature/größe"), "mirror: refs/heads/feat"),
    "a tag": (Kind.CODE, _git("shop", "tag", "-f", "v1.0", "HEAD"), "shop: refs/tags/v1.0"),
    "a secret at Amazon's": (Kind.SECRETS, _change_a_secret, "shop/search in Secrets Manager"),
    "a file of a secret": (Kind.SECRETS, lambda place: (place.directory / "beside/tokens/mail").chmod(0o644), "mode"),
    "a private key": (Kind.CERTIFICATES, _at("certificates", "shop.example", "privkey.pem"), "privkey.pem"),
    "a line of an audit log": (Kind.LOGS, _at("logs", "audit", "audit.log"), "audit.log"),
    "a server's name": (Kind.IMAGES, _rename_the_server, "the server that was launched again is not as it was"),
    "a resource's state": (Kind.TERRAFORM, _at("terraform", "network", "terraform.tfstate"), "terraform.tfstate"),
}


def test_what_was_not_touched_compares_equal(place: Estate) -> None:
    """Otherwise every difference below would say nothing. The server of images is new, so it runs from no image yet."""
    told = {part.kind: part.compare().problems for part in place.beside.parts if part.kind is not Kind.IMAGES}

    assert not [problems for problems in told.values() if problems]


@pytest.mark.incident("I37")
@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_beside_the_database_is_noticed(place: Estate, loss: str) -> None:
    """One thing is taken away or changed, and the comparison names it."""
    kind, change, word = LOSSES[loss]
    change(place)

    problems = _part(place, kind).compare().problems

    assert any(word in problem for problem in problems), problems


def test_redis_has_its_password_in_no_file_of_its_own(place: Estate) -> None:
    """Only the configuration's own file of that secret holds it."""
    _require_redis()
    url = place.system.components.redis.url
    assert url is not None
    password = url.reveal().partition("://:")[2].partition("@")[0].encode()
    holding = [path for path in place.directory.rglob("*") if path.is_file() and password in path.read_bytes()]

    assert len(password) >= 32
    assert [path.relative_to(place.directory) for path in holding] == [Path("secrets/redis_url")]


def test_the_disaster_leaves_nothing_of_it(place: Estate) -> None:
    """Not a file, not a key, not a secret, not a server. (It is the last to use this estate's content.)"""
    pids = [pid for pid in place.beside.pids if pid is not None]
    place.beside.destroy()
    content = place.directory / "beside"
    left = [path for path in content.rglob("*") if path.is_file()]

    assert [path.name for path in left] == ["references.sql"]
    assert not [pid for pid in pids if is_running(pid)]
    assert not Cloud(place.system.components.images).servers.tagged({"demo-role": "web"})
    for part in place.beside.parts:
        part.make_ready()
        assert part.compare().problems, part.kind


def test_what_does_not_come_back_is_told_and_the_rest_comes_back_all_the_same(tmp_path: Path) -> None:
    """Redis's object damaged in every store, an upload gone afterwards: two rows differ, and the demo is not met."""
    _require_redis()
    directory = tmp_path / "demo"

    def back_up_and_damage(system: System) -> None:
        back_up_beside(system)
        objects = [path for path in directory.rglob("dump.rdb.zst.gpg") if path.is_file()]
        _flip(objects[0], objects[0].stat().st_size // 2)
        _overwrite_in_the_cloud(system)

    def bring_back_and_lose(system: System, beside: Beside, place: Path) -> BesideRecovery:
        recovery = bring_back_beside(system, beside, place)
        next((directory / "beside" / "uploads" / "attachments").rglob("*.tiff")).unlink()
        return recovery

    report = run_demo(
        directory,
        lambda _: None,
        0.01,
        back_up=back_up,
        recover=recover,
        back_up_beside=back_up_and_damage,
        bring_back=bring_back_and_lose,
        pace=Pace(before_backup=0.5, after_backup=1.5),
    )

    _assert_two_differ(report)


def _overwrite_in_the_cloud(system: System) -> None:
    from dr.storage.opening import open_store

    store = open_store(system.stores[1])
    (key,) = [item.key for item in store.list(f"{system.name}/redis/") if item.key.endswith("dump.rdb.zst.gpg")]
    content = bytearray(store.read_bytes(key))
    content[len(content) // 2] ^= 1
    store.delete(key)
    store.put_bytes(key, bytes(content))


def _assert_two_differ(report: DemoReport) -> None:
    assert report.beside is not None
    differing = {row.kind: " ".join(row.problems) for row in report.beside.rows if not row.identical}
    assert differing.keys() == {"redis", "files"}
    assert differing["redis"].startswith("not brought back: ")
    assert ".tiff' is missing" in differing["files"]
    assert report.check.passed
    assert report.verdict.met
    assert report.met is False
    assert report.as_dict()["met"] is False
    told = [line for line in scoreboard_lines(scoreboard(report)) if "DIFFERENT:" in line]
    assert len(told) == len(report.differences) >= 2
    with pytest.raises(RecoveryFailed, match="differs from what was there") as raised:
        _require(report)
    assert raised.value.exit_code != 0

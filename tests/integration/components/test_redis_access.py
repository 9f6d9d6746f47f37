"""Redis: how it is reached, with which rights, and what is said when it cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.redis import Component
from dr.configuration.components.redis import RedisSettings
from dr.errors import AuthenticationFailed, ConfigurationError, PrivilegeMissing, ServerUnreachable, SourceError
from dr.secret import Secret
from tests.integration.components.redis_server import RedisServer, fill, redis_server, tls_relay
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis with something of everything."""
    with redis_server(tmp_path / "redis") as running:
        fill(running)
        yield running


def test_nobody_there_is_said_before_anything_is_written(shelf: Shelf) -> None:
    """An address without a Redis."""
    shelf = shelf.with_components(redis=RedisSettings(url=Secret("redis://:pw-made-up@127.0.0.1:1")))

    with pytest.raises(ServerUnreachable) as error:
        shelf.draft(Kind.REDIS)

    assert "pw-made-up" not in repr(error.value) + str(error.value.__cause__)
    assert not (shelf.directory / "local" / "shop").exists()


def test_a_wrong_password_is_named_as_such_and_not_shown(shelf: Shelf, server: RedisServer) -> None:
    """Wrong, or none at all."""
    wrong = shelf.with_components(redis=RedisSettings(url=Secret(f"redis://:pw-made-up@127.0.0.1:{server.port}")))
    none = shelf.with_components(redis=RedisSettings(url=Secret(f"redis://127.0.0.1:{server.port}")))

    with pytest.raises(AuthenticationFailed) as error:
        wrong.draft(Kind.REDIS)
    with pytest.raises(AuthenticationFailed):
        none.draft(Kind.REDIS)

    assert "pw-made-up" not in repr(error.value) + str(error.value.__cause__)


def test_a_user_that_may_not_replicate_is_told_which_right_is_missing(shelf: Shelf, server: RedisServer) -> None:
    """Everything but PSYNC: refused before an object is begun, with the command that gives the right."""
    server.client().execute_command("ACL", "SETUSER", "backup", "on", ">made-up", "~*", "+@all", "-psync")
    url = Secret(f"redis://backup:made-up@127.0.0.1:{server.port}")

    with pytest.raises(PrivilegeMissing, match="ACL SETUSER"):
        shelf.with_components(redis=RedisSettings(url=url)).draft(Kind.REDIS)

    assert not shelf.files("local", Kind.REDIS)


def test_the_rights_that_the_errors_name_are_enough(shelf: Shelf, server: RedisServer) -> None:
    """A user with nothing more than the documented rights takes a whole backup."""
    rights = ("+ping", "+info", "+psync", "+replconf", "+select")
    server.client().execute_command("ACL", "SETUSER", "backup", "on", ">made-up", *rights)
    url = Secret(f"redis://backup:made-up@127.0.0.1:{server.port}")

    assert shelf.with_components(redis=RedisSettings(url=url)).back_up(Kind.REDIS).level == "listed"


def test_the_stream_comes_through_tls_from_a_server_whose_certificate_is_trusted(
    shelf: Shelf, server: RedisServer, tmp_path: Path
) -> None:
    """``rediss://`` with the certificate that signs it works; without it, the server is not believed."""
    with tls_relay(server, tmp_path) as (port, certificate):
        url = Secret(f"rediss://:{server.password}@127.0.0.1:{port}")
        level = shelf.with_components(redis=RedisSettings(url=url, ca_file=certificate)).back_up(Kind.REDIS).level
        with pytest.raises(ServerUnreachable, match=r"(?i)certificate"):
            shelf.with_components(redis=RedisSettings(url=url)).draft(Kind.REDIS)

    assert level == "listed"


def test_a_cache_that_is_gone_is_a_note_and_not_a_failure(shelf: Shelf) -> None:
    """Where nothing is lost with it: `check` only notes it, and the run can ask whether the backup was optional."""
    url = Secret("redis://127.0.0.1:1")
    cache = shelf.with_components(redis=RedisSettings(url=url, cache_only=True))
    component = Component(cache.system)

    assert component.optional
    assert "only a cache" in component.check()[0]
    assert not Component(shelf.with_components(redis=RedisSettings(url=url)).system).optional
    with pytest.raises(ServerUnreachable):
        cache.draft(Kind.REDIS)


def test_a_redis_of_this_host_is_saved_and_its_file_read(shelf: Shelf, server: RedisServer) -> None:
    """Where the stream is forbidden: a new snapshot is ordered, and an old file is never taken for it."""
    client = server.client()
    client.save()
    client.set("after the old file", "1")
    client.execute_command("ACL", "SETUSER", "backup", "on", ">made-up", "+ping", "+info", "+bgsave")
    url = Secret(f"redis://backup:made-up@127.0.0.1:{server.port}")
    shelf = shelf.with_components(redis=RedisSettings(url=url, local_dump=server.directory))
    shelf.back_up(Kind.REDIS)
    (shelf.directory / "old").mkdir()
    shutil.copy(server.directory / "dump.rdb", shelf.directory / "old")
    elsewhere = shelf.with_components(redis=RedisSettings(url=url, local_dump=shelf.directory / "old"))

    assert shelf.contents(Kind.REDIS).facts["method"] == "BGSAVE"
    assert shelf.contents(Kind.REDIS).items[0].count == 15
    assert not failed(shelf.question(Kind.REDIS, shelf.restore(Kind.REDIS)))
    with pytest.raises(SourceError, match=r"local_dump"):
        elsewhere.draft(Kind.REDIS)


def test_a_database_that_is_not_in_the_backup_cannot_be_asked_for(shelf: Shelf, server: RedisServer) -> None:
    """The error says which there are."""
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)

    with pytest.raises(ConfigurationError, match="db0, db3"):
        shelf.restore(Kind.REDIS, wanted=("db7",))

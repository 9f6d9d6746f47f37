"""An attempt was killed when the replica had all of the stores' WAL: the next one leaves nothing of it behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dr.operations.region.archive import replay_archive
from dr.postgres.following import AUTO, other_settings
from dr.postgres.standby import reload_settings, server_role
from tests.integration.region.pair import Pair, pair

pytestmark = pytest.mark.slow


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary and its replica, which streams."""
    with pair(tmp_path_factory.mktemp("cut_off") / "here") as here:
        yield here


def test_a_replica_follows_as_before_when_there_is_nothing_left_to_replay(made: Pair) -> None:
    """With the settings of before, and no WAL in the clear beside its data."""
    directory = made.second.require_directory("")
    spool = directory.with_name(f"{directory.name}_archive")
    spool.mkdir()
    (spool / "000000010000000000000001").write_bytes(b"plain")
    before = (directory / AUTO).read_text()
    aside = spool / "settings.before"
    with other_settings(directory, aside, {"restore_command": f"cp {spool}/%f %p", "primary_conninfo": ""}):
        left, kept = (directory / AUTO).read_text(), aside.read_text()
    (directory / AUTO).write_text(left)
    aside.write_text(kept)
    reload_settings(made.second.url)
    made.wait(lambda: not server_role(made.second.url).streaming)

    replayed = replay_archive(made.system, made.second, without=False)

    made.wait(lambda: server_role(made.second.url).streaming)
    assert "nothing that the replica lacks" in replayed.note
    assert (directory / AUTO).read_text() == before
    assert not spool.exists()

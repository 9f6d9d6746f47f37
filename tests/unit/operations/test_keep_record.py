"""The record of a run survives: in the stores, and on this host until one of them has it."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.errors import ConfigurationError, StoreFull
from dr.operations.keep_record import keep_record
from tests.unit.operations.places import NAME, block, system

BEGUN = datetime(2024, 12, 31, 23, 59, tzinfo=UTC)
DATA = b'{"outcome": "met"}\n'


def _waiting(path: Path) -> list[str]:
    return sorted(file.name for file in (path / "state" / "runs").rglob("*.json"))


def _stored(path: Path, store: str) -> dict[str, bytes]:
    evidence = path / store / NAME / "evidence"
    return {str(file.relative_to(evidence)): file.read_bytes() for file in evidence.rglob("*.json")}


def test_every_store_gets_the_record_under_the_year_of_the_run(tmp_path):
    """And nothing waits on this host any more."""
    stored = keep_record(system(tmp_path, "local", "cloud"), "a1b2", BEGUN, DATA)

    assert stored == ("local", "cloud")
    assert _stored(tmp_path, "local") == _stored(tmp_path, "cloud") == {"2024/run_a1b2.json": DATA}
    assert _waiting(tmp_path) == []


def test_one_store_is_enough(tmp_path):
    """The other is named by its absence."""
    block(tmp_path / "cloud")

    assert keep_record(system(tmp_path, "local", "cloud"), "a1b2", BEGUN, DATA) == ("local",)
    assert _waiting(tmp_path) == []


def test_a_record_that_no_store_took_waits_and_goes_along_with_the_next(tmp_path):
    """A recovery made while the bucket was away is in the evidence later."""
    mine = system(tmp_path)
    block(tmp_path / "local")
    assert keep_record(mine, "lost", BEGUN, b"first") == ()
    (waiting,) = (tmp_path / "state").rglob("*.json")
    assert waiting.read_bytes() == b"first"
    assert waiting.stat().st_mode & 0o777 == 0o600

    (tmp_path / "local").unlink()
    assert keep_record(mine, "next", BEGUN.replace(year=2025), b"second") == ("local",)

    assert _stored(tmp_path, "local") == {"2024/run_lost.json": b"first", "2025/run_next.json": b"second"}
    assert _waiting(tmp_path) == []


def test_without_any_store_configured_the_record_waits(tmp_path):
    """Nothing is raised: the run itself must not fail for it."""
    mine = system(tmp_path)
    object.__setattr__(mine, "stores", ())

    assert keep_record(mine, "a1b2", BEGUN, DATA) == ()
    assert len(_waiting(tmp_path)) == 1


def test_a_record_is_whole_or_not_there(tmp_path, monkeypatch):
    """A disk that fills up in the midst leaves no half of a record to be shipped, and says that it is full."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull, match="a1b2 cannot be kept") as caught:
        keep_record(system(tmp_path), "a1b2", BEGUN, DATA)

    assert "No space left" in caught.value.detail
    assert [file for file in (tmp_path / "state").rglob("*") if file.is_file()] == []
    assert _stored(tmp_path, "local") == {}


def test_a_record_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """A power cut in the next instant does not leave an empty file under it."""
    happened = []

    def sync(descriptor: int, really=os.fsync) -> None:
        happened.append((Path(f"/proc/self/fd/{descriptor}").resolve(), _waiting(tmp_path)))
        really(descriptor)

    mine = system(tmp_path)
    object.__setattr__(mine, "stores", ())
    monkeypatch.setattr(os, "fsync", sync)
    keep_record(mine, "a1b2", BEGUN, DATA)

    (content, names_then), (directory, names_after) = happened
    assert content.parent == directory == tmp_path / "state" / "runs" / NAME
    assert names_then == []
    assert names_after == ["2024-a1b2.json"]


def test_a_state_directory_that_cannot_be_is_not_called_full(tmp_path):
    """The hint names the setting."""
    (tmp_path / "state").write_text("in the way")

    with pytest.raises(ConfigurationError, match="cannot be kept") as caught:
        keep_record(system(tmp_path), "a1b2", BEGUN, DATA)

    assert "DR_STATE_DIRECTORY" in caught.value.hint


def test_a_run_whose_name_has_a_dash_keeps_it(tmp_path):
    """Prefect's run ids are full of them."""
    keep_record(system(tmp_path), "0197-aa-bb", BEGUN, DATA)

    assert list(_stored(tmp_path, "local")) == ["2024/run_0197-aa-bb.json"]


def test_a_stray_file_among_those_that_wait_does_no_harm(tmp_path):
    """An editor's leftover must not end the keeping of records for good."""
    waiting = tmp_path / "state" / "runs" / NAME
    waiting.mkdir(parents=True)
    (waiting / "notes.json").write_text("{}")

    assert keep_record(system(tmp_path), "a1b2", BEGUN, DATA) == ("local",)
    assert list(_stored(tmp_path, "local")) == ["2024/run_a1b2.json"]


def test_runs_that_end_together_ship_what_waits_and_none_fails(tmp_path):
    """Each finds the others' records waiting, and whichever comes second finds them gone."""
    mine = system(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(keep_record, mine, f"run{number}", BEGUN, DATA) for number in range(80)]
    failed = [one.exception() for one in ended if one.exception() is not None]

    assert failed == []
    assert len(_stored(tmp_path, "local")) == 80
    assert _waiting(tmp_path) == []

"""What happens to logs: rotation while they are read, and hands that change them after they were shipped."""

from __future__ import annotations

import dataclasses
import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, manifest_key
from dr.catalog.manifest import to_json
from dr.errors import SourceBusy
from dr.operations.component.log_chain import check_log_chain
from dr.operations.repositories import open_repository
from dr.policy.drill_verdict import Answer
from dr.policy.log_days import OPEN, Link
from tests.integration.components.log_files import LINES, day, files_below, manifests, put, put_logs, with_logs
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Where they lie."""
    put_logs(tmp_path / "var")
    return tmp_path / "var"


_ROTATOR = """
import gzip, os, pathlib, shutil, sys, time
place, how, rotations = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
live, number, old = place / "app.log", 0, time.time() - 200_000

def shift():
    for count in range(rotations + 3, 0, -1):
        for ending in ("", ".gz"):
            path = place / f"app.log.{count}{ending}"
            if path.exists():
                path.rename(place / f"app.log.{count + 1}{ending}")

def age(path):
    os.utime(path, (old, old))

def write(count):
    global number
    with live.open("a") as stream:
        for _ in range(count):
            stream.write(f"line {number:08d} {'x' * 300}\\n")
            number += 1

for turn in range(rotations):
    write(700)
    shift()
    first = place / "app.log.1"
    if how == "rename":
        live.rename(first)
    else:
        shutil.copyfile(live, first)
        os.truncate(live, 0)
    age(first)
    second = place / "app.log.2"
    if second.exists():
        packed = place / "app.log.2.gz"
        with second.open("rb") as plain, gzip.open(packed, "wb") as stream:
            shutil.copyfileobj(plain, stream)
        age(packed)
        second.unlink()
    time.sleep(0.2)
write(5)
print(number)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_rotation_in_the_midst_of_it_neither_loses_nor_doubles_a_line(shelf: Shelf, tmp_path: Path, how: str) -> None:
    """A process writes and rotates while backups run; in the end every line of a day that is over is there once."""
    place = tmp_path / "var" / "app"
    place.mkdir(parents=True)
    shelf = with_logs(shelf, tmp_path / "var", audit=(), day_from="mtime")
    with subprocess.Popen(
        (sys.executable, "-c", _ROTATOR, place, how, "20"), stdout=subprocess.PIPE, text=True
    ) as rotator:
        made = 0
        while rotator.poll() is None:
            if any(place.iterdir()):
                with suppress(SourceBusy):  # rotated five times while one day was read: nothing is kept, nothing lost
                    shelf.back_up_all(Kind.LOGS)
                    made += 1
        output = rotator.communicate()[0]
    last = shelf.back_up_all(Kind.LOGS)[0].label

    seen: Counter[str] = Counter()
    for manifest in manifests(shelf):
        restored = shelf.restore(Kind.LOGS, shelf.directory / f"all_{manifest.label}", manifest.label)
        assert not failed(shelf.question(Kind.LOGS, restored))
        for name, line in _lines(Path(restored.directory)):
            if f".{OPEN}/" not in name or manifest.label == last:
                seen[line] += 1
    assert made > 2, "the backups ran beside the rotation"
    assert seen.total() == int(output)
    assert set(seen.values()) == {1}


def _lines(place: Path) -> Iterator[tuple[str, str]]:
    for name, data in files_below(place).items():
        plain = gzip.decompress(data) if name.endswith(".gz") else data
        for line in plain.decode().splitlines():
            yield name, line


def test_a_changed_file_fails_its_question(shelf: Shelf, logs: Path) -> None:
    """By name, whether it was altered, taken away or added."""
    shelf = with_logs(shelf, logs, audit=())
    shelf.back_up_all(Kind.LOGS)
    restored = shelf.restore(Kind.LOGS)
    place = Path(restored.directory) / "application"
    altered, gone = (next((place / str(day(ago))).rglob("*.log")) for ago in (3, 2))
    altered.write_text(altered.read_text().replace("somebody", "anybody!"))
    gone.unlink()

    answers = {probe.name: (probe.answer, probe.detail) for probe in shelf.question(Kind.LOGS, restored)}

    for ago, path in ((3, altered), (2, gone)):
        answer, detail = answers[f"logs of {day(ago)}"]
        assert answer is Answer.FAILED
        assert path.name in detail
    assert answers["digest chain"][0] is Answer.PASSED


def test_the_manifest_tells_neither_names_nor_lines_and_its_chain_shows_what_was_changed(
    shelf: Shelf, logs: Path
) -> None:
    """Digests are linked from backup to backup: what is altered or left out afterwards is evident."""
    shelf = with_logs(shelf, logs, application=())
    for ago in (9, 8, 7):
        put(logs / "audit" / f"audit.log.{day(ago)}", f"{ago} {LINES}", ago)
        shelf.back_up_all(Kind.LOGS)
    found = manifests(shelf, "audit-logs")
    links = [Link.of(item.label, item.component) for item in found if item.component]

    text = b"".join(map(to_json, found))
    assert b"somebody" not in text
    assert b"audit.log" not in text
    assert len(links) == 3
    assert [link.previous for link in links] == ["", links[0].label, links[1].label]
    assert check_log_chain(shelf.system) == ()


def test_an_audit_log_that_is_altered_or_taken_away_after_shipping_is_evident(shelf: Shelf, logs: Path) -> None:
    """In one store, or in all of them."""
    shelf = with_logs(shelf, logs, application=())
    for ago in (9, 8, 7):
        put(logs / "audit" / f"audit.log.{day(ago)}", f"{ago} {LINES}", ago)
        shelf.back_up_all(Kind.LOGS)
    middle = manifests(shelf, "audit-logs")[1]
    assert middle.component is not None
    forged = dataclasses.replace(middle.component.items[0], digest="0" * 64)
    contents = dataclasses.replace(middle.component, items=(forged,))
    repository = open_repository(shelf.system)
    key = manifest_key(shelf.system.name, middle.parsed_label)

    repository.store("second").put_bytes(key, to_json(dataclasses.replace(middle, component=contents)))
    altered = check_log_chain(shelf.system)
    for store in ("local", "second"):
        repository.delete(middle.parsed_label, store)
    gone = check_log_chain(shelf.system)

    assert any(f"{middle.label} in second is not what it is in local" in line for line in altered)
    assert any(f"was shipped after {middle.label}" in line for line in gone)

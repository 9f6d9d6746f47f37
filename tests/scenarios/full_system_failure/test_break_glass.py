"""Break-glass: no Prefect, no network but the bucket's, no configuration but what RESTORE.md tells to write."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dr.configuration.file import read_file
from dr.postgres.cluster import Recipe, running
from dr.postgres.installations import server_for
from tests.endpoints.serving import Endpoint
from tests.scenarios.forgotten import ERASED, person
from tests.scenarios.lost_host import LostHost
from tests.scenarios.machine import Machine, machine

pytestmark = pytest.mark.timeout(900)  # whoever is the first waits for all of it


@dataclass(frozen=True, slots=True)
class Glass:
    """What was done with three things in hand: the bucket's credentials, the key, RESTORE.md.

    ``held`` is what the first run said, and its exit code: somebody had asked to be forgotten, and nothing told how.
    """

    machine: Machine
    home: Path
    data: Path
    held: tuple[int, dict[str, Any]]
    code: int
    answer: dict[str, Any]
    told: str

    @property
    def report(self) -> str:
        return "\n".join(self.answer["report"])


def written_by(notes: str, lost: LostHost, data: Path, home: Path) -> str:
    """The ``dr.toml`` that RESTORE.md shows, with the blanks filled in; nothing is added."""
    shown = notes.partition("## With this program")[2].partition("Then look, and do it")[0]
    lines = [line[4:] for line in shown.splitlines() if line.startswith("    ")]
    text = "\n".join(lines)
    cloud = lost.cloud
    assert cloud.secret_access_key is not None
    (home / "bucket.secret").write_text(cloud.secret_access_key.reveal())
    (home / "bucket.secret").chmod(0o600)
    filled = {
        "/var/lib/coreflow360-dr": str(home / "state"),
        '"BUCKET"': f'"{cloud.bucket}"',
        '"REGION"': f'"{cloud.region}"',
        '# endpoint_url = "https://..."': f'endpoint_url = "{cloud.endpoint_url}"',
        'access_key_id = "..."': f'access_key_id = "{cloud.access_key_id}"',
        "SECRET-KEY.asc": str(lost.key_file),
        '"passphrase"': f'"{lost.passphrase_file}"',
        "/var/lib/postgresql/18/main": str(data),
    }
    for blank, value in filled.items():
        assert blank in text, f"RESTORE.md shows no {blank}"
        text = text.replace(blank, value)
    return text


def with_erasure(text: str, system: str, statements: Path) -> str:
    """The same with the section that RESTORE.md shows for those who asked to be forgotten."""
    section = text[text.index(f"# [system.{system}.erasure]") :].partition("\n\n")[0]
    assert '"STATEMENTS"' in section
    shown = "\n".join(line.removeprefix("# ") for line in section.splitlines())
    return text.replace(section, shown.replace("STATEMENTS", str(statements)))


@pytest.fixture(scope="module")
def glass(lost: LostHost) -> Iterator[Glass]:
    """From nothing to a data directory."""
    with machine(lost.port) as there:
        lost.clear()
        home = lost.product.directory / "clean"
        home.mkdir(mode=0o700)
        data = home / "postgresql" / "main"
        notes = _restore_notes(lost)
        file = home / "dr.toml"
        file.write_text(written_by(notes, lost, data, home))
        file.chmod(0o600)
        argv = (sys.executable, "-m", "dr.cli", "full-recovery", "--confirm", lost.product.system.name, "--json")
        assert f"dr full-recovery --confirm {lost.product.system.name}" in notes
        at = ("--disaster-at", lost.disaster_at.isoformat())
        held = there.run(*argv, *at, environment=lost.variables(home, {}), directory=home)
        assert held.stdout, held.stderr
        statements = lost.product.system.procedures.erasure.statements
        assert statements is not None
        file.write_text(with_erasure(file.read_text(), lost.product.system.name, statements))
        ended = there.run(*argv, *at, environment=lost.variables(home, {}), directory=home)
        assert ended.stdout, ended.stderr
        first = held.returncode, json.loads(held.stdout)
        yield Glass(there, home, data, first, ended.returncode, json.loads(ended.stdout), held.stderr + ended.stderr)


def _restore_notes(lost: LostHost) -> str:
    """RESTORE.md, as whoever holds the bucket's credentials reads it with any S3 client."""
    amazon: Endpoint = lost.amazon
    found = amazon.client().get_object(Bucket=lost.cloud.bucket, Key=f"{lost.product.system.name}/RESTORE.md")
    return str(found["Body"].read().decode())


def test_what_restore_md_shows_is_a_configuration_that_is_understood(glass: Glass) -> None:
    """Filled in and otherwise as it stands; all of it is restored, and nobody is told that it is in service."""
    rto = next(row for row in glass.answer["phases"] if row["phase"] == "RTO")

    assert glass.code == 18, glass.told
    assert read_file(glass.home / "dr.toml").systems
    assert glass.answer["error"]["message"].endswith("restored, and not verified: it is not in service")
    assert "NOT IN SERVICE" in glass.report
    assert "traffic: nothing was switched" in glass.report
    assert (rto["seconds"], rto["met"]) == (None, "unknown")


@pytest.mark.incident("I32")
def test_it_goes_no_further_while_nothing_says_how_people_are_erased(glass: Glass, lost: LostHost) -> None:
    """The bucket says that somebody asked; the files that say how came back with the configuration, and are named."""
    code, said = glass.held
    statements = lost.product.system.procedures.erasure.statements
    notes = "\n".join(_restore_notes(lost).split())

    assert code == 3
    assert said["error"]["message"] == "nothing says how a person is erased"
    assert "erasure.statements" in said["error"]["hint"]
    assert f"`{lost.product.system.name}/erasure/`" in notes
    assert statements is not None
    assert sorted(path.name for path in statements.iterdir()) == ["people.check.sql", "people.sql"]


@pytest.mark.incident("I32")
def test_every_acknowledged_order_is_accounted_for_in_a_server_that_is_started_by_hand(
    glass: Glass, lost: LostHost
) -> None:
    """The data directory is ready to be started, and whoever asked to be forgotten is not in it."""
    with running(glass.data, server_for(lost.product.place.installation.major, ()), Recipe()) as server:
        found = lost.product.rows(server.url_for("shop"))
        forgotten = person(server.url_for("shop"))
    there = [order for order in lost.acknowledged if found.issuperset(order.rows)]
    missing = [order for order in lost.acknowledged if not found.issuperset(order.rows)]

    assert forgotten == ERASED
    assert len(there) >= lost.shipped > 0
    assert all(one.at > max(order.at for order in there) for one in missing)


def test_uploads_and_configuration_are_in_their_places_and_the_rest_is_on_the_list(
    glass: Glass, lost: LostHost
) -> None:
    """What needs a setting that is not there lies ready, and the list says where."""
    todo = "\n".join(line for line in glass.answer["report"] if line.startswith("* [ ] "))
    parts = {part["part"]: part for part in glass.answer["parts"]}

    assert not any(part["state"].startswith("FAILED") for part in parts.values()), parts
    assert parts["database"]["state"] == "restored, not verified"
    assert lost.product.part("files").compare().problems == ()
    assert lost.product.part("config").compare().problems == ()
    for what in ("start PostgreSQL", "start the application", "Redis: ", "SSL certificates: ", "set postgres.url"):
        assert what in todo, todo
    lying = re.findall(r"from (/\S+)", todo)
    assert lying
    assert all(any(Path(path).iterdir()) for path in lying)


def test_nothing_that_was_brought_is_open_to_others(glass: Glass) -> None:
    """Secrets and keys lie in it: neither directory nor file can be read by anybody else."""
    rooms = list((glass.home / "state" / "recovery").iterdir())
    top = [*(room for room in rooms if room.is_dir()), glass.data]

    assert len(top) > 1
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in top)
    passphrase = glass.home.parent / "safe" / "passphrase"
    assert passphrase.read_text() not in json.dumps(glass.answer) + glass.told


def test_its_journal_says_each_step_and_waits_to_be_gone_on_with(glass: Glass) -> None:
    """With postgres.url in it, the same command verifies and leads people here; nothing is restored again."""
    journals = list((glass.home / "state" / "procedures").rglob("journal.jsonl"))

    assert len(journals) == 1
    events = [json.loads(line) for line in journals[0].read_text().splitlines()]
    assert events[-1]["what"] != "close"
    assert {event["step"] for event in events if event["what"] == "end"} >= {"database", "restore files", "lay config"}

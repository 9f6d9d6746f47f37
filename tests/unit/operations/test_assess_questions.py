"""What is asked follows from the configuration alone, and survives the way to another process and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.configuration.components import ComponentSettings
from dr.configuration.components.redis import RedisSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System, WalSettings
from dr.configuration.procedures import ProcedureSettings, ServiceSettings
from dr.configuration.procedures.region import RegionSettings
from dr.operations.assess.prober import Lane
from dr.operations.assess.questions import questions
from dr.operations.assess.wire import Line, Question, Topic, decoded, encoded, short
from dr.policy.observation import Subject, silent
from dr.policy.wal_in_sight import Recoverable, Written
from dr.secret import Secret

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOP = System(
    "shop",
    PostgresSettings(Secret("postgresql://app@db/shop")),
    (StoreSettings("local", "local", Path("/srv/copies")), StoreSettings("cloud", "s3", bucket="b")),
    EncryptionSettings(),
)


def asked(system: System, **environ: str) -> set[tuple[Lane, Subject, str, Topic]]:
    """Who asks what."""
    found = questions(system, environ)
    return {(lane, one.subject, one.name, one.topic) for lane, several in found.items() for one in several}


def test_what_is_not_configured_is_not_asked():
    """No Redis, no application, no key, no standby, no schedules."""
    lanes = questions(SHOP, {})

    assert set(lanes) == {Lane.DATABASE, Lane.FILES, Lane.COPIES}


def test_every_store_is_asked_by_itself_what_matters_most_first():
    """One that hangs hides no other, and its backups come before its drills."""
    topics = [one.topic for one in questions(SHOP, {})[Lane.COPIES] if one.name == "cloud"]

    assert topics == [Topic.ITSELF, Topic.WAL, Topic.FORECAST, Topic.DRILLS, Topic.COMPONENTS]


def test_what_may_block_another_is_asked_by_another_process():
    """A disk holds whatever touches it, and a C library does as it likes."""
    full = replace(
        SHOP,
        components=ComponentSettings(redis=RedisSettings(url=Secret("redis://r"))),
        procedures=ProcedureSettings(region=RegionSettings(standby_url=Secret("postgresql://s"))),
        encryption=EncryptionSettings(passphrase=Secret("a passphrase")),
    )
    lanes = {lane for lane, *_ in asked(full, PREFECT_API_URL="http://127.0.0.1:4200/api")}
    found = questions(full, {})

    assert lanes == set(Lane)
    assert [one.subject for one in found[Lane.DATABASE]] == [Subject.DATABASE]
    assert [one.subject for one in found[Lane.STANDBY]] == [Subject.STANDBY]
    assert [one.subject for one in found[Lane.KEY]] == [Subject.KEY]


def test_what_only_a_failover_begins_is_not_missed():
    """The second region's services are stopped, as they should be."""
    services = tuple(ServiceSettings(name) for name in ("postgres", "standby", "web", "web-there"))
    region = RegionSettings(standby_service="standby", services=("web-there",))
    procedures = ProcedureSettings(services=services, region=region)
    named = {name for _, subject, name, _ in asked(replace(SHOP, procedures=procedures)) if subject is Subject.SERVICE}

    assert named == {"postgres", "web"}


def test_a_relative_place_is_asked_once_and_without_looking_at_it():
    """Resolving a link would touch a disk that may hang."""
    system = replace(SHOP, state_directory=Path("state"), wal=WalSettings(method="none"))
    disks = [one.name for one in questions(system, {})[Lane.FILES] if one.subject is Subject.DISK]

    assert disks == ["/", str(Path.cwd() / "state"), "/srv/copies"]


def test_an_answer_survives_the_way_between_processes():
    """LSNs, times, and the question that it answers, which is known again."""
    question = Question(Subject.STORE, 6.5, "cloud", Topic.WAL)
    line = Line(
        answers=question,
        observed=(silent(Subject.REDIS, 4.0),),
        recoverable=Recoverable(NOW, end=Lsn.parse("0/5000028"), timeline=2),
        written=Written(NOW, Lsn.parse("1/0"), 2),
    )

    assert decoded(encoded(line)) == line
    assert decoded(encoded(line)).answers in {question: None}


def test_a_long_message_is_cut():
    """Nobody reads a page in an emergency."""
    assert short("a  b\n c") == "a b c"
    assert len(short("word " * 1000)) <= 1000

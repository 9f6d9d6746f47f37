"""Components in drills and in the weekly verification: what is good is green, and everything else says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dr.catalog.labels import Kind
from dr.errors import ConfigurationError, PartialBackup, RecoveryFailed
from dr.operations.component.drill.draw import draw_component
from dr.operations.drill.keep_proofs import keep_proofs_of
from dr.operations.drill.require import require
from dr.operations.find_backup import Found
from dr.policy.component_draw import ComponentRequest
from dr.policy.drill_verdict import Verdict
from dr.policy.objectives import Scenario
from tests.integration.components.drilling import aged, cut, drill, flip, rewrite, spoil, with_code
from tests.integration.components.shelf import Shelf
from tests.unit.crypto.keyrings import People

CODE = ComponentRequest(Kind.CODE)


@pytest.fixture
def coded(shelf: Shelf, tmp_path: Path) -> Shelf:
    """The shelf of a system that has code, and no backup of it."""
    return with_code(shelf, tmp_path / "code")


def test_a_drill_of_a_component_is_green_with_all_that_it_measured(coded: Shelf) -> None:
    """Verdict, level, phases, RTO against the scenario's target, RPO by its age, and the command that repeats it."""
    label = coded.back_up(Kind.CODE).label

    record = drill(coded.system, replace(CODE, scenario=Scenario.DATA_CENTER_OUTAGE))

    assert (record.verdict, record.level, record.reasons) == (Verdict.RECOVERABLE, "queried", ())
    assert (record.method, record.kind, record.label, record.store) == ("code", "code", label, "local")
    names = {phase.name for phase in record.phases}
    assert names == {"choose", "fetch", "decrypt", "decompress", "restore", "question"}
    assert record.rto_seconds is not None
    assert 0 < record.rto_seconds <= record.seconds
    assert (record.rto_target, record.rpo_target) == (3600, None)
    assert record.rpo_seconds is not None
    assert 0 < record.rpo_seconds < 120
    assert {item.name for item in record.probes} >= {"label", "age"}
    assert record.met
    assert record.database_bytes > 0
    assert " ".join(record.repeat).startswith("dr --system shop drill --component code --scenario data-center-outage")
    assert label in record.repeat
    require(record)


def test_nothing_is_left_of_a_copy_and_it_was_for_its_owner_alone(coded: Shelf) -> None:
    """The directory is private while it is there, and gone afterwards with its scratch."""
    coded.back_up(Kind.CODE)
    drawn = draw_component(coded.system, CODE)

    assert drawn.copy.parent.stat().st_mode & 0o777 == 0o700
    drawn.copy.parent.rmdir()
    drill(coded.system, CODE)
    assert list((coded.system.state_directory / "drills").iterdir()) == []


SPOILT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a bit flipped": (flip, "checksummed", "damaged|instead of|different"),
    "cut off": (cut, "checksummed", "damaged|instead of|different"),
    "gone": (Path.unlink, "stored", "no object|not there|missing"),
}


@pytest.mark.incident("I29")
@pytest.mark.parametrize("name", SPOILT)
def test_damage_in_every_store_is_not_recoverable_at_its_level(coded: Shelf, name: str) -> None:
    """The first failing level, each store's copy by name, and what to do."""
    how, level, words = SPOILT[name]
    coded.back_up(Kind.CODE)
    spoil(coded, Kind.CODE, how)

    record = drill(coded.system, CODE)

    assert (record.verdict, record.level) == (Verdict.NOT_RECOVERABLE, level), record.reasons
    assert re.search(words, " ".join(record.reasons)), record.reasons
    assert all(store in " ".join(record.reasons) for store in ("local", "second"))
    assert record.rto_seconds is None
    with pytest.raises(RecoveryFailed, match=f"level {level} is not reached") as caught:
        require(record, "/somewhere/data")
    assert "dr application-backup --only code" in caught.value.hint
    assert "dr drill --component code --backup LABEL" in caught.value.hint
    assert "/somewhere/data" in caught.value.hint


def _other_digest(document: dict[str, Any]) -> None:
    for item in document["component"]["items"]:
        item["digest"] = "0" * 64
        item["count"] += 1


def test_a_copy_that_is_whole_and_not_what_was_backed_up_is_red(coded: Shelf) -> None:
    """Every hash agrees and it can be restored; only its answers differ from the manifest."""
    coded.back_up(Kind.CODE)
    rewrite(coded, coded.manifest(Kind.CODE), _other_digest)

    record = drill(coded.system, CODE)

    assert (record.verdict, record.level) == (Verdict.NOT_RECOVERABLE, "queried"), record.reasons
    assert "refs" in record.reasons[0]
    assert record.rto_seconds is not None


def _nothing_to_ask(document: dict[str, Any]) -> None:
    document["component"]["items"] = []


@pytest.mark.incident("I29")
def test_a_copy_of_which_nothing_was_asked_is_not_called_good(coded: Shelf) -> None:
    """It was restored, and that is all that is known of it."""
    coded.back_up(Kind.CODE)
    rewrite(coded, coded.manifest(Kind.CODE), _nothing_to_ask)

    record = drill(coded.system, CODE)

    assert record.verdict != Verdict.RECOVERABLE, record.level


def test_a_bad_copy_beside_a_good_one_is_recoverable_and_not_green(coded: Shelf) -> None:
    """The other store's is taken and the bad one named; drilled alone, the bad one is red."""
    coded.back_up(Kind.CODE)
    spoil(coded, Kind.CODE, flip, "local")

    record = drill(coded.system, CODE)
    alone = drill(coded.system, replace(CODE, stores=("local",)))

    assert (record.verdict, record.store) == (Verdict.RECOVERABLE, "second")
    with pytest.raises(PartialBackup, match="not from every copy") as caught:
        require(record)
    assert "local" in caught.value.detail
    assert (alone.verdict, alone.level) == (Verdict.NOT_RECOVERABLE, "checksummed")
    assert alone.repeat[-2:] == ("--store", "local")


@pytest.mark.incident("I28")
def test_the_newest_copy_is_red_when_a_run_is_missing_however_well_it_restores(coded: Shelf) -> None:
    """By the moment that it shows; asked for by its label nothing is held against it, and no copy is to blame."""
    coded.back_up(Kind.CODE)
    manifest = coded.manifest(Kind.CODE)
    proofs = manifest.verifications
    rewrite(coded, manifest, aged(2.1))

    newest, named = drill(coded.system, CODE), drill(coded.system, replace(CODE, backup=manifest.label))
    keep_proofs_of(coded.system, (Found(manifest, manifest.stores),), ("local",), newest)

    assert (newest.verdict, newest.level) == (Verdict.NOT_RECOVERABLE, "stored")
    assert "made every 1 d" in newest.reasons[0]
    assert coded.manifest(Kind.CODE).verifications == proofs
    assert named.verdict == Verdict.RECOVERABLE, named.reasons
    assert named.rpo_seconds == pytest.approx(2.1 * 86400, abs=60)


def _newer(document: dict[str, Any]) -> None:
    document["begin"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()


@pytest.mark.incident("I28")
def test_an_older_backup_under_a_new_label_is_red(coded: Shelf) -> None:
    """The time in the manifest is a day before the label's."""
    coded.back_up(Kind.CODE)
    rewrite(coded, coded.manifest(Kind.CODE), _newer)

    record = drill(coded.system, CODE)

    assert (record.verdict, record.level) == (Verdict.NOT_RECOVERABLE, "stored")
    assert "an older backup under a new label" in record.reasons[0]


@pytest.mark.incident("I27")
def test_a_key_that_is_not_here_says_nothing_of_the_backup(coded: Shelf, people: People, tmp_path: Path) -> None:
    """Every copy is as it was stored, and this host cannot open it: inconclusive, and no proof is kept."""
    coded.back_up(Kind.CODE)
    manifest = coded.manifest(Kind.CODE)
    public = tmp_path / "public.gpg"
    public.write_bytes(people.ring.gpg("--export"))
    encryption = replace(people.settings, gnupg_home=None, public_key_file=public)
    keyless = replace(coded.system, encryption=encryption)

    record = drill(keyless, CODE)
    keep_proofs_of(coded.system, (Found(manifest, manifest.stores),), None, record)

    assert record.verdict == Verdict.INCONCLUSIVE, record.reasons
    assert coded.manifest(Kind.CODE).verifications == manifest.verifications


@pytest.mark.incident("I27")
def test_a_program_that_is_not_here_says_nothing_of_the_backup(
    coded: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without git nobody can tell what is in a bundle."""
    coded.back_up(Kind.CODE)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("gpg", "gpg-agent", "gpgconf"):
        for directory in ("/usr/bin", "/usr/local/bin", "/bin"):
            if (Path(directory) / name).exists():
                (programs / name).symlink_to(Path(directory) / name)
                break
    monkeypatch.setenv("PATH", str(programs))

    record = drill(coded.system, CODE)

    assert record.verdict == Verdict.INCONCLUSIVE, record.reasons
    assert "git" in record.reasons[0]


def test_the_seed_draws_among_all_backups_and_draws_the_same_again(coded: Shelf) -> None:
    """With many seeds every backup comes up, the same seed gives the same one, and age is not held against any."""
    made = {coded.back_up(Kind.CODE).label for _ in range(3)}
    request = replace(CODE, backup="random")

    drawn = [draw_component(coded.system, replace(request, seed=seed)).manifest.label for seed in range(1, 21)]
    again = [draw_component(coded.system, replace(request, seed=seed)).manifest.label for seed in range(1, 21)]
    rewrite(coded, coded.manifest(Kind.CODE, drawn[0]), aged(400))

    assert drawn == again
    assert set(drawn) == made
    assert drill(coded.system, replace(request, seed=1)).verdict == Verdict.RECOVERABLE


def test_a_label_of_something_else_is_no_verdict(coded: Shelf) -> None:
    """Whoever mistypes is told so, and no drill is on record."""
    coded.back_up(Kind.CODE)
    for wrong in ("redis_20260101_020000", "nonsense"):
        with pytest.raises(ConfigurationError):
            draw_component(coded.system, replace(CODE, backup=wrong))
    with pytest.raises(ConfigurationError, match="has no store nowhere"):
        draw_component(coded.system, replace(CODE, stores=("nowhere",)))


def test_a_component_without_configuration_is_drilled_from_its_backups_and_without_any_is_no_verdict(
    shelf: Shelf, coded: Shelf
) -> None:
    """A host that only restores needs no settings of the source; and nobody misses what a system never had."""
    with pytest.raises(ConfigurationError, match="has no code repositories"):
        draw_component(shelf.system, CODE)
    missing = drill(coded.system, CODE)
    coded.back_up(Kind.CODE)

    assert (missing.verdict, missing.level) == (Verdict.NOT_RECOVERABLE, "stored")
    assert drill(shelf.system, CODE).verdict == Verdict.RECOVERABLE

"""Labels and keys: made and parsed in one place, and nothing hostile passes for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dr.catalog import labels
from dr.catalog.labels import Kind, Label, check_system_name
from dr.storage.keys import check_key

SYSTEM = "coreflow360"
LABELS = st.builds(
    Label,
    st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0)),
    st.sampled_from(Kind),
)
LOOK_ALIKES = st.from_regex(
    r"((backup|redis|files|point)_\d{8}_\d{6}|base_\d{8}_\d{6}_(full|incr))[.a-z]?", fullmatch=True
)


def _all_keys(label: Label) -> list[str]:
    if label.kind is Kind.DUMP:
        return [labels.dump_key(SYSTEM, label), labels.globals_key(SYSTEM, label), labels.manifest_key(SYSTEM, label)]
    if label.kind is not Kind.BASE:
        named = (labels.component_key(SYSTEM, label, name) for name in ("dump.rdb.zst", "index.jsonl.zst"))
        return [*named, labels.manifest_key(SYSTEM, label), labels.proofs_key(SYSTEM, label)]
    return [
        labels.archive_key(SYSTEM, label, "base.tar.zst"),
        labels.archive_key(SYSTEM, label, "16385.tar.zst"),
        labels.postgres_manifest_key(SYSTEM, label),
        labels.manifest_key(SYSTEM, label),
    ]


@given(LABELS)
@example(Label(datetime(1, 1, 1, tzinfo=UTC), Kind.DUMP))
def test_a_label_reads_back_as_itself(label):
    """Whatever the time, the name says it whole."""
    assert Label.parse(str(label)) == label


def test_a_label_is_in_utc_whatever_zone_it_was_made_in():
    """Two hosts in two zones name one instant alike."""
    noon = Label(datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=9))), Kind.DUMP)

    assert str(noon) == "backup_20240101_030000"
    assert noon == Label.parse("backup_20240101_030000")


@given(st.one_of(st.text(), LOOK_ALIKES))
@example("backup_20240101_020000\n")
@example("backup_２０２４0101_020000")  # noqa: RUF001
@example("backup_20241301_020000")
@example("backup_20240230_020000")
@example("backup_20240101_020060")
@example("backup_00000101_000000")
@example("base_20240101_020000")
@example("../backup_20240101_020000")
def test_what_is_no_label_is_refused(text):
    """Either a text is exactly the name of a label, or it is a ValueError: no second spelling of one backup."""
    try:
        parsed = Label.parse(text)
    except ValueError:
        return
    assert str(parsed) == text


@given(LABELS, LABELS)
def test_labels_order_by_time(one, other):
    """Newest first is what every list and every policy relies on."""
    if one.created != other.created:
        assert (one < other) == (one.created < other.created)


@pytest.mark.parametrize("kind", Kind)
def test_every_key_of_a_backup_leads_back_to_its_label(kind):
    """From an object key, a path on disk, or the label itself."""
    label = Label(datetime(2024, 1, 1, 2, tzinfo=UTC), kind)

    for key in (*_all_keys(label), str(label)):
        assert Label.from_path(key) == label
        assert Label.from_path(f"/var/backups/{key}") == label
        assert Label.from_path(f"s3://bucket/{key}/") == label


@pytest.mark.parametrize(
    "path",
    ["", "/", "notes.txt", "backup_20240101_020000sql.gz", "xbackup_20240101_020000", "base_20240101_020000_full2/x"],
)
def test_a_path_without_a_label_is_refused(path):
    """Something that merely begins or ends like a label is none."""
    with pytest.raises(ValueError, match="no backup label"):
        Label.from_path(path)


@given(st.text())
def test_no_path_breaks_the_search_for_a_label(path):
    """Whatever an operator types is a label or a ValueError."""
    try:
        Label.from_path(path)
    except ValueError:
        return


@given(LABELS, LABELS)
def test_keys_of_one_backup_never_reach_into_another(one, other):
    """Deleting by prefix removes all of one backup and nothing of any other."""
    prefix = labels.object_prefix(SYSTEM, one)

    assert all(key.startswith(prefix) for key in _all_keys(one))
    if one != other:
        assert not any(key.startswith(prefix) for key in _all_keys(other))


@pytest.mark.parametrize("kind", Kind)
def test_every_key_is_one_that_all_stores_can_hold(kind):
    """Keys pass the stores' own check, and lie under the prefixes they are listed by."""
    label = Label(datetime(2024, 1, 1, 2, tzinfo=UTC), kind)

    for key in _all_keys(label):
        assert check_key(key) == key
        assert key.startswith(labels.kind_prefix(SYSTEM, kind))
        assert key.startswith(labels.system_prefix(SYSTEM))
    assert len(set(_all_keys(label))) == len(_all_keys(label))


def test_the_dump_has_the_name_that_the_guide_gives_it():
    """Operators know these names by heart."""
    label = Label.parse("backup_20240101_020000")

    assert labels.dump_key(SYSTEM, label) == "coreflow360/database/backup_20240101_020000.sql.gz.gpg"
    assert labels.evidence_key(SYSTEM, "run_x", label.created) == "coreflow360/evidence/2024/run_x.json"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "A", "a b", "ä", "-a", ".a", "_a", "a..b", "a" * 64, "a\n", "a\x00", "１", "a/../b"],  # noqa: RUF001
)
def test_a_system_name_that_could_leave_its_prefix_is_refused(name):
    """The name becomes a directory and an S3 prefix."""
    with pytest.raises(ValueError, match="system name"):
        check_system_name(name)


@given(st.text())
def test_a_system_name_that_passes_makes_good_keys(name):
    """Whatever is accepted can be stored everywhere."""
    try:
        check_system_name(name)
    except ValueError:
        return
    assert check_key(labels.system_record_key(name)).startswith(f"{name}/")


@pytest.mark.parametrize("kind", Kind)
def test_what_backups_share_lies_under_no_backups_prefix(kind):
    """Removing a backup must not take along what another one needs."""
    shared = labels.shared_key(SYSTEM, kind, "files_20240101_020000-0001.tar.zst")

    assert check_key(shared) == shared
    assert not any(shared.startswith(labels.kind_prefix(SYSTEM, each)) for each in Kind)

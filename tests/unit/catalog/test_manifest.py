"""Manifests: what is written is what is read, and what is not a manifest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import Lsn
from dr.catalog.manifest import Contents, DatabaseShape, Manifest, Role, TableRows, from_json, to_json
from dr.errors import BackupInvalid
from tests.unit.catalog.examples import DIGEST, NIGHT, manifest, manifests

WHOLE = manifest(
    begin_lsn=Lsn.parse("0/3000028"),
    end_lsn=Lsn.parse("0/3000100"),
    timeline=1,
    database=DatabaseShape("naïve db", "UTF8", "C", "C", "app"),
    contents=Contents((TableRows("public.users", 3),), 12, DIGEST),
    tools={"pg_dump": "18.4"},
)


def _changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(to_json(WHOLE)), **fields}).encode()


@given(manifests())
def test_every_manifest_reads_back_as_itself(original):
    """Nothing is lost, rounded or reordered on the way through the store."""
    assert from_json(to_json(original), "x") == original


def test_a_manifest_can_be_read_without_this_program():
    """Plain indented JSON, hashes and positions as everybody writes them."""
    text = to_json(WHOLE).decode()
    plain = json.loads(text)

    assert text.startswith("{\n")
    assert text.endswith("}\n")
    assert plain["format_version"] == 1
    assert plain["begin_lsn"] == "0/3000028"
    assert plain["begin"] == "2024-01-01T02:00:00Z"
    assert plain["objects"][0]["stored_sha256"] == DIGEST
    assert plain["database"]["name"] == "naïve db"
    assert "naïve db" in text


def test_a_field_from_a_later_version_of_this_format_does_no_harm():
    """What is added without changing the meaning of the rest keeps the format's number."""
    assert from_json(_changed(colour="blue"), "x") == WHOLE


@pytest.mark.parametrize("version", [0, 2, 99, -1, None, "1", 1.5, [], {}])
def test_an_unknown_format_version_is_refused_with_a_way_out(version):
    """A manifest that we might misread is not read, and the error says what to do."""
    with pytest.raises(BackupInvalid, match="manifest format") as caught:
        from_json(_changed(format_version=version), "local:x.manifest.json")

    assert "local:x.manifest.json" in caught.value.message
    assert "RESTORE.md" in caught.value.hint


@given(st.binary(max_size=64))
def test_garbage_is_refused(data):
    """Whatever bytes lie there: never another error, never a manifest."""
    with pytest.raises(BackupInvalid):
        from_json(data, "x")


@given(st.data())
def test_a_cut_manifest_is_refused(data):
    """A write that stopped half-way is no manifest."""
    whole = to_json(WHOLE).rstrip()
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(BackupInvalid):
        from_json(whole[:cut], "x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(json.loads(to_json(WHOLE)))), JSON)
def test_a_field_of_the_wrong_kind_is_refused_or_harmless(field, value):
    """Either refused, or a manifest that all questions can be asked of."""
    try:
        read = from_json(_changed(**{field: value}), "x")
    except BackupInvalid:
        return
    read.proven_level()
    assert read.parsed_label.kind is read.kind
    assert isinstance(read.stored_bytes, int)
    assert isinstance(read.server_major, int)


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "../../etc/passwd"},
        {"label": "backup_20241301_020000"},
        {"label": "backup_20240101_020000\n"},
        {"kind": "base"},  # the label says dump
        {"kind": "tape"},
        {"begin_lsn": "0/xyz"},
        {"begin_lsn": 50331688},
        {"begin": "yesterday"},
        {"begin": "2024-01-01T02:00:00"},  # of no zone
        {"objects": None},
        {"objects": []},  # a backup of nothing
        {"stores": "local"},
        {"verifications": [{"level": "teleported", "store": "local", "passed": True, "at": "2024-01-01T02:00:00Z",
                            "seconds": 1, "run": "r"}]},
    ],
    ids=lambda fields: str(next(iter(fields.items())))[:50],
)  # fmt: skip
def test_a_manifest_that_contradicts_itself_is_refused(fields):
    """Told when it is read, not by a KeyError or a wrong restore later on."""
    with pytest.raises(BackupInvalid) as caught:
        from_json(_changed(**fields), "x")

    assert caught.value.hint


def test_a_manifest_nested_without_end_is_refused():
    """A hostile object must not end the listing of all the others."""
    with pytest.raises(BackupInvalid):
        from_json(b'{"format_version": 1, "tools": ' + b"[" * 100_000, "x")


def test_objects_are_found_by_their_role():
    """The dump has its globals, or it has none."""
    assert WHOLE.object_of(Role.DUMP) is WHOLE.objects[0]
    assert WHOLE.object_of(Role.GLOBALS) is None
    assert WHOLE.stored_bytes == 1_000
    assert WHOLE.server_major == 18
    assert WHOLE.parsed_label == Label(NIGHT, Kind.DUMP)


def test_what_a_manifest_cannot_hold_is_refused_when_it_is_written():
    """A wrong type never reaches the store in some other shape."""
    broken = manifest(tools={"pg_dump": Manifest})

    with pytest.raises(TypeError):
        to_json(broken)

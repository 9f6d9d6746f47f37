"""Manifests for tests: one whole example, and a strategy that makes any that can be stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import Lsn
from dr.catalog.manifest import (
    Compression,
    Contents,
    DatabaseShape,
    EncryptionRecord,
    Level,
    Manifest,
    ObjectRecord,
    Role,
    TableRows,
    Verification,
)

NIGHT = datetime(2024, 1, 1, 2, tzinfo=UTC)
DIGEST = "0123456789abcdef" * 4

texts = st.text(max_size=20)
counts = st.integers(0, 2**63 - 1)
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
labels = st.builds(Label, times.map(lambda time: time.replace(microsecond=0)), st.sampled_from(Kind))
levels = st.sampled_from(Level).map(lambda level: level.name.lower())
verifications = st.builds(
    Verification, levels, texts, st.booleans(), times, st.floats(0, 1e6, allow_nan=False), texts, texts
)
_optional_text = st.none() | texts
_tables = st.lists(st.builds(TableRows, texts, counts), max_size=3).map(tuple)
_objects = st.builds(
    ObjectRecord,
    texts,
    st.sampled_from(Role),
    st.sampled_from(Compression),
    st.none() | counts,
    counts,
    texts,
    counts,
    texts,
    st.none() | st.integers(1, 2**32 - 1),
    _optional_text,
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any manifest whose label and kind agree."""
    label = draw(labels)
    lsn = st.none() | st.integers(0, 2**64 - 1).map(Lsn)
    return Manifest(
        label=str(label),
        kind=label.kind,
        system=draw(texts),
        system_identifier=draw(texts),
        server_version=draw(st.integers(150000, 189999)),
        begin=draw(times),
        end=draw(times),
        objects=draw(st.lists(_objects, min_size=1, max_size=2).map(tuple)),
        stores=draw(st.lists(texts, max_size=3).map(tuple)),
        encryption=draw(st.builds(EncryptionRecord, texts, st.lists(texts, max_size=2).map(tuple))),
        run=draw(texts),
        parent=draw(_optional_text),
        database=draw(st.none() | st.builds(DatabaseShape, texts, texts, texts, texts, texts)),
        superuser=draw(texts),
        timeline=draw(st.none() | st.integers(1, 2**32 - 1)),
        begin_lsn=draw(lsn),
        end_lsn=draw(lsn),
        contents=draw(st.none() | st.builds(Contents, _tables, counts, texts, counts)),
        table_estimates=draw(_tables),
        tools=draw(st.dictionaries(texts, texts, max_size=2)),
        retention_class=draw(texts),
        verifications=draw(st.lists(verifications, max_size=3).map(tuple)),
    )


def proof(store: str, level: str = "listed", *, passed: bool = True, minutes: int = 0) -> Verification:
    """A proof of one store's copy, made some minutes after the backup."""
    return Verification(level, store, passed, NIGHT + timedelta(minutes=minutes), 1.5, "run-1")


def manifest(label: Label | None = None, **other: Any) -> Manifest:
    """A whole manifest; whatever is given by name is put in its place."""
    label = label or Label(NIGHT, Kind.DUMP)
    key = f"coreflow360/database/{label}.sql.gz.gpg"
    fields: dict[str, Any] = {
        "label": str(label),
        "kind": label.kind,
        "system": "coreflow360",
        "system_identifier": "7300000000000000001",
        "server_version": 180004,
        "begin": label.created,
        "end": label.created + timedelta(minutes=3),
        "objects": (ObjectRecord(key, Role.DUMP, Compression.GZIP, 2_000, 900, DIGEST, 1_000, DIGEST),),
        "stores": ("local",),
        "encryption": EncryptionRecord("public-key", (DIGEST[:40].upper(),)),
        "run": "run-1",
        "verifications": (proof("local"),),
    }
    return Manifest(**{**fields, **other})

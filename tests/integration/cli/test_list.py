"""``dr list`` says what is missing, not only what is there."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label, manifest_key, restore_notes_key
from dr.configuration.loading import load
from dr.operations.repositories import open_repository
from tests.integration.cli.command import Dr
from tests.quick_key import quick_encryption
from tests.unit.catalog.examples import manifest

NOW = datetime.now(UTC).replace(microsecond=0)
LOST, ALONE, WHOLE, EXPIRED = (Label(NOW - timedelta(hours=hours), Kind.DUMP) for hours in (3, 2, 1, 20 * 24))


@pytest.fixture
def dr(tmp_path: Path) -> Dr:
    """Two stores: one lost the copy of a dump, one never had that of another, and of an old one it has expired."""
    key = quick_encryption()
    lines = [
        f'[system.shop]\nstate_directory = "{tmp_path}/state"\n[system.shop.encryption]\n',
        f"recipients = {json.dumps(key.recipients)}\ngnupg_home = {json.dumps(str(key.gnupg_home))}\n",
    ]
    for name in ("near", "far"):
        (tmp_path / name).mkdir()
        lines.append(f'[system.shop.stores.{name}]\npath = "{tmp_path}/{name}"\n')
    file = tmp_path / "dr.toml"
    file.write_text("".join(lines))
    system = load(file=file, require_postgres=False).system
    for label, stores in ((LOST, ("near", "far")), (ALONE, ("near",)), (WHOLE, ("near", "far")), (EXPIRED, ("near",))):
        made = manifest(label, system="shop", stores=stores, begin=label.created, end=label.created)
        open_repository(system).publish(made)
    (tmp_path / "far" / manifest_key("shop", LOST)).unlink()
    return Dr({**os.environ, "DR_CONFIG": str(file)}, tmp_path)


def test_a_copy_that_is_missing_is_said_and_not_only_left_out(dr: Dr) -> None:
    """By store, as lost or as never made; a copy that has expired is not called missing."""
    told = dr("list")
    listed = {item["label"]: item["lacking"] for item in dr("list", "--json").document["backups"]}

    assert told.code == 0, told.err
    assert "LOST in far" in told.out
    assert "not in far" in told.out
    assert f"WARNING: far has lost its copies of {LOST}" in told.err
    assert f"WARNING: far never had a copy of {ALONE}" in told.err
    assert listed == {
        str(WHOLE): [],
        str(ALONE): [{"store": "far", "lost": False}],
        str(LOST): [{"store": "far", "lost": True}],
        str(EXPIRED): [],
    }


def test_a_store_that_does_not_answer_is_not_said_to_lack_anything(dr: Dr) -> None:
    """Its disk is not mounted any more: that is said, and nothing else of it."""
    for name in ("near", "far"):
        (dr.directory / name / restore_notes_key("shop")).write_text("as the first backup leaves them: it is in use")
    seen = dr("list")
    (dr.directory / "far").rename(dr.directory / "unmounted")
    told = dr("list", "--json")

    assert "LOST" in seen.out
    assert told.document["failures"].keys() == {"far"}
    assert not any(item["lacking"] for item in told.document["backups"])

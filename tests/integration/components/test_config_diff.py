"""What changed between two backups of configuration: found to the key, and no secret in what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.config.diff import Change, ConfigDiff, How
from dr.configuration.components.config import ConfigSettings
from dr.errors import BackupInvalid, BackupNotFound
from dr.operations.component.config_diff import diff_backups, diff_directories
from tests.integration.components.shelf import Shelf

SECRETS = ("hunter2", "tr0ub4dor", "sk_live_51Hxy0AbCdEf", "pw-in-url", "4711", "plain-first", "plain-second")


@pytest.fixture
def two_backups(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Shelf, str, str]:
    """Before and after a day on which everything was changed."""
    etc = tmp_path / "etc"
    etc.mkdir()
    settings = ConfigSettings(paths=(etc,), environment=("SHOP_*",), environment_files=(tmp_path / "unit",))
    shelf = shelf.with_components(config=settings)
    monkeypatch.setenv("SHOP_LEVEL", "info")
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    monkeypatch.setenv("SHOP_OLD", "true")
    (tmp_path / "unit").write_text("WORKERS=4\nAPI_PIN=4711\n")
    (etc / "app.toml").write_text('[db]\nurl = "postgresql://shop:pw-in-url@db/shop"\npool = 5\n')
    (etc / "app.yaml").write_text("cache:\n  hosts: [one, two]\n  ttl: 30s\n")
    (etc / "app.ini").write_text("[mail]\nhost = smtp.one.example\n")
    (etc / "app.json").write_text('{"a": 1}')
    (etc / "web.conf").write_text("listen 80;\nauth_basic plain-first;\nroot /srv;\n")
    (etc / "gone").write_text("x")
    (etc / "same.env").write_text("A=1\n")
    first = shelf.back_up(Kind.CONFIG).label
    monkeypatch.setenv("SHOP_LEVEL", "debug")
    monkeypatch.setenv("SHOP_PASSWORD", "tr0ub4dor")
    monkeypatch.delenv("SHOP_OLD")
    (tmp_path / "unit").write_text("# more of them\nWORKERS=8\nAPI_PIN=4712\n")
    (etc / "app.toml").write_text('[db]\nurl = "postgresql://shop:hunter2@db/shop"\npool = 9\n')
    (etc / "app.yaml").write_text("cache:\n  hosts: [one, two, sk_live_51Hxy0AbCdEf]\n  ttl: 60s\n")
    (etc / "app.ini").write_text("[mail]\nhost = smtp.two.example\n")
    (etc / "app.json").write_text('{\n  "a": 1\n}')
    (etc / "web.conf").write_text("listen 80;\nauth_basic plain-second;\nroot /srv;\nmore;\n")
    (etc / "web.conf").chmod(0o600)
    (etc / "gone").unlink()
    (etc / "new").symlink_to("web.conf")
    return shelf, first, shelf.back_up(Kind.CONFIG).label


def found(diff: ConfigDiff, place: str, what: str) -> Change:
    """The one change of a key of a file, by its name."""
    chosen = [item for item in diff.changes if Path(item.place).name == place and item.what == what]
    assert len(chosen) == 1, diff.changes
    return chosen[0]


def test_each_change_is_named_to_the_key(two_backups: tuple[Shelf, str, str]) -> None:
    """Added, removed and changed, in every format; switches and small numbers are shown as they are."""
    shelf, first, second = two_backups

    diff = diff_backups(shelf.system, first, second)

    level, workers, pool = found(diff, "environment", "SHOP_LEVEL"), found(diff, "unit", "WORKERS"), "db.pool"
    assert (diff.before, diff.after) == (first, second)
    assert (level.how, level.before, level.after) == (How.CHANGED, "info", "debug")
    assert (workers.before, workers.after) == ("4", "8")
    assert (found(diff, "app.toml", pool).before, found(diff, "app.toml", pool).after) == ("5", "9")
    assert found(diff, "app.yaml", "cache.ttl").after == "60s"
    assert found(diff, "app.yaml", "cache.hosts[2]").how is How.ADDED
    assert found(diff, "environment", "SHOP_OLD").how is How.REMOVED
    assert found(diff, "app.ini", "mail.host").how is How.CHANGED
    assert found(diff, "app.json", "content").after == "comments, order or quoting only"
    assert found(diff, "web.conf", "line 2").how is How.CHANGED
    assert found(diff, "web.conf", "line 4").how is How.ADDED
    assert (found(diff, "web.conf", "mode").before, found(diff, "web.conf", "mode").after) == ("0644", "0600")
    assert found(diff, "gone", "").how is How.REMOVED
    assert found(diff, "new", "").how is How.ADDED
    assert not [item for item in diff.changes if item.place.endswith("same.env")]


def test_no_secret_is_shown(two_backups: tuple[Shelf, str, str]) -> None:
    """Passwords, a PIN, a URL, a token, a host name and lines of no known format appear as fingerprints alone."""
    shelf, first, second = two_backups

    diff = diff_backups(shelf.system, first, second)
    shown = "\n".join(f"{item.what} {item.before} {item.after}" for item in diff.changes)
    again = diff_backups(shelf.system, first, second)

    password = found(diff, "environment", "SHOP_PASSWORD")
    assert [item for item in (*SECRETS, "example") if item in shown] == []
    assert password.before.startswith("#")
    assert password.before != password.after
    assert password.before != found(again, "environment", "SHOP_PASSWORD").before


def test_restored_directories_are_compared_the_same_way(two_backups: tuple[Shelf, str, str]) -> None:
    """What differs between two restored copies is what differs between the backups; a part of one is refused."""
    shelf, first, second = two_backups
    copies = [Path(shelf.restore(Kind.CONFIG, label=label).directory) for label in (first, second)]
    part = Path(shelf.restore(Kind.CONFIG, label=first, wanted=("environment",)).directory)

    by_label = diff_backups(shelf.system, first, second)
    by_directory = diff_directories(*copies)

    def keys(diff: ConfigDiff) -> list[tuple[str, str, How]]:
        return [(item.place, item.what, item.how) for item in diff.changes]

    assert keys(by_directory) == keys(by_label)
    assert by_directory.same == by_label.same > 0
    with pytest.raises(BackupInvalid, match="no whole restored configuration"):
        diff_directories(part, copies[1])


def test_a_damaged_copy_is_passed_over(two_backups: tuple[Shelf, str, str]) -> None:
    """The second store has it whole; without any, nothing is compared; the same backup twice has no difference."""
    shelf, first, second = two_backups
    whole = diff_backups(shelf.system, first, second)
    for path in shelf.files("local", Kind.CONFIG):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    assert len(diff_backups(shelf.system, first, second).changes) == len(whole.changes)
    assert diff_backups(shelf.system, second, second).changes == ()
    with pytest.raises(BackupNotFound):
        diff_backups(shelf.system, first, "config_20200101_000000")

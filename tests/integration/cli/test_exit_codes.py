"""What goes wrong is told by message, hint and exit code, to people and to programs alike."""

from __future__ import annotations

import os
import secrets
import subprocess

import pytest

from dr.catalog.labels import lease_prefix
from dr.storage.lease import Holder, acquire
from dr.storage.local import LocalStore
from tests.integration.cli.command import ARGV, Dr, Ended
from tests.integration.conftest import TestServer, free_port

DUMP_NAME = "backup_20240101_020000.sql.gz.gpg"


def expect(ended: Ended, code: int, kind: str, hint: str) -> None:
    """The exit code, and the same error in the document and on standard error."""
    error = ended.document["error"]
    assert (ended.code, error["exit_code"], error["type"]) == (code, code, kind), ended.err
    assert hint in error["hint"]
    assert f"ERROR: {error['message']}" in ended.err
    assert f"HINT: {error['hint']}" in ended.err


def silent_bucket() -> dict[str, str]:
    """The variables of a bucket at whose address nobody answers."""
    return {
        "AWS_BACKUP_BUCKET": "nowhere",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_wrong_password_is_a_source_error(dr: Dr, server: TestServer, small_database: str) -> None:
    """Exit code 4; the hint says where to look, and neither password is shown."""
    wrong = secrets.token_hex(12)
    refused = dr("backup", "--json", DATABASE_URL=server.url(small_database, wrong))

    expect(refused, 4, "AuthenticationFailed", "DATABASE_URL")
    assert wrong not in refused.out + refused.err


def test_a_host_that_is_down_is_a_source_error(dr: Dr) -> None:
    """Exit code 4, after the retries that could have helped."""
    url = f"postgresql://keeper@127.0.0.1:{free_port()}/shop"

    expect(dr("backup", "--json", DATABASE_URL=url), 4, "ServerUnreachable", "host and port")


def test_a_database_that_is_not_there_is_a_source_error(dr: Dr, server: TestServer) -> None:
    """Exit code 4 for the canary too."""
    expect(dr("canary", "--once", "--json", DATABASE_URL=server.url("nowhere")), 4, "AuthenticationFailed", "database")


def test_an_unknown_label_is_not_found(dr: Dr) -> None:
    """Exit code 10 from ``show`` and from ``recover-db``."""
    label = "backup_20200101_000000"

    expect(dr("show", label, "--json"), 10, "BackupNotFound", "dr list")
    expect(dr("recover-db", label, "--to", "postgresql://x@127.0.0.1:1/x", "--json"), 10, "BackupNotFound", "dr list")


def test_an_empty_repository_has_nothing_to_restore(dr: Dr) -> None:
    """Exit code 10; listing it is no error."""
    expect(dr("recover-db", "--to", "copy", "--yes", "--json"), 10, "BackupNotFound", "dr config show")
    assert dr("list", "--json").document["backups"] == []


def test_a_file_that_is_no_backup_is_invalid(dr: Dr) -> None:
    """Exit code 9: it has a backup's name and not its content (I20)."""
    file = dr.directory / DUMP_NAME
    file.write_bytes(b"SELECT 'plain text';\n" * 100)

    refused = dr("recover-db", str(file), "--to", "postgresql://x@127.0.0.1:1/x", "--json")
    assert refused.code == refused.document["error"]["exit_code"] == 9
    assert refused.document["error"]["type"] == "BackupInvalid"


def test_a_target_that_is_not_empty_is_refused(backed_up: Dr) -> None:
    """Exit code 11, and what was there stays as it was."""
    target = backed_up.directory / "copy"
    target.mkdir()
    (target / "precious").write_text("mine")

    expect(backed_up("recover-db", "--to", "copy", "--yes", "--json"), 11, "TargetRefused", "empty")
    assert [path.name for path in target.iterdir()] == ["precious"]


def test_nobody_to_ask_and_no_consent_is_refused(backed_up: Dr) -> None:
    """Exit code 11 with the option that would have answered."""

    expect(backed_up("recover-db", "--to", "copy", "--json"), 11, "TargetRefused", "--yes")
    assert not (backed_up.directory / "copy").exists()


def test_a_missing_configuration_file_is_a_configuration_error(dr: Dr) -> None:
    """Exit code 3 for every command that needs it."""
    for command in (["config", "show"], ["list"], ["backup"], ["recover-db", "--dry-run"], ["canary", "--once"]):
        expect(dr(*command, "--config", "nowhere.toml", "--json"), 3, "ConfigurationError", "--config")


def test_the_given_file_and_system_are_the_ones_used(dr: Dr) -> None:
    """--config reaches the flows too, relative to where the command was begun, and --system picks from it."""
    (dr.directory / "mine.toml").write_text(
        '[system.one.stores.local]\npath = "one"\n[system.two.stores.local]\npath = "two"\n', encoding="utf-8"
    )
    told = dr("--config", "mine.toml", "config", "show", "--system", "two", "--json").document
    made = dr("backup", "--kind", "dump", "--config", "mine.toml", "--system", "two", "--json")

    assert {"setting": "system", "value": "two", "origin": "argument"} in told["settings"]
    assert made.code == 0, made.err
    assert list((dr.directory / "two" / "two" / "database").glob("*.manifest.json"))
    assert not (dr.directory / "one").exists()


@pytest.mark.incident("I25")
def test_a_second_run_for_one_system_is_held_off(dr: Dr) -> None:
    """Exit code 12, naming who is at work; nothing of the second run is left."""
    store = LocalStore("local", dr.directory / "backups")
    with acquire(store, lease_prefix("coreflow360", "backup"), Holder.here("other-run", "backup")):
        refused = dr("backup", "--json")

    error = refused.document["error"]
    assert (refused.code, error["type"]) == (12, "LeaseHeld")
    assert "other-run" in error["message"] + error["detail"]
    assert dr("list", "--json").document["backups"] == []


def test_what_is_safe_is_told_when_not_everything_is(dr: Dr) -> None:
    """Exit code 14: the local copies are made, the bucket does not answer; the tables say what there is."""
    partly = dr("backup", "--cloud", "--kind", "dump", "--json", **silent_bucket())

    assert (partly.code, partly.document["error"]["type"]) == (14, "PartialBackup"), partly.err
    assert [row["stores"] for row in partly.document["backups"]] == ["local"]


def test_a_store_that_does_not_answer_is_warned_of_when_listing(backed_up: Dr) -> None:
    """One silent store is a warning and exit code 0; when none answers that is exit code 7."""
    bucket = silent_bucket()
    some = backed_up("list", "--json", **bucket)
    (backed_up.directory / "cloud.toml").write_text('[system.coreflow360.stores.cloud]\nbucket = "nowhere"\n')
    environment = {name: value for name, value in backed_up.environment.items() if name != "DR_BACKUP_ROOT"}
    none = Dr(environment, backed_up.directory)("list", "--json", "--config", "cloud.toml", **bucket)

    assert some.code == 0, some.err
    assert len(some.document["backups"]) == 2
    assert "cloud" in some.document["failures"]
    assert "WARNING: store cloud" in some.err
    assert (none.code, none.document["error"]["type"]) == (7, "StoreUnavailable")


def test_a_manifest_that_cannot_be_read_is_warned_of_and_the_rest_listed(dr: Dr) -> None:
    """A damaged manifest hides its own backup and no other."""
    assert dr("backup", "--kind", "dump").code == 0
    folder = dr.directory / "backups" / "coreflow360" / "database"
    (folder / "backup_20240101_020000.manifest.json").write_text("{")
    listed = dr("list", "--json")

    assert listed.code == 0
    assert len(listed.document["backups"]) == 1
    assert "backup_20240101_020000" in listed.document["unreadable"][0]
    assert "WARNING: cannot be read" in listed.err


def test_a_wrong_command_line_is_a_usage_error(dr: Dr) -> None:
    """Exit code 2, with the way to the help; the document says so too."""
    for arguments in (["nonsense"], ["backup", "--nonsense"], ["show"], ["backup", "--kind", "tape"]):
        refused = dr(*arguments, "--json")
        assert (refused.code, refused.document["error"]["exit_code"]) == (2, 2)
        assert "--help" in refused.document["error"]["hint"]


def test_a_reader_that_goes_away_is_no_failure(dr: Dr) -> None:
    """``dr list | head -0``: no traceback, and the exit code is the command's own."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    for arguments in (["list"], ["exit-codes"], ["exit-codes", "--json"]):
        done = subprocess.run(
            [*ARGV, *arguments], env=dict(dr.environment), stdout=write_end, stderr=subprocess.PIPE, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
    os.close(write_end)


def test_a_traceback_is_for_those_who_ask_and_holds_no_secret(dr: Dr) -> None:
    """With -v the error comes with its traceback; a secret that got into a path is blotted out of both."""
    key = dr.environment["BACKUP_ENCRYPTION_KEY"]
    unwritable = {"DR_STATE_DIRECTORY": f"/proc/{key}"}
    short, long = dr("canary", "--once", **unwritable), dr("canary", "--once", "-v", **unwritable)

    assert (short.code, long.code) == (7, 7)
    assert "Traceback" not in short.err
    assert "Traceback" in long.err
    assert "********" in long.err
    assert key not in short.err + long.err

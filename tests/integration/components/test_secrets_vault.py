"""Secrets of a real OpenBao: backed up, wiped, put back, compared by hash; and never shown."""

from __future__ import annotations

import dataclasses
import gzip
import json
import logging
import tarfile
import traceback
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.errors import (
    DrError,
    SourceError,
    SourceInvalid,
    TargetRefused,
)
from dr.secret import Secret
from tests.endpoints.faulty import Faulty, Rule
from tests.endpoints.vault import Vault
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.vault_site import (
    contents_of,
    made_up,
    mount,
    proxy,
    put_back,
    secrets_in,
    server,
    with_secrets,
)

__all__ = ["mount", "proxy", "server"]


@pytest.mark.incident("I21")
def test_a_wiped_vault_gets_every_value_back(shelf: Shelf, server: Vault, mount: str) -> None:
    """Backed up, the engine removed with all it held, put back: the same values, metadata and nothing else."""
    one = server.mount(f"{mount}-v1", version=1)
    server.write(f"{one}/old/style", {"password": made_up(), "big": 12345678901234567890123})
    before = {path: server.read(path) for path in (f"{mount}/data/db", f"{mount}/data/shop/a b/ü", f"{one}/old/style")}
    shelf = with_secrets(shelf, server, mount, one)
    published = shelf.back_up(Kind.SECRETS)
    for path in (mount, one):
        server.ask("DELETE", f"sys/mounts/{path}")

    restored = shelf.restore(Kind.SECRETS)
    probes = shelf.question(Kind.SECRETS, restored)
    laid = put_back(shelf, restored.directory)
    again = put_back(shelf, restored.directory)

    assert published.level == "listed"
    assert not failed(probes)
    assert len(probes) == 3
    assert server.read(f"{mount}/data/db")["data"] == before[f"{mount}/data/db"]["data"]
    assert server.read(f"{mount}/data/shop/a b/ü")["data"] == before[f"{mount}/data/shop/a b/ü"]["data"]
    assert server.read(f"{one}/old/style") == before[f"{one}/old/style"]
    assert server.read(f"{mount}/metadata/db")["custom_metadata"] == {"owner": "shop"}
    assert server.read(f"{mount}/metadata/db")["max_versions"] == 7
    assert laid.count == 4
    assert again.count == 0
    server.ask("DELETE", f"sys/mounts/{one}")


def test_what_is_laid_is_readable_by_hand_and_by_nobody_else(shelf: Shelf, server: Vault, mount: str) -> None:
    """A value is a file of mode 0600 that its path leads to; the index beside it has its hash."""
    server.write(f"sys/policies/acl/{mount}", {"policy": f'path "{mount}/*" {{ capabilities = ["read"] }}'})
    shelf = with_secrets(shelf, server, mount)
    shelf.back_up(Kind.SECRETS)

    directory = Path(shelf.restore(Kind.SECRETS).directory)
    file = directory / "vault" / mount / "db@current.json"

    assert json.loads(file.read_bytes()) == server.read(f"{mount}/data/db")["data"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert (directory / f"vault/sys/policies/acl/{mount}@current.hcl").read_text().startswith("path")
    assert (directory / "vault/sys/auth@current.json").exists()


def test_put_back_overwrites_nothing_that_was_not_named(shelf: Shelf, server: Vault, mount: str) -> None:
    """A secret that differs is refused before anything is written; named in full it is replaced."""
    shelf = with_secrets(shelf, server, mount)
    shelf.back_up(Kind.SECRETS)
    kept = server.read(f"{mount}/data/db")["data"]
    server.write(f"{mount}/data/db", {"data": {"password": "newer"}})
    server.ask("DELETE", f"{mount}/metadata/shop/mail")
    restored = shelf.restore(Kind.SECRETS)

    with pytest.raises(TargetRefused) as refused:
        put_back(shelf, restored.directory)
    with pytest.raises(TargetRefused):
        put_back(shelf, restored.directory, f"vault/{mount}")
    untouched = server.ask("GET", f"{mount}/metadata/shop?list=true")["data"]["keys"]
    put_back(shelf, restored.directory, f"vault/{mount}/db")

    assert f"vault/{mount}/db" in refused.value.detail
    assert "mail" not in untouched
    assert server.read(f"{mount}/data/db")["data"] == kept
    assert server.read(f"{mount}/data/db?version=3")["data"] == {"password": "newer"}


def test_somebody_who_writes_at_the_same_moment_is_not_overwritten(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str
) -> None:
    """Looked at it was absent, written it was there: Vault's own check-and-set refuses, and theirs stays."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)
    server.write(f"{mount}/data/db", {"data": {"password": "theirs"}})
    proxy.rules(Rule(f"GET /v1/{mount}/metadata/db", status=404, answer='{"errors":[]}'))

    with pytest.raises(SourceError, match=f"cannot write {mount}/db"):
        put_back(shelf, restored.directory)

    assert server.read(f"{mount}/data/db")["data"] == {"password": "theirs"}


def test_a_changed_copy_is_noticed_and_not_put_back(shelf: Shelf, server: Vault, mount: str) -> None:
    """One byte of one value differs from its hash: the question fails, and nothing is written."""
    shelf = with_secrets(shelf, server, mount)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)
    file = Path(restored.directory, "vault", mount, "db@current.json")
    file.write_bytes(file.read_bytes().replace(b"5432", b"5433"))

    probes = failed(shelf.question(Kind.SECRETS, restored))

    assert [probe.name for probe in probes] == ["values of vault"]
    with pytest.raises(DrError, match="was changed there"):
        put_back(shelf, restored.directory)


@pytest.mark.incident("I21")
def test_a_vault_that_gives_another_value_than_it_took_is_noticed(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str
) -> None:
    """What was written is read again and compared by hash."""
    server.write(f"{mount}/data/only", {"data": {"password": "correct horse"}})
    proxied = dataclasses.replace(server, url=proxy.url)
    shelf = with_secrets(shelf, proxied, mount)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)
    server.ask("DELETE", f"{mount}/metadata/only")
    proxy.rules(Rule(f"GET /v1/{mount}/data/only", replace=("correct horse", "*************")))

    with pytest.raises(DrError, match="not what was put back") as error:
        put_back(shelf, restored.directory)

    assert error.value.exit_code == 15


def test_a_raft_snapshot_comes_along_and_is_whole(shelf: Shelf, server: Vault, mount: str) -> None:
    """The server's own snapshot is stored as it came, and its sums are compared at backup, read back and question."""
    shelf = with_secrets(shelf, server, mount, vault_snapshot="auto")
    published = shelf.back_up(Kind.SECRETS)

    restored = shelf.restore(Kind.SECRETS)
    snapshot = Path(restored.directory, "vault.snap")
    with tarfile.open(snapshot) as archive:
        names = archive.getnames()
    well = failed(shelf.question(Kind.SECRETS, restored))
    state = bytearray(gzip.decompress(snapshot.read_bytes()))
    state[2000] ^= 1
    snapshot.write_bytes(gzip.compress(bytes(state)))
    ill = failed(shelf.question(Kind.SECRETS, restored))

    assert published.level == "listed"
    assert {"meta.json", "state.bin", "SHA256SUMS"} <= set(names)
    assert shelf.contents(Kind.SECRETS).facts["vault_snapshot"] == "taken"
    assert any("unseal keys" in note for note in restored.laid.notes)
    assert not well
    assert [probe.name for probe in ill] == ["raft snapshot"]


def test_a_deleted_version_is_recorded_without_a_value(shelf: Shelf, server: Vault, mount: str) -> None:
    """What Vault has deleted softly has no value to back up, and is not brought back as one."""
    server.ask("DELETE", f"{mount}/data/shop/mail")
    shelf = with_secrets(shelf, server, mount)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)

    laid = put_back(shelf, restored.directory)

    assert shelf.contents(Kind.SECRETS).facts["vault_deleted"] == "1"
    assert not Path(restored.directory, "vault", mount, "shop", "mail@current.json").exists()
    assert any(f"vault/{mount}/shop/mail" in note for note in laid.notes)


def test_an_approle_logs_in_and_gives_its_token_back(shelf: Shelf, server: Vault, mount: str) -> None:
    """Without a token a role id and its secret id do; what was got for them is revoked in the end."""
    server.write("sys/auth/approle", {"type": "approle"})
    readable = f'path "{mount}/*" {{ capabilities = ["read", "list"] }}'
    listed = 'path "sys/mounts" { capabilities = ["read"] }'
    server.write(f"sys/policies/acl/{mount}-reader", {"policy": f"{readable} {listed}"})
    server.write("auth/approle/role/backup", {"token_policies": [f"{mount}-reader"]})
    role = server.read("auth/approle/role/backup/role-id")["role_id"]
    secret = server.write("auth/approle/role/backup/secret-id")["data"]["secret_id"]
    before = len(server.ask("GET", "auth/token/accessors?list=true")["data"]["keys"])
    shelf = with_secrets(shelf, server, mount, vault_token=None, vault_role_id=role, vault_secret_id=Secret(secret))

    contents = contents_of(shelf)

    assert secrets_in(contents) == (3, "3 values")
    assert len(server.ask("GET", "auth/token/accessors?list=true")["data"]["keys"]) == before
    server.ask("DELETE", "sys/auth/approle")


@pytest.mark.incident("I21")
def test_masked_values_are_told_from_real_ones(shelf: Shelf, server: Vault, mount: str) -> None:
    """One mask among real values is a warning; masks only are no backup."""
    masked = server.mount(f"{mount}-masked")
    server.write(f"{masked}/data/db", {"data": {"password": "********"}})
    both = contents_of(with_secrets(shelf, server, mount, masked))

    with pytest.raises(SourceInvalid, match="every value is a mask"):
        with_secrets(shelf, server, masked).draft(Kind.SECRETS)

    assert both.warnings == ("vault: 1 value is only a mask, such as asterisks",)
    server.ask("DELETE", f"sys/mounts/{masked}")


@pytest.mark.incident("I21")
def test_no_value_appears_in_logs_errors_or_manifests(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at DEBUG, through backup, restore, putting back and failures: not one value, nor the token."""
    value = made_up()
    server.write(f"{mount}/data/canary", {"data": {"password": value}})
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount)
    said: list[str] = []
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "httpx"):
        shelf.back_up(Kind.SECRETS)
        restored = shelf.restore(Kind.SECRETS)
        said += map(str, shelf.question(Kind.SECRETS, restored))
        server.ask("DELETE", f"{mount}/metadata/canary")
        proxy.rules(Rule(f"POST /v1/{mount}/data/canary", status=400, answer=json.dumps({"errors": [f"bad {value}"]})))
        with pytest.raises(DrError) as refused:
            put_back(shelf, restored.directory)
        said += traceback.format_exception(refused.value)
        proxy.rules()
        server.write(f"{mount}/data/canary", {"data": {"password": "other"}})
        with pytest.raises(TargetRefused) as differing:
            put_back(shelf, restored.directory)
        said += traceback.format_exception(differing.value)
    manifest = repr(shelf.manifest(Kind.SECRETS))
    everything = "\n".join((caplog.text, manifest, repr(shelf.system), *said))

    assert "backing up secrets" in caplog.text
    assert value not in everything
    assert server.token.reveal() not in everything
    assert "canary" not in manifest + "\n".join(record.getMessage() for record in caplog.records)
    assert value in Path(restored.directory, "vault", mount, "canary@current.json").read_text()

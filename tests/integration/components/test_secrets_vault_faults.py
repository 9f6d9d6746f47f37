"""What goes wrong between us and a Vault: each with a real server, and a proxy where it is too well to show it."""

from __future__ import annotations

import dataclasses
import gzip
import io
import re
import tarfile

import pytest

from dr.catalog.labels import Kind
from dr.components.registry import BY_KIND
from dr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    SourceInvalid,
)
from dr.secret import Secret
from tests.endpoints.faulty import Faulty, Rule
from tests.endpoints.vault import Vault, unseal
from tests.integration.components.shelf import Shelf
from tests.integration.components.vault_site import (
    contents_of,
    mount,
    proxy,
    secrets_in,
    server,
    with_secrets,
)

__all__ = ["mount", "proxy", "server"]


@pytest.mark.parametrize("how", ["cut", "short"])
def test_a_snapshot_that_ends_early_is_no_backup(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str, how: str
) -> None:
    """The connection breaks, or the answer is short with status 200: an error, and nothing is listed."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount, vault_snapshot="always")
    proxy.rules(Rule("raft/snapshot", cut_after=9000) if how == "cut" else Rule("raft/snapshot", end_after=9000))

    with pytest.raises(ServerUnreachable if how == "cut" else SourceInvalid):
        shelf.draft(Kind.SECRETS)

    assert not shelf.files("local", Kind.SECRETS)


def test_a_snapshot_without_its_sums_is_no_backup(shelf: Shelf, server: Vault, proxy: Faulty, mount: str) -> None:
    """A whole gzip file whose archive lacks SHA256SUMS is what a server leaves that broke off itself."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name in ("meta.json", "state.bin"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    answer = gzip.compress(plain.getvalue()).decode("latin-1")
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount, vault_snapshot="always")
    proxy.rules(Rule("raft/snapshot", status=200, answer=answer))

    with pytest.raises(SourceInvalid, match="not whole"):
        shelf.draft(Kind.SECRETS)


def test_one_forbidden_path_is_a_warning_with_a_number(shelf: Shelf, server: Vault, mount: str) -> None:
    """What the token may not read is counted in the manifest, without its name; the rest is in the copy."""
    policy = f"""
        path "sys/mounts" {{ capabilities = ["read"] }}
        path "{mount}/*" {{ capabilities = ["read", "list"] }}
        path "{mount}/data/shop/mail" {{ capabilities = ["deny"] }}
    """
    shelf = with_secrets(shelf, server, mount, vault_token=server.token_for(policy))

    contents = contents_of(shelf)

    assert contents.warnings == ("vault: 1 path could not be read: permission",)
    assert [item.count for item in contents.items] == [2]
    assert any("policies" in note for note in contents.notes)


def test_engines_that_only_a_snapshot_holds_are_warned_of(shelf: Shelf, server: Vault, mount: str) -> None:
    """Where the token may take no snapshot, other engines are in no copy; and a token that ends soon is noted."""
    server.write(f"sys/mounts/{mount}-transit", {"type": "transit"})
    policy = f"""
        path "sys/mounts" {{ capabilities = ["read"] }}
        path "{mount}/*" {{ capabilities = ["read", "list"] }}
    """
    token = server.token_for(policy, ttl="5h", renewable=False)
    shelf = with_secrets(shelf, server, mount, vault_token=token, vault_snapshot="auto")

    contents = contents_of(shelf)

    assert contents.warnings == ("vault: engines other than key-value are only in a raft snapshot, and none was taken",)
    assert contents.facts["vault_snapshot"] == "none"
    assert any("may not take a raft snapshot" in note for note in contents.notes)
    assert any(re.search("ends in [45] hours", note) for note in contents.notes)
    with pytest.raises(PrivilegeMissing):
        with_secrets(shelf, server, mount, vault_token=token, vault_snapshot="always").draft(Kind.SECRETS)
    server.ask("DELETE", f"sys/mounts/{mount}-transit")


def test_nothing_readable_is_no_backup(shelf: Shelf, server: Vault, mount: str) -> None:
    """A token that may list and read nothing gives an error, not an empty copy."""
    token = server.token_for(
        f'path "sys/mounts" {{ capabilities = ["read"] }} path "{mount}/x" {{ capabilities = [] }}'
    )
    shelf = with_secrets(shelf, server, mount, vault_token=token)

    with pytest.raises(PrivilegeMissing, match="no secret of Vault can be read"):
        shelf.draft(Kind.SECRETS)


def test_a_wrong_token_is_told_from_a_missing_right(shelf: Shelf, server: Vault, mount: str) -> None:
    """Vault says 403 to both; only a token that does not know itself is wrong."""
    shelf = with_secrets(shelf, server, mount, vault_token=Secret("s.wrong"))

    with pytest.raises(AuthenticationFailed) as error:
        shelf.draft(Kind.SECRETS)

    assert "s.wrong" not in str(error.value)


def test_a_sealed_vault_says_what_to_do(shelf: Shelf, server: Vault, mount: str) -> None:
    """Really sealed, and unsealed afterwards."""
    shelf = with_secrets(shelf, server, mount)
    server.ask("PUT", "sys/seal")

    try:
        with pytest.raises(SourceInvalid, match="sealed") as error:
            shelf.draft(Kind.SECRETS)
    finally:
        unseal(server)

    assert "vault operator unseal" in error.value.hint


def test_an_unreachable_vault_is_worth_another_try(
    shelf: Shelf, server: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens there."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url="http://127.0.0.1:9"), "kv")

    with pytest.raises(ServerUnreachable) as error:
        BY_KIND[Kind.SECRETS].open(shelf.system).check()

    assert error.value.retryable
    assert "secrets.vault_address" in error.value.hint


def test_rate_limits_are_waited_for_and_end(shelf: Shelf, server: Vault, proxy: Faulty, mount: str) -> None:
    """Some answers of 429 delay a backup; nothing but 429 ends it with an error worth another try."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount)
    proxy.rules(Rule(f"{mount}/data/db", status=429, headers={"Retry-After": "0"}, times=3))
    contents = contents_of(shelf)
    asked = sum(f"{mount}/data/db" in line for line in proxy.seen())
    proxy.rules(Rule(f"{mount}/data/db", status=429, headers={"Retry-After": "0"}))

    with pytest.raises(SourceBusy):
        shelf.draft(Kind.SECRETS)

    assert asked == 4
    assert contents.items[0].detail.endswith(" values")


def test_a_standby_leads_to_the_active_node_and_nowhere_unsafe(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str
) -> None:
    """A redirect is followed with the token; one to plain http on another machine is refused."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount)
    proxy.rules(Rule(f"{mount}/data/db", status=307, headers={"Location": f"{server.url}/v1/{mount}/data/db"}))
    followed = secrets_in(contents_of(shelf))
    proxy.rules(Rule(f"{mount}/data/db", status=307, headers={"Location": "http://vault.example.org/v1/x"}))

    with pytest.raises(ConfigurationError, match="plain http"):
        shelf.draft(Kind.SECRETS)

    assert followed == secrets_in(contents_of(with_secrets(shelf, server, mount)))


def test_a_secret_that_goes_away_between_list_and_read_is_noted(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str
) -> None:
    """Listed and then not there: counted, and no failure."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount)
    proxy.rules(Rule(f"GET /v1/{mount}/(meta)?data/shop/mail", status=404, answer='{"errors":[]}'))

    contents = contents_of(shelf)

    assert "vault: 1 secret disappeared while the backup ran" in contents.notes
    assert not contents.warnings


def test_a_secret_that_changes_while_it_is_read_is_read_anew(
    shelf: Shelf, server: Vault, proxy: Faulty, mount: str
) -> None:
    """A version that went away since its number was read is looked for again; one that never holds still is busy."""
    shelf = with_secrets(shelf, dataclasses.replace(server, url=proxy.url), mount)
    proxy.rules(Rule(f"GET /v1/{mount}/data/db", status=404, answer='{"errors":[]}', times=2))
    whole = contents_of(shelf)
    proxy.rules(Rule(f"GET /v1/{mount}/data/db", status=404, answer='{"errors":[]}'))

    with pytest.raises(SourceBusy, match="changes whenever"):
        shelf.draft(Kind.SECRETS)

    assert not whole.notes
    assert secrets_in(whole) == secrets_in(contents_of(with_secrets(shelf, server, mount)))

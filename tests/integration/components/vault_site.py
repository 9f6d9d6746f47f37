"""A real OpenBao with secrets in it, a proxy before it that breaks things, and the verbs over its backup."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents
from dr.components.protocol import Laid, PutsBack
from dr.components.registry import BY_KIND
from dr.configuration.components.secrets import SecretsSettings
from tests.endpoints.faulty import Faulty, faulty
from tests.endpoints.vault import Vault, vault
from tests.integration.components.shelf import Shelf


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """One server for all tests; each has mounts of its own."""
    with vault(tmp_path_factory.mktemp("vault")) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(server: Vault, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """Before it, one that breaks things."""
    with faulty(tmp_path_factory.mktemp("faulty"), server.url) as running:
        yield running


@pytest.fixture
def mount(server: Vault) -> Iterator[str]:
    """Three secrets in a key-value engine of version 2."""
    path = server.mount(f"kv-{secrets.token_hex(4)}")
    server.write(f"{path}/data/db", {"data": {"password": made_up()}})
    server.write(f"{path}/data/db", {"data": {"password": made_up(), "port": 5432, "ratio": 1.50}})
    server.write(f"{path}/data/shop/mail", {"data": {"user": "shop", "password": made_up()}})
    server.write(f"{path}/data/shop/a b/ü", {"data": {"token": made_up()}})
    server.write(f"{path}/metadata/db", {"custom_metadata": {"owner": "shop"}, "max_versions": 7})
    yield path
    server.ask("DELETE", f"sys/mounts/{path}")


def made_up() -> str:
    """A value that is nowhere else."""
    return secrets.token_urlsafe(18)


def settings(server: Vault, *mounts: str, **changes: object) -> SecretsSettings:
    """Of these mounts of a server, as root, without a snapshot."""
    given: dict[str, object] = {"vault_address": server.url, "vault_token": server.token, "vault_mounts": mounts}
    return SecretsSettings(**(given | {"vault_snapshot": "never"} | changes))  # type: ignore[arg-type]


def with_secrets(shelf: Shelf, *arguments: object, **changes: object) -> Shelf:
    """A system that has these secrets."""
    return shelf.with_components(secrets=settings(*arguments, **changes))  # type: ignore[arg-type]


def put_back(shelf: Shelf, directory: str, *wanted: str) -> Laid:
    """What lies in a directory, into service."""
    component = BY_KIND[Kind.SECRETS].open(shelf.system)
    assert isinstance(component, PutsBack)
    return component.put_back(shelf.manifest(Kind.SECRETS), Path(directory), wanted)


def secrets_in(contents: ComponentContents) -> tuple[int, str]:
    """How many there are, with how many values."""
    return contents.items[0].count, contents.items[0].detail


def contents_of(shelf: Shelf) -> ComponentContents:
    """What a backup would hold; it is stored, and not published."""
    component = shelf.draft(Kind.SECRETS).manifest.component
    assert component is not None
    return component

"""Settings of stores that cannot work or are not safe are refused before anything is connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dr.configuration.model import StoreSettings
from dr.errors import ConfigurationError, StoreError
from dr.secret import Secret
from dr.storage.opening import open_store


def _s3(**changes: Any) -> StoreSettings:
    return StoreSettings("cloud", "s3", **({"bucket": "bucket"} | changes))


@pytest.mark.parametrize(
    "url",
    [
        "http://minio.example.com:9000",
        "http://10.0.0.7",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[2001:db8::1]:9000",
        "http://0.0.0.0:9000",
        "HTTP://example.com",
    ],
)
def test_plain_http_beyond_this_machine_is_refused(url: str) -> None:
    """Backups, names and signatures do not travel in the clear."""
    with pytest.raises(ConfigurationError, match="plain http") as refusal:
        open_store(_s3(endpoint_url=url))
    assert "https://" in refusal.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000",
        "http://127.8.9.10",
        "http://[::1]:9000",
        "http://localhost:9000",
        "https://s3.example.com",
        None,
    ],
)
def test_loopback_and_https_are_let_through(url: str | None) -> None:
    """Nothing is connected by opening a store."""
    store = open_store(_s3(endpoint_url=url, prefix="/nightly/"))
    assert store.location == "s3://bucket/nightly"
    assert (store.name, store.is_local, store.free_bytes()) == ("cloud", False, None)


@pytest.mark.parametrize("url", ["ftp://example.com", "s3.example.com", "https://", ""])
def test_an_endpoint_must_be_an_address(url: str) -> None:
    """A misspelt endpoint is told at once, and not replaced by AWS."""
    with pytest.raises(ConfigurationError, match="not an http"):
        open_store(_s3(endpoint_url=url))


def test_credentials_in_an_endpoint_are_refused_and_not_repeated() -> None:
    """They would be shown in every error."""
    with pytest.raises(ConfigurationError, match="holds credentials") as refusal:
        open_store(_s3(endpoint_url="https://somebody:open-sesame@s3.example.com"))
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize(
    "settings",
    [
        StoreSettings("x", "ftp"),
        StoreSettings("x", "local"),
        _s3(bucket=""),
        _s3(checksum="md5"),
        _s3(access_key_id="half"),
        _s3(secret_access_key=Secret("half")),
    ],
    ids=["kind", "path", "bucket", "checksum", "no-secret", "no-key"],
)
def test_settings_that_cannot_work_are_told_with_a_hint(settings: StoreSettings) -> None:
    """The name of the store and what to write instead."""
    with pytest.raises(ConfigurationError, match=f"store {settings.name}") as refusal:
        open_store(settings)
    assert refusal.value.hint


def test_a_prefix_is_held_to_the_rules_of_keys() -> None:
    """A prefix that leads elsewhere is refused."""
    with pytest.raises(StoreError, match="not an object key"):
        open_store(_s3(prefix="a/../b"))


def test_a_local_store_is_an_absolute_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default ``backups`` is under the working directory, and said in full."""
    monkeypatch.chdir(tmp_path)
    store = open_store(StoreSettings("local", "local", path=Path("backups")))
    assert store.location == str(tmp_path / "backups")
    assert list(store.list("")) == []
    assert not (tmp_path / "backups").exists()

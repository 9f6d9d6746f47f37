"""The Blocks of everything beside the database, saved on a real server and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import BlockDocumentUpdate
from prefect.exceptions import ObjectNotFound

from blocks import ProtectedSystem, RedisServer
from blocks.components import FORMS
from blocks.protected_system import stored_layer
from deployments.rows import Done
from deployments.system_blocks import register_system
from dr.configuration import Layer, load
from dr.configuration.layers import EnvironmentReference
from dr.configuration.sections import settings_classes
from dr.errors import ConfigurationError
from tests.unit.blocks.every_setting import How, write_everything


@pytest.fixture(autouse=True)
def _nobody_elses(client: SyncPrefectClient) -> Iterator[None]:
    """Another test's system of the same name, on the same server, is not described by what is saved here."""
    yield
    slug = ProtectedSystem.get_block_type_slug()
    with suppress(ObjectNotFound):
        client.delete_block_document(client.read_block_document_by_name("shop", slug).id)


KINDS = {kind for kind, _ in settings_classes()}


def stored(client: SyncPrefectClient, *, include_secrets: bool) -> str:
    """Everything that Prefect's API says about the system's Blocks."""
    slugs = [ProtectedSystem.get_block_type_slug(), *(form.get_block_type_slug() for form in FORMS)]
    documents = [client.read_block_document_by_name("shop", slug, include_secrets=include_secrets) for slug in slugs]
    return json.dumps([document.model_dump(mode="json") for document in documents])


def test_every_setting_of_every_component_survives_its_block(tmp_path: Path, client: SyncPrefectClient) -> None:
    """Saved, read back and merged it is the same system; secrets kept in Prefect are shown to nobody who lists it."""
    everything = write_everything(tmp_path, How.VALUE)
    before = load("shop", file=everything.file, environ=everything.environ)

    ProtectedSystem.from_effective(before).register()
    after = load("shop", environ=everything.environ, block_layer=stored_layer("shop"))

    assert after.system == before.system
    origins = {row[2] for row in after.rows() if row[0].split(".")[0] in KINDS}
    assert origins == {"Block protected-system/shop"}
    shown, kept = stored(client, include_secrets=False), stored(client, include_secrets=True)
    assert not [key for key, secret in everything.hidden.items() if secret in shown]
    assert all(secret in kept for secret in everything.hidden.values())


def written(directory: Path, monkeypatch: pytest.MonkeyPatch, *kinds: str) -> Path:
    """A file that describes a system with these components; its environment is this process's."""
    everything = write_everything(directory, How.ENVIRONMENT, without=tuple(KINDS - {*kinds}))
    for name, value in everything.environ.items():
        monkeypatch.setenv(name, value)
    return everything.file


def kinds_of(layer: Layer | None) -> set[str]:
    """The components that the stored Block speaks of."""
    return {key.split(".")[0] for key in layer or {}} & KINDS


def save(client: SyncPrefectClient, data: dict[str, object]) -> None:
    """As the UI saves an edited system."""
    document = client.read_block_document_by_name("shop", "protected-system")
    client.update_block_document(document.id, BlockDocumentUpdate(data=data, merge_existing_data=False))


def chosen(*parts: str) -> dict[str, object]:
    """What a form sends in which these parts were chosen."""
    block = ProtectedSystem.load("shop")
    references = {name: {"$ref": {"block_document_id": str(getattr(block, name)._block_document_id)}} for name in parts}
    return {"system": "shop", **references}


def test_a_component_that_is_gone_from_the_file_goes_from_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, kept until a replacement is asked for, and then no longer backed up."""
    register_system("shop", written(tmp_path, monkeypatch, "redis", "logs"), replace=True)
    file = written(tmp_path, monkeypatch, "logs")

    kept = register_system("shop", file)
    still = kinds_of(stored_layer("shop"))
    replaced = register_system("shop", file, replace=True)

    assert (kept.done, "redis.url" in kept.detail, still) == (Done.KEPT, True, {"redis", "logs"})
    assert (replaced.done, kinds_of(stored_layer("shop"))) == (Done.UPDATED, {"logs"})


def test_what_a_person_saves_in_the_ui_is_what_the_next_run_uses(
    tmp_path: Path, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edited component counts, and one that the system's form left out is none, whatever its own form says."""
    register_system("shop", written(tmp_path, monkeypatch, "redis", "logs"), replace=True)
    RedisServer(url_env="OTHER_REDIS", cache_only=True).save("shop", overwrite=True)
    save(client, chosen("postgres", "repository", "encryption", "objectives", "redis"))

    layer = stored_layer("shop") or {}

    assert kinds_of(layer) == {"redis"}
    assert layer["redis.url"].value == EnvironmentReference("OTHER_REDIS")
    assert layer["redis.cache_only"].value is True


def test_a_system_saved_without_choosing_its_parts_is_refused_and_made_anew_by_deploying(
    tmp_path: Path, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect's newer form then stores asterisks for secrets; the row of `dr deploy` says which."""
    file = written(tmp_path, monkeypatch, "redis")
    register_system("shop", file, replace=True)
    parts = chosen("postgres", "repository", "encryption", "objectives")
    save(client, {**parts, "redis": {"url_env": "SECRET_OF_REDIS_URL", "url": "********"}})

    with pytest.raises(ConfigurationError, match="asterisks"):
        stored_layer("shop")
    row = register_system("shop", file, replace=True)

    assert (row.done, "redis.url" in row.detail) == (Done.UPDATED, True)
    assert (stored_layer("shop") or {})["redis.url"].value == EnvironmentReference("SECRET_OF_REDIS_URL")

"""From a store's settings to the store."""

from __future__ import annotations

from dr.configuration.model import StoreSettings
from dr.errors import ConfigurationError
from dr.storage.local import LocalStore
from dr.storage.protocol import Store
from dr.storage.s3 import S3Store


def open_store(settings: StoreSettings) -> Store:
    """The store that ``settings`` describe. Connects to nothing; raises ConfigurationError when they cannot work."""
    if settings.kind == "local":
        if settings.path is None:
            raise ConfigurationError(f"store {settings.name}: no directory is given", hint="Set the store's path.")
        return LocalStore(settings.name, settings.path)
    if settings.kind == "s3":
        return S3Store(settings)
    raise ConfigurationError(f"store {settings.name}: kind {settings.kind!r} is not known", hint="Use 'local' or 's3'.")

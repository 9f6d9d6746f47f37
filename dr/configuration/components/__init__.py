"""The settings of everything beside the database, one file per kind; a setting's key begins with the kind's name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dr.configuration.components.certificates import CertificatesSettings
from dr.configuration.components.code import CodeSettings
from dr.configuration.components.config import ConfigSettings
from dr.configuration.components.declared import built
from dr.configuration.components.files import FilesSettings
from dr.configuration.components.images import ImagesSettings
from dr.configuration.components.logs import LogsSettings
from dr.configuration.components.point import PointSettings
from dr.configuration.components.redis import RedisSettings
from dr.configuration.components.secrets import SecretsSettings
from dr.configuration.components.terraform import TerraformSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["COMPONENT_CLASSES", "ComponentSettings", "build_components"]


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """What is beside the database. A component whose settings are all empty is not backed up."""

    redis: RedisSettings = dataclasses.field(default_factory=RedisSettings)
    files: FilesSettings = dataclasses.field(default_factory=FilesSettings)
    config: ConfigSettings = dataclasses.field(default_factory=ConfigSettings)
    code: CodeSettings = dataclasses.field(default_factory=CodeSettings)
    secrets: SecretsSettings = dataclasses.field(default_factory=SecretsSettings)
    certificates: CertificatesSettings = dataclasses.field(default_factory=CertificatesSettings)
    images: ImagesSettings = dataclasses.field(default_factory=ImagesSettings)
    terraform: TerraformSettings = dataclasses.field(default_factory=TerraformSettings)
    logs: LogsSettings = dataclasses.field(default_factory=LogsSettings)
    point: PointSettings = dataclasses.field(default_factory=PointSettings)


COMPONENT_CLASSES: tuple[tuple[str, type[DataclassInstance]], ...] = (
    ("redis", RedisSettings),
    ("files", FilesSettings),
    ("config", ConfigSettings),
    ("code", CodeSettings),
    ("secrets", SecretsSettings),
    ("certificates", CertificatesSettings),
    ("images", ImagesSettings),
    ("terraform", TerraformSettings),
    ("logs", LogsSettings),
    ("point", PointSettings),
)


def build_components(value_of: Callable[[str], object]) -> ComponentSettings:
    """All of them; ``value_of`` gives the merged value of a key such as ``redis.url``, or None."""

    def of(name: str, kind: type[DataclassInstance]) -> DataclassInstance:
        return built(kind, lambda field: value_of(f"{name}.{field}"))

    made = {name: of(name, kind) for name, kind in COMPONENT_CLASSES}
    return ComponentSettings(**made)  # type: ignore[arg-type]

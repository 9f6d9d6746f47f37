"""The forms of everything beside the database, one file per kind."""

from blocks.components.certificates import Certificates
from blocks.components.code import CodeRepositories
from blocks.components.config import EnvironmentConfiguration
from blocks.components.files import FileUploads
from blocks.components.form import ComponentForm
from blocks.components.images import ServerImages
from blocks.components.logs import Logs
from blocks.components.point import RecoveryPointRules
from blocks.components.redis import RedisServer
from blocks.components.secrets import SecretStores
from blocks.components.terraform import InfrastructureCode

FORMS: tuple[type[ComponentForm], ...] = (
    RedisServer,
    FileUploads,
    EnvironmentConfiguration,
    CodeRepositories,
    SecretStores,
    Certificates,
    Logs,
    ServerImages,
    InfrastructureCode,
    RecoveryPointRules,
)

__all__ = [
    "FORMS",
    "Certificates",
    "CodeRepositories",
    "ComponentForm",
    "EnvironmentConfiguration",
    "FileUploads",
    "InfrastructureCode",
    "Logs",
    "RecoveryPointRules",
    "RedisServer",
    "SecretStores",
    "ServerImages",
]

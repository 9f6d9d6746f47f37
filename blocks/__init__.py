"""Configuration that people read and edit in Prefect's UI.

A Block turns into settings of ``dr.configuration`` and does nothing else: no Block opens a connection or a file.
"""

from blocks.alerting import (
    AlertRouting,
    ExpectedSchedules,
    JiraChannel,
    MailChannel,
    OutsideWatcher,
    PagerDutyChannel,
    SlackChannel,
    SmsChannel,
    TeamsChannel,
)
from blocks.backup_repository import BackupRepository, BackupStore
from blocks.components import (
    Certificates,
    CodeRepositories,
    EnvironmentConfiguration,
    FileUploads,
    InfrastructureCode,
    Logs,
    RecoveryPointRules,
    RedisServer,
    SecretStores,
    ServerImages,
)
from blocks.encryption_key import EncryptionKey
from blocks.objectives import Objectives, Target
from blocks.postgres_server import PostgresServer
from blocks.procedures import (
    Application,
    ContentDelivery,
    DnsRecords,
    Erasure,
    IncidentRules,
    Infrastructure,
    LoadBalancer,
    RecoveryPlace,
    SecondRegion,
    Simulation,
    StatusPage,
)
from blocks.protected_system import ProtectedSystem
from blocks.retention import Retention

__all__ = [
    "AlertRouting",
    "Application",
    "BackupRepository",
    "BackupStore",
    "Certificates",
    "CodeRepositories",
    "ContentDelivery",
    "DnsRecords",
    "EncryptionKey",
    "EnvironmentConfiguration",
    "Erasure",
    "ExpectedSchedules",
    "FileUploads",
    "IncidentRules",
    "Infrastructure",
    "InfrastructureCode",
    "JiraChannel",
    "LoadBalancer",
    "Logs",
    "MailChannel",
    "Objectives",
    "OutsideWatcher",
    "PagerDutyChannel",
    "PostgresServer",
    "ProtectedSystem",
    "RecoveryPlace",
    "RecoveryPointRules",
    "RedisServer",
    "Retention",
    "SecondRegion",
    "SecretStores",
    "ServerImages",
    "Simulation",
    "SlackChannel",
    "SmsChannel",
    "StatusPage",
    "Target",
    "TeamsChannel",
]

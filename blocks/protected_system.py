"""One protected system as one composite Block: what to protect, where to, for whom, how fast."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeVar, cast

from prefect.exceptions import ObjectNotFound
from pydantic import Field, HttpUrl, ValidationError
from pydantic.json_schema import SkipJsonSchema

from blocks.alerting import (
    ALERTING_FORMS,
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
from blocks.backup_repository import BackupRepository
from blocks.components import (
    FORMS,
    Certificates,
    CodeRepositories,
    ComponentForm,
    EnvironmentConfiguration,
    FileUploads,
    InfrastructureCode,
    Logs,
    RecoveryPointRules,
    RedisServer,
    SecretStores,
    ServerImages,
)
from blocks.custody import Custody
from blocks.drill import Drill
from blocks.encryption_key import EncryptionKey
from blocks.fields import text
from blocks.form import Form
from blocks.objectives import Objectives
from blocks.postgres_server import PostgresServer
from blocks.procedures import (
    PROCEDURE_FORMS,
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
from blocks.retention import Retention
from blocks.wal import Wal
from dr.configuration import Effective, Layer
from dr.configuration.layers import make_layer
from dr.errors import ConfigurationError
from dr.secret import Secret

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
# Null is left out of the schema: a form would show "a Block or nothing" as a clumsy toggle.
Maybe: TypeAlias = T | SkipJsonSchema[None]
EVERY_FORM = (*FORMS, *PROCEDURE_FORMS, *ALERTING_FORMS)
_SHOWN_FOR_A_SECRET = Secret("********")


class ProtectedSystem(Form):
    """One protected system: what to back up, where to, encrypted for whom, kept how long, recovered how fast.

    Example:
        Load a stored system:
        ```python
        from blocks import ProtectedSystem

        system = ProtectedSystem.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Protected System"
    _block_type_slug: ClassVar[str] = "protected-system"
    _description: ClassVar[str] = (
        "One protected system: what to back up, where to, encrypted for whom, recovered how fast."
    )
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")

    system: str = Field(title="System", description="The system's name: the directory and key prefix of its backups.")
    postgres: PostgresServer = Field(title="PostgreSQL server", description="The server to protect.")
    repository: BackupRepository = Field(title="Repository", description="Where copies live.")
    encryption: EncryptionKey = Field(title="Encryption", description="Who can read the backups.")
    objectives: Objectives = Field(title="Objectives", description="How fast a recovery must be.")
    redis: Maybe[RedisServer] = Field(default=None, title="Redis", description="The Redis to protect, if any.")
    files: Maybe[FileUploads] = Field(default=None, title="File uploads", description="What users have uploaded.")
    config: Maybe[EnvironmentConfiguration] = Field(
        default=None, title="Environment configuration", description="What configures the product on the worker."
    )
    code: Maybe[CodeRepositories] = Field(
        default=None, title="Code repositories", description="The git repositories to protect."
    )
    secrets: Maybe[SecretStores] = Field(default=None, title="Secrets", description="Where secrets are kept.")
    certificates: Maybe[Certificates] = Field(
        default=None, title="SSL certificates", description="Which there are, and what renews them."
    )
    logs: Maybe[Logs] = Field(default=None, title="Logs", description="Which application and audit logs are shipped.")
    images: Maybe[ServerImages] = Field(
        default=None, title="Server images", description="Which servers and databases get images and snapshots."
    )
    terraform: Maybe[InfrastructureCode] = Field(
        default=None, title="Infrastructure as code", description="Modules and states of Terraform or OpenTofu."
    )
    point: Maybe[RecoveryPointRules] = Field(
        default=None, title="Recovery point", description="How close its parts must lie. Empty: the usual rules."
    )
    application: Maybe[Application] = Field(
        default=None,
        title="Application",
        description="How the application is asked whether it works, and the services that make it.",
    )
    balancer: Maybe[LoadBalancer] = Field(
        default=None, title="Load Balancer", description="What spreads requests over the servers."
    )
    cdn: Maybe[ContentDelivery] = Field(
        default=None, title="Content Delivery", description="The cache in front of the application."
    )
    dns: Maybe[DnsRecords] = Field(
        default=None, title="DNS Records", description="The names of the product, and where they lead."
    )
    erasure: Maybe[Erasure] = Field(
        default=None,
        title="Erasure",
        description="People who asked to be forgotten, and how they are erased after a restore.",
    )
    incident: Maybe[IncidentRules] = Field(
        default=None, title="Incident Rules", description="Who is told of an incident, and what its record holds."
    )
    infrastructure: Maybe[Infrastructure] = Field(
        default=None, title="Infrastructure", description="How machines and networks are made again."
    )
    recovery: Maybe[RecoveryPlace] = Field(
        default=None, title="Recovery Place", description="Where a recovery puts what it brings back."
    )
    region: Maybe[SecondRegion] = Field(
        default=None, title="Second Region", description="The replica elsewhere, and how the first region is fenced."
    )
    simulation: Maybe[Simulation] = Field(
        default=None, title="Simulation", description="Whether disasters may be made on purpose here."
    )
    status_page: Maybe[StatusPage] = Field(
        default=None, title="Status Page", description="Where users read how the product is."
    )
    alerts: Maybe[AlertRouting] = Field(default=None, title="Alert routing", description="Who is told what, and when.")
    pagerduty: Maybe[PagerDutyChannel] = Field(default=None, title="PagerDuty", description="Pages who is on call.")
    slack: Maybe[SlackChannel] = Field(default=None, title="Slack", description="#critical-alerts and #alerts.")
    sms: Maybe[SmsChannel] = Field(default=None, title="SMS", description="Text messages by Twilio.")
    mail: Maybe[MailChannel] = Field(default=None, title="Mail", description="Mail by SMTP.")
    jira: Maybe[JiraChannel] = Field(default=None, title="Jira", description="An issue per alert.")
    teams: Maybe[TeamsChannel] = Field(default=None, title="Microsoft Teams", description="A card per alert.")
    pings: Maybe[OutsideWatcher] = Field(
        default=None, title="Outside watcher", description="A dead man's switch that alarms when nothing comes."
    )
    schedules: Maybe[ExpectedSchedules] = Field(
        default=None, title="Expected schedules", description="When what is to run by itself is missing."
    )
    retention: Retention = Field(
        default=Retention(), title="Retention", description="How long local copies stay, and how many at least."
    )
    wal: Wal = Field(default=Wal(), title="WAL", description="What makes a recovery to any moment possible.")
    drill: Drill = Field(default=Drill(), title="Drills", description="What a drill does besides restoring.")
    custody: Custody = Field(
        default=Custody(), title="Key custody", description="What opens the backups when the worker is gone."
    )
    state_directory: str = Field(
        default="",
        title="State directory",
        description="Absolute path, on the worker, of its own notes. Empty: state, where the worker was begun.",
    )
    auto_confirm: bool = Field(
        default=False,
        title="Confirm by itself",
        description="Answer yes to destructive steps. Leave it off unless nobody can be asked.",
    )

    def layer(self) -> Layer:
        """The settings that this Block gives. Raises ConfigurationError where one makes no sense."""
        values: dict[str, object] = {
            **self.postgres.settings(),
            **self.repository.settings(),
            **self.encryption.settings(),
            **self.objectives.settings(),
            **{f"retention.{key}": value for key, value in self.retention.model_dump().items()},
            **{f"wal.{key}": value for key, value in self.wal.model_dump().items()},
            **{f"drill.{key}": value for key, value in self.drill.model_dump().items()},
            **{f"custody.{key}": value for key, value in self.custody.model_dump().items()},
            "state_directory": self.state_directory,
            "auto_confirm": self.auto_confirm,
        }
        for component in self._components():
            values |= component.settings()
        origin = f"Block protected-system/{self._block_document_name or block_name(self.system)}"
        _refuse_asterisks(values, origin)
        return make_layer(values, lambda key: origin, base=Path.cwd(), blank_is_absent=True)

    @classmethod
    def from_effective(cls, effective: Effective) -> Self:
        """The Block that says what a configuration says; secrets by reference where they are given so."""
        system = effective.system
        return cls(
            system=system.name,
            postgres=PostgresServer.from_effective(effective),
            repository=BackupRepository.from_effective(effective),
            encryption=EncryptionKey.from_effective(effective),
            objectives=Objectives.from_effective(effective),
            retention=Retention(**dataclasses.asdict(system.retention)),
            wal=Wal(**_as_form(system.wal)),
            drill=Drill(**_as_form(system.drill)),
            custody=Custody(**_as_form(system.custody)),
            state_directory=str(system.state_directory),
            auto_confirm=system.auto_confirm,
            **{form.kind: form.from_effective(effective) for form in EVERY_FORM},
        )

    def register(self) -> str:
        """Save this Block and its parts under the system's name, replacing older ones; returns that name.

        The parts are saved first, so that the form shows them as Blocks that can be opened, edited and shared.
        """
        name = block_name(self.system)
        for part in (self.postgres, self.repository, self.encryption, self.objectives, *self._components()):
            part.save(name, overwrite=True)
        self.save(name, overwrite=True)
        return name

    def _components(self) -> tuple[ComponentForm, ...]:
        """Those that the system has. Nothing is said of the others: a file or the environment may still give one."""
        return tuple(part for form in EVERY_FORM if (part := getattr(self, form.kind)) is not None)


def _as_form(settings: DataclassInstance) -> dict[str, Any]:
    """Settings as a form takes them: paths as text, empty where there is none."""
    values = dataclasses.asdict(settings)
    return {key: text(value) if value is None or isinstance(value, Path) else value for key, value in values.items()}


def block_name(system: str) -> str:
    """The Block's name for a system: Prefect takes letters, digits and dashes only.

    >>> block_name("billing.eu_1")
    'billing-eu-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", system.lower()).strip("-")


def stored_layer(system: str) -> Layer | None:
    """What the stored Block of ``system`` gives; None when there is none. An unreachable server raises."""
    name = block_name(system)
    try:
        block = cast("ProtectedSystem", ProtectedSystem.load(name))
    except ValueError as error:
        if isinstance(error.__cause__, ObjectNotFound):
            return None
        raise
    except RuntimeError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        # Not chained: pydantic's own text quotes what was typed, secrets included.
        raise ConfigurationError(
            f"the Block protected-system/{name} does not fit this program's form",
            detail=_complaints(error.__cause__),
            hint="Open it in Prefect's UI and save it again, or run `dr deploy`.",
        ) from None
    if block.system != system:
        raise ConfigurationError(
            f"the Block protected-system/{name} describes the system {block.system!r}, not {system!r}",
            hint="Rename one of the two systems so that their Blocks differ in letters and digits.",
        )
    return block.layer()


def _refuse_asterisks(values: Mapping[str, object], origin: str) -> None:
    """Prefect's newer form of a saved system gives its parts back as it was shown them, with no secret in them."""
    masked = [key for key, value in values.items() if value == _SHOWN_FOR_A_SECRET]
    if masked:
        raise ConfigurationError(
            f"the {origin} does not fit: it holds asterisks in place of secrets",
            detail=f"{', '.join(masked)}: as saved by a form in which the parts were not chosen again.",
            hint="Open it in Prefect's UI, choose each of its parts and save; or run `dr deploy --replace-blocks`.",
        )


def _complaints(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found)

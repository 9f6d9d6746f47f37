"""The forms of what recovery procedures touch beyond the copies, one file per section."""

from blocks.components.form import ComponentForm
from blocks.procedures.application import Application
from blocks.procedures.balancer import LoadBalancer
from blocks.procedures.cdn import ContentDelivery
from blocks.procedures.dns import DnsRecords
from blocks.procedures.erasure import Erasure
from blocks.procedures.incident import IncidentRules
from blocks.procedures.infrastructure import Infrastructure
from blocks.procedures.recovery import RecoveryPlace
from blocks.procedures.region import SecondRegion
from blocks.procedures.simulation import Simulation
from blocks.procedures.status_page import StatusPage

PROCEDURE_FORMS: tuple[type[ComponentForm], ...] = (
    Application,
    LoadBalancer,
    ContentDelivery,
    DnsRecords,
    Erasure,
    IncidentRules,
    Infrastructure,
    RecoveryPlace,
    SecondRegion,
    Simulation,
    StatusPage,
)

__all__ = [
    "PROCEDURE_FORMS",
    "Application",
    "ContentDelivery",
    "DnsRecords",
    "Erasure",
    "IncidentRules",
    "Infrastructure",
    "LoadBalancer",
    "RecoveryPlace",
    "SecondRegion",
    "Simulation",
    "StatusPage",
]

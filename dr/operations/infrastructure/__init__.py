"""Machines and networks, made again from their code: plan, show, apply exactly that plan."""

from dr.operations.infrastructure.apply import InfrastructureMade, apply_infrastructure
from dr.operations.infrastructure.plan import InfrastructurePlan, plan_infrastructure

__all__ = ["InfrastructureMade", "InfrastructurePlan", "apply_infrastructure", "plan_infrastructure"]

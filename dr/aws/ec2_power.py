"""EC2's instances switched off: how a server that must not write any more is fenced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dr.aws.errors import translated

if TYPE_CHECKING:
    from botocore.client import BaseClient


class Ec2Power:
    """Stops instances of one region and says how they are. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, client: BaseClient, section: str) -> None:
        self.client: Any = client
        self._section = section

    def stop(self, instances: Sequence[str]) -> None:
        """Ask for it without waiting for their operating systems. Those that are stopped stay so."""
        with translated(self._section, f"stop {', '.join(instances)}"):
            self.client.stop_instances(InstanceIds=list(instances), Force=True)

    def states(self, instances: Sequence[str]) -> dict[str, str]:
        """``running``, ``stopping``, ``stopped``, ``terminated``, ... by id; one that EC2 does not know is left out."""
        filters = [{"Name": "instance-id", "Values": list(instances)}]
        with translated(self._section, "read the states of instances"):
            pages = self.client.get_paginator("describe_instances").paginate(Filters=filters)
            return {
                str(raw["InstanceId"]): str(raw["State"]["Name"])
                for page in pages
                for item in page["Reservations"]
                for raw in item["Instances"]
            }

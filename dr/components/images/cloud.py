"""One region's images, servers and databases, with each client made when it is first used."""

from __future__ import annotations

from functools import cached_property

from dr.aws.ec2 import Ec2Images, ec2_client
from dr.aws.ec2_instances import Ec2Instances
from dr.aws.rds import Rds
from dr.configuration.components.images import ImagesSettings


class Cloud:
    """A region; None is the one that the settings or the profile give. Connects to nothing by itself."""

    def __init__(self, settings: ImagesSettings, region: str | None = None) -> None:
        self._settings = settings
        self._region = region

    @cached_property
    def images(self) -> Ec2Images:
        return Ec2Images(ec2_client(self._settings, self._region))

    @cached_property
    def servers(self) -> Ec2Instances:
        return Ec2Instances(self.images.client)

    @cached_property
    def databases(self) -> Rds:
        return Rds(self._settings, self._region)

    @property
    def region(self) -> str:
        return self.images.region


def clouds(settings: ImagesSettings) -> tuple[Cloud, ...]:
    """The region of the servers first, then the one that gets copies, where there is one."""
    home = Cloud(settings)
    return (home, Cloud(settings, settings.copy_region)) if settings.copy_region else (home,)

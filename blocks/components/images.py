"""Which servers get images, and where a second copy goes, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.aws import AwsForm


class ServerImages(AwsForm):
    """Which servers and databases get images and snapshots, where a second copy goes, and how it is tried.

    Example:
        Load stored servers:
        ```python
        from blocks import ServerImages

        images = ServerImages.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Server Images"
    _block_type_slug: ClassVar[str] = "server-images"
    _description: ClassVar[str] = "Images of EC2 and snapshots of RDS instances, with a copy in another region."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIs.html"
    )
    kind: ClassVar[str] = "images"

    instances: list[str] = Field(
        default=[], title="EC2 instances", description="Ids of the instances to make images of."
    )
    instance_tags: list[str] = Field(
        default=[], title="EC2 instances by tags", description="Instances that have all these tags, each as Key=Value."
    )
    rds_instances: list[str] = Field(
        default=[], title="RDS instances", description="Identifiers of the RDS instances to make snapshots of."
    )
    copy_region: str = Field(
        default="", title="Second region", description="AWS region that gets an encrypted copy of each."
    )
    copy_kms_key_id: str = Field(
        default="",
        title="Second region: key",
        description="KMS key of that region for the copies. Empty: the account's own, which RDS does not take for what"
        " is encrypted.",
    )
    keep: int = Field(default=4, ge=1, title="Keep", description="Images kept of each server, in each region.")
    no_reboot: bool = Field(
        default=True,
        title="Leave running",
        description="What is in the image is then what a power failure would leave. Off: each server is restarted.",
    )
    wait_minutes: float = Field(
        default=90.0, gt=0, title="Wait, minutes", description="How long all images of one region may take together."
    )
    launch_test: bool = Field(
        default=False, title="Launch in drills", description="A drill may launch the copies, which costs money."
    )
    launch_subnet: str = Field(
        default="",
        title="Launch: subnet",
        description="Subnet for launched copies, in the second region if there is one.",
    )
    launch_instance_type: str = Field(
        default="",
        title="Launch: instance type",
        description="Instance type of launched copies. Empty: as the server is.",
    )

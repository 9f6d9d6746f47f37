"""What stands around a product: what leads people to it, where they read how it is, and the machines that it runs on.

Each at a provider of its own, outside of the host that is lost: a load balancer's target group, a CloudFront
distribution and servers at moto (the servers behind a door that says, when told to, that a region is gone); a zone
and its cache at the stand-in for Cloudflare; a status page; and the code of the infrastructure, which real Terraform
applies where it is installed. Every look is at the provider itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dr.aws import tags as ours
from dr.configuration.components import ComponentSettings
from dr.configuration.components.images import ImagesSettings
from dr.configuration.components.terraform import TerraformSettings
from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.cdn import CdnSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.status_page import StatusPageSettings
from tests.contracts.traffic_subjects import client, new_distribution, new_group
from tests.endpoints.cloudflare import Cloudflare, cloudflare
from tests.endpoints.ec2_front import Front, Rule, front
from tests.endpoints.serving import REGION, Endpoint
from tests.endpoints.statuspage import Statuspage, statuspage
from tests.integration.components.states import PROGRAM, module, terraform

AWAY = "eu-central-1"
"""The region that has the second copy of every image."""

NAME = "shop.example.org"
BEFORE, AFTER = "192.0.2.1", "192.0.2.99"
TTL_SECONDS = 300
"""How long whoever asked for the name before may go on to the lost host."""

OLD_SERVERS = ("10.0.0.1", "10.0.0.2")
NEW_SERVERS = ("10.0.8.1", "10.0.8.2")
GROUP, KIND_OF_SERVER, STARTS_WITH = "web", "t3.small", "#!/bin/sh\nexec /opt/shop/serve\n"

_ROLE = {"role": "web"}
_IMAGE_OF_THE_FIRST_SERVER = "ami-12c6146b"
_CODE = f"""\
variable "disaster_recovery" {{
  type    = bool
  default = false
}}
resource "terraform_data" "network" {{ input = "10.0.8.0/24" }}
resource "terraform_data" "server" {{
  count = var.disaster_recovery ? {len(NEW_SERVERS)} : 0
  input = "10.0.8.${{count.index + 1}}"
}}
output "address" {{ value = var.disaster_recovery ? "{AFTER}" : "{BEFORE}" }}
output "servers" {{ value = terraform_data.server[*].output }}
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``distribution`` is CloudFront's; ``group`` the ARN of the target group; ``server`` runs in the home region.

    ``code`` is the infrastructure's root module on the host that will be lost, None where no Terraform is installed.
    """

    amazon: Endpoint
    door: Front
    flare: Cloudflare
    page: Statuspage
    group: str
    distribution: str
    server: str
    code: Path | None

    # --- what a configuration says of it ------------------------------------------------------------------------------

    @property
    def ports(self) -> tuple[int, ...]:
        """Where a machine's gate has to lead for it to reach all of them; the bucket's is another."""
        return tuple(port for url in (self.door.endpoint.url, self.flare.url, self.page.url) if (port := _port(url)))

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is backed up of it."""
        return ("images", "terraform") if self.code else ("images",)

    def protected(self, components: ComponentSettings) -> ComponentSettings:
        """The components with what can be backed up of it: images of the server, the code and its state."""
        at_the_door = {**self._amazon(), "endpoint_url": self.door.endpoint.url}
        tags = tuple(f"{key}={value}" for key, value in _ROLE.items())
        images = ImagesSettings(instance_tags=tags, copy_region=AWAY, wait_minutes=1.0, **at_the_door)
        code = TerraformSettings(directories=(self.code,)) if self.code else TerraformSettings()
        return replace(components, images=images, terraform=code)

    def led_by_amazon(self, dns: DnsSettings, recovery: RecoverySettings) -> dict[str, Any]:
        """Sections of a host that is to make its machines anew and have people led there: to what Terraform says."""
        made = self.code is not None
        return {
            "balancer": BalancerSettings(
                target_groups=(GROUP,),
                primary=OLD_SERVERS,
                recovered=("terraform:servers",) if made else NEW_SERVERS,
                wait_minutes=1.0,
                **self._amazon(),
            ),
            "dns": replace(dns, recovered=("terraform:address",) if made else (AFTER,)),
            "cdn": CdnSettings(distributions=(self.distribution,), wait_minutes=1.0, **self._amazon()),
            "status_page": StatusPageSettings(self.page.url, self.page.page, self.page.token),
            "recovery": replace(recovery, apply_infrastructure=made, launch_subnet=self.subnet()),
        }

    def led_by_cloudflare(self) -> dict[str, Any]:
        """Sections of a host whose name and cache are Cloudflare's."""
        settings: dict[str, Any] = {
            "provider": "cloudflare",
            "zone": self.flare.zone,
            "cloudflare_url": self.flare.url,
            "cloudflare_token": self.flare.token,
        }
        return {
            "dns": DnsSettings(names=(NAME,), primary=(BEFORE,), recovered=(AFTER,), **settings),
            "cdn": CdnSettings(**settings),
        }

    def _amazon(self) -> dict[str, Any]:
        return {
            "region": REGION,
            "endpoint_url": self.amazon.url,
            "access_key_id": self.amazon.access_key_id,
            "secret_access_key": self.amazon.secret_access_key,
        }

    # --- what becomes of it -------------------------------------------------------------------------------------------

    def lose_the_region(self) -> None:
        """From now on EC2 answers nothing of the region in which the server ran."""
        actions = ("DescribeSubnets", "DescribeInstances", "DescribeImages", "RunInstances")
        self.door.rule(*(Rule(one, region=REGION, code="Unavailable", status=503) for one in actions))

    def lead_back(self) -> None:
        """As it was before a disaster."""
        self.door.rule()
        self._lead_back_at_cloudflare()
        balancers = client(self.amazon, "elbv2")
        there = [{"Id": address} for address in self.targets()]
        if there:
            balancers.deregister_targets(TargetGroupArn=self.group, Targets=there)
        balancers.register_targets(TargetGroupArn=self.group, Targets=[{"Id": one, "Port": 80} for one in OLD_SERVERS])

    def _lead_back_at_cloudflare(self) -> None:
        there = [{"id": one["id"]} for one in self.flare.records()]
        before = {"type": "A", "name": NAME, "content": BEFORE, "ttl": TTL_SECONDS}
        self.flare.ask("POST", "/dns_records/batch", {"deletes": there, "posts": [before]})

    # --- what the providers say ---------------------------------------------------------------------------------------

    def targets(self) -> dict[str, str]:
        """The servers of the target group, each with its health."""
        found = client(self.amazon, "elbv2").describe_target_health(TargetGroupArn=self.group)
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"]}

    def invalidations(self) -> list[tuple[str, tuple[str, ...]]]:
        """How far each invalidation of the distribution is, and of which paths.

        Those that were asked for by one reference are one, as they are at CloudFront; moto makes as many as are asked.
        """
        ours_ = client(self.amazon, "cloudfront")
        listed = ours_.list_invalidations(DistributionId=self.distribution)["InvalidationList"].get("Items", [])
        found = [
            ours_.get_invalidation(DistributionId=self.distribution, Id=one["Id"])["Invalidation"] for one in listed
        ]
        known = {one["InvalidationBatch"]["CallerReference"]: one for one in found}
        return [(one["Status"], tuple(one["InvalidationBatch"]["Paths"]["Items"])) for one in known.values()]

    def at_cloudflare(self) -> list[tuple[str, int]]:
        """Where the name leads by Cloudflare's account, with the time to live."""
        return [(one["content"], one["ttl"]) for one in self.flare.records() if one["name"] == NAME]

    def launched(self) -> list[dict[str, Any]]:
        """Every server that full recoveries have launched in the other region."""
        wanted = [{"Name": f"tag:{ours.STATE}", "Values": ["full-recovery"]}]
        found = client(self.amazon, "ec2", AWAY).describe_instances(Filters=wanted)["Reservations"]
        return [instance for one in found for instance in one["Instances"]]

    def subnet(self) -> str:
        """One of the other region's."""
        return str(client(self.amazon, "ec2", AWAY).describe_subnets()["Subnets"][0]["SubnetId"])


def made_by_terraform(directory: Path) -> dict[str, list[str]]:
    """What the state below a directory says that there is: of each resource, what it was made of."""
    (state,) = directory.rglob("terraform.tfstate")
    return {
        one["name"]: [instance["attributes"]["input"]["value"] for instance in one["instances"]]
        for one in json.loads(state.read_bytes())["resources"]
    }


@contextmanager
def surroundings(directory: Path, amazon: Endpoint, host: Path) -> Iterator[Surroundings]:
    """Build them; ``directory`` takes the stand-ins' logs, and the code lies below ``host``, which will be lost."""
    directory.mkdir()
    with front(amazon, directory) as door, cloudflare(directory) as flare, statuspage(directory) as page:
        code = module(host / "network", _CODE) if PROGRAM is not None else None
        if code is not None:
            terraform(code, "init")
            terraform(code, "apply", "-auto-approve")
        old = [{"Id": one, "Port": 80} for one in OLD_SERVERS]
        yield Surroundings(
            amazon, door, flare, page, new_group(amazon, GROUP, *old), new_distribution(amazon), _server(amazon), code
        )


def _port(url: str) -> int | None:
    return urlsplit(url).port


def _server(amazon: Endpoint) -> str:
    answer = client(amazon, "ec2").run_instances(
        ImageId=_IMAGE_OF_THE_FIRST_SERVER,
        InstanceType=KIND_OF_SERVER,
        MinCount=1,
        MaxCount=1,
        UserData=STARTS_WITH,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in _ROLE.items()]}
        ],
    )
    return str(answer["Instances"][0]["InstanceId"])

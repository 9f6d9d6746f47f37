"""Which switches a system has, in the order in which they are thrown.

The load balancer first: names must not lead to servers that are not ready. Then the names. The cache last: emptied
before the names lead elsewhere, it would fill itself from the old side again.
"""

from __future__ import annotations

from dr.configuration.model import System
from dr.traffic.protocol import Switch


def switches(system: System) -> tuple[Switch, ...]:
    """Those that are configured. Raises ``ConfigurationError`` for settings that cannot work; asks nobody."""
    return tuple(opened for make in (_balancer, _dns, _cdn) if (opened := make(system)) is not None)


def _balancer(system: System) -> Switch | None:
    settings = system.procedures.balancer
    if not settings.target_groups:
        return None
    from dr.traffic.target_groups import TargetGroups

    return TargetGroups(settings)


def _dns(system: System) -> Switch | None:
    settings = system.procedures.dns
    if not settings.names:
        return None
    if settings.provider == "cloudflare":
        from dr.traffic.cloudflare_dns import CloudflareNames

        return CloudflareNames(settings)
    from dr.traffic.route53 import Route53Names

    return Route53Names(settings)


def _cdn(system: System) -> Switch | None:
    settings = system.procedures.cdn
    if settings.provider == "cloudflare":
        if not settings.zone:
            return None
        from dr.traffic.cloudflare_cache import CloudflareCache

        return CloudflareCache(settings)
    if not settings.distributions:
        return None
    from dr.traffic.cloudfront import CloudFrontCache

    return CloudFrontCache(settings)

"""What becomes of each part on this host: laid, put back, applied, launched, or left for people, and why."""

from __future__ import annotations

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.redis.server import Server
from dr.configuration.model import System
from dr.operations.full_recovery.places import upload_places, workplace
from dr.policy.full_plan import Then


def destination(system: System, manifest: Manifest) -> tuple[Then, str]:
    """What is done with it, and where it goes, in words."""
    match manifest.kind:
        case Kind.FILES:
            return Then.LAID, ", ".join(map(str, upload_places(manifest)))
        case Kind.CONFIG:
            return Then.LAID, f"{_named(manifest)}; a file that is there already and differs stays as it is"
        case Kind.CERTIFICATES:
            return _certificates(system)
        case Kind.SECRETS:
            return _secrets(system, manifest)
        case Kind.REDIS:
            return _redis(system)
        case Kind.TERRAFORM if system.procedures.recovery.apply_infrastructure:
            return Then.APPLIED, _named(manifest)
        case Kind.IMAGES if system.procedures.recovery.launch_subnet:
            return Then.LAUNCHED, f"into {system.procedures.recovery.launch_subnet}"
    return Then.LEFT, f"below {workplace(system)}"


def _certificates(system: System) -> tuple[Then, str]:
    settings = system.components.certificates
    places = [*map(str, settings.directories), *map(str, settings.pairs)]
    if places:
        return Then.LAID, ", ".join(places)
    return Then.LEFT, "certificates.directories and certificates.pairs do not say where they belong"


def _secrets(system: System, manifest: Manifest) -> tuple[Then, str]:
    ready, left = secret_sources(system, manifest)
    told = f"; {', '.join(left)} left below {workplace(system)}: not set up here" if left else ""
    if not ready:
        return Then.LEFT, told.removeprefix("; ")
    return Then.PUT_BACK, f"{', '.join(ready)}; one that is there with another value is never replaced{told}"


def secret_sources(system: System, manifest: Manifest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where secrets of this backup can be put back from here, and where not for lack of a setting."""
    settings = system.components.secrets
    here = {"files": True, "aws": settings.aws, "vault": settings.vault_address is not None}
    contents = manifest.component or ComponentContents(manifest.begin)
    known = [item.name for item in contents.items if item.name in here]
    return tuple(name for name in known if here[name]), tuple(name for name in known if not here[name])


def _redis(system: System) -> tuple[Then, str]:
    if system.components.redis.url is None:
        return Then.LEFT, "redis.url is not set"
    return Then.PUT_BACK, f"into {Server(system.components.redis)}, which must be empty"


def _named(manifest: Manifest) -> str:
    contents = manifest.component or ComponentContents(manifest.begin)
    names = [item.name for item in contents.items if not item.name.endswith(".json")]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more

"""Full or incremental: look at the server and at the chain in the stores, and let the rule decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dr.catalog.chains import chain_to
from dr.catalog.labels import Kind, Method
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.errors import BackupInvalid, SourceError, StoreError
from dr.operations.check_source import physical_url, source_url
from dr.policy.base_schedule import (
    FIRST_MAJOR,
    BaseMethod,
    ChainRule,
    Choice,
    ParentChain,
    SourceServer,
    choose_method,
    full,
)
from dr.postgres.incremental import read_incremental_state
from dr.postgres.inspection import ServerFacts
from dr.storage.repository import Backup, Repository


def choose_base(
    system: System, facts: ServerFacts, repository: Repository, wanted: BaseMethod, now: datetime
) -> tuple[Choice, Manifest | None]:
    """What to make, and on which parent. Raises ``SourceError`` when only an incremental one would do."""
    if wanted is BaseMethod.FULL:
        return full("a full one was asked for"), None
    if facts.major < FIRST_MAJOR:
        server = SourceServer(facts.version, facts.system_identifier, timeline=0, summarize_wal=False)
        choice, parent = choose_method(server, None, _rule(system), now), None
    else:
        state = read_incremental_state(source_url(system), physical_url(system))
        server = SourceServer(facts.version, facts.system_identifier, state.timeline, state.summarize_wal)
        chain, parent = newest_chain(repository)
        choice = choose_method(server, chain, _rule(system), now)
    if choice.method is Method.FULL:
        return insist(wanted, choice), None
    return choice, parent


def insist(wanted: BaseMethod, choice: Choice) -> Choice:
    """The choice, unless it is a full one and only an incremental one would do."""
    if wanted is BaseMethod.INCREMENTAL and choice.method is Method.FULL:
        raise SourceError(
            "no incremental base backup is possible", choice.reason, "Make a full one: dr backup --kind base --full."
        )
    return choice


def _rule(system: System) -> ChainRule:
    return ChainRule(system.retention.full_days, system.retention.max_chain)


def newest_chain(repository: Repository) -> tuple[ParentChain | None, Manifest | None]:
    """The newest base backup with all it needs, and whether each store that answers has all of it, proven."""
    listing = repository.list([Kind.BASE])
    newest = listing.newest(Kind.BASE)
    if newest is None:
        return None, None
    backups = {str(item.label): item for item in listing.backups}
    manifests = {label: item.manifest for label, item in backups.items()}
    alone = ParentChain(
        (newest.label,), newest.manifest.system_identifier, newest.manifest.timeline, newest.manifest.server_major
    )
    try:
        links = chain_to(str(newest.label), manifests)
    except BackupInvalid as error:
        return replace(alone, broken=error.message), newest.manifest
    answering = [name for name in repository.stores if name not in listing.failures]
    broken = _incomplete(repository, links, backups, answering)
    return replace(alone, labels=tuple(item.parsed_label for item in links), broken=broken), newest.manifest


def _incomplete(
    repository: Repository, links: tuple[Manifest, ...], backups: Mapping[str, Backup], names: list[str]
) -> str:
    """What keeps a store from restoring the chain by itself: each must, for the others may be the ones that burn."""
    for name in names:
        for link in links:
            if name not in backups[link.label].stores:
                return f"store {name} does not have {link.label}"
            if link.proven_level(name) is None:
                return f"the copy of {link.label} in store {name} is not proven"
            problem = _missing_object(repository, name, link)
            if problem:
                return problem
    return ""


def _missing_object(repository: Repository, name: str, link: Manifest) -> str:
    """Proven is what was; whether its objects are there now, in full length, costs one question each."""
    store = repository.store(name)
    for item in link.objects:
        try:
            size = store.head(item.key).size
        except StoreError as error:
            return f"{item.key} of {link.label} is not to be had in store {name}: {error.message}"
        if size != item.stored_bytes:
            return f"{item.key} of {link.label} has {size} bytes in store {name} instead of {item.stored_bytes}"
    return ""

"""Prefect's own automations: it calls a webhook when no good run came in time, and when one crashed or is late.

Of the first it tells again each time that so long has passed. Silence of a run at work is left out: heartbeats come
late on a busy server, and a run that had ended well was told as dead.

A second path beside our alerts, by the server alone: it needs no worker. It dies with the server, so that an outside
watcher is wanted as well (docs/alerts.md). They are applied so that doing it again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prefect.automations import AutomationCore
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import Automation, EventTrigger, Posture
from pydantic import SecretStr

from deployments.rows import DeployedRow, Done
from dr.configuration.model import System

KIND = "automation"
_NAMED = "coreflow360-dr "
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Awaited:
    """A procedure of which a good run is wanted every so often."""

    procedure: str
    within: timedelta


AWAITED = (
    Awaited("daily-backup", timedelta(hours=26)),
    Awaited("wal-shipping", timedelta(hours=1)),
    Awaited("integrity-test", timedelta(hours=50)),
    Awaited("database-recovery-test", timedelta(days=8)),
    Awaited("monitoring", timedelta(minutes=30)),
)


def apply_automations(
    client: SyncPrefectClient, system: System, awaited: tuple[Awaited, ...] = AWAITED
) -> tuple[DeployedRow, ...]:
    """Create, update or remove those of one system, whose deployments are there. One row each.

    Without a webhook (``NOTIFICATION_WEBHOOK``) there is nobody whom Prefect could tell, and there are none.
    """
    if system.notifications.webhook is None:
        return remove_automations(client, system.name)
    webhook = _webhook(system.name, system.notifications.webhook.reveal())
    before = {item.name: item for item in _ours(client, system.name)}
    wanted = list(_wanted(client, system.name, str(webhook), awaited))
    rows = [_apply(client, before.get(item.name), item) for item in wanted]
    stale = [item for name, item in before.items() if name not in {one.name for one in wanted}]
    return (*rows, *(_remove(client, item) for item in stale))


def remove_automations(client: SyncPrefectClient, system: str) -> tuple[DeployedRow, ...]:
    """All of one system's, with it or with its webhook."""
    return tuple(_remove(client, item) for item in _ours(client, system))


def _prefix(system: str) -> str:
    return f"{_NAMED}{system}: "


def remove_orphans(client: SyncPrefectClient) -> tuple[DeployedRow, ...]:
    """Those of systems that have no deployment any more."""
    found = [item for item in _all(client) if item.name.startswith(_NAMED) and ": " in item.name]
    systems = {item.name.removeprefix(_NAMED).partition(": ")[0] for item in found}
    there = {system for system in systems if _is_deployed(client, system)}
    return tuple(row for system in sorted(systems - there) for row in remove_automations(client, system))


def _is_deployed(client: SyncPrefectClient, system: str) -> bool:
    of_system = DeploymentFilter(tags=DeploymentFilterTags(all_=[f"system:{system}"]))
    return bool(client.read_deployments(deployment_filter=of_system, limit=1))


def _ours(client: SyncPrefectClient, system: str) -> list[Automation]:
    return [item for item in _all(client) if item.name.startswith(_prefix(system))]


def _all(client: SyncPrefectClient) -> list[Automation]:
    found: list[Automation] = []
    while page := client.read_automations(limit=_PAGE, offset=len(found)):
        found += page
    return found


def _webhook(system: str, address: str) -> object:
    """The Block that Prefect calls. Its address is a secret there as well."""
    block = Webhook(url=SecretStr(address), method="POST", headers={"Content-Type": "application/json"})
    return block.save(f"coreflow360-dr-{system}".lower().replace("_", "-"), overwrite=True)


def _wanted(
    client: SyncPrefectClient, system: str, webhook: str, awaited: tuple[Awaited, ...]
) -> Iterator[AutomationCore]:
    def made(name: str, text: str, trigger: EventTrigger) -> AutomationCore:
        payload = json.dumps({"text": f"{text}", "system": system, "source": "prefect", "automation": name})
        action = CallWebhook(block_document_id=webhook, payload=payload)
        return AutomationCore(name=_prefix(system) + name, description=text, trigger=trigger, actions=[action])

    for item in awaited:
        deployment = client.read_deployment_by_name(f"{item.procedure}/{system}")
        yield made(
            f"no good {item.procedure}",
            f"CRITICAL {system}: no run of {item.procedure} has ended well for {_shown(item.within)}. Run: dr assess",
            EventTrigger(
                match={"prefect.resource.id": "prefect.flow-run.*"},
                match_related=_related("deployment", f"prefect.deployment.{deployment.id}"),
                after={"prefect.flow-run.Completed"},
                expect={"prefect.flow-run.Completed"},
                posture=Posture.Proactive,
                threshold=1,
                within=item.within,
            ),
        )
    of_system = _related("tag", f"prefect.tag.system:{system}")
    yield made(
        "crashed",
        f"WARNING {system}: a run crashed: {{{{ flow.name }}}}, {{{{ flow_run.name }}}}. Run: dr assess",
        _reactive({"prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}, of_system),
    )
    yield made(
        "late",
        f"WARNING {system}: a run is late, no worker takes it: {{{{ flow.name }}}}. Run: dr assess",
        _reactive({"prefect.flow-run.Late"}, of_system),
    )


def _related(role: str, identifier: str) -> Any:
    return {"prefect.resource.role": role, "prefect.resource.id": identifier}


def _reactive(events: set[str], related: Any) -> EventTrigger:
    return EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=related,
        expect=events,
        posture=Posture.Reactive,
        threshold=1,
    )


def _apply(client: SyncPrefectClient, before: Automation | None, wanted: AutomationCore) -> DeployedRow:
    if before is None:
        client.create_automation(wanted)
        return DeployedRow(KIND, wanted.name, Done.CREATED)
    if _meaning(before) == _meaning(wanted):
        if not before.enabled:
            return DeployedRow(KIND, wanted.name, Done.WARNING, "switched off in Prefect: it tells nobody")
        return DeployedRow(KIND, wanted.name, Done.UNCHANGED)
    client.update_automation(before.id, wanted.model_copy(update={"enabled": before.enabled}))
    return DeployedRow(KIND, wanted.name, Done.UPDATED)


def _meaning(automation: AutomationCore) -> dict[str, Any]:
    found = automation.model_dump(mode="json", include={"description", "trigger", "actions"})
    for name in ("after", "expect", "for_each"):
        found["trigger"][name] = sorted(found["trigger"].get(name) or ())
    return {**found, "trigger": {name: value for name, value in found["trigger"].items() if name != "id"}}


def _remove(client: SyncPrefectClient, automation: Automation) -> DeployedRow:
    client.delete_automation(automation.id)
    return DeployedRow(KIND, automation.name, Done.REMOVED)


def _shown(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 72 else f"{hours:g} h"

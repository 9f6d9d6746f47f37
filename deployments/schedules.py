"""What is deployed for every protected system, and when it runs: data, without Prefect.

A later procedure adds a row. What Prefect would accept and nobody means is refused here, when this module is imported:
an expression that never happens, a time zone that does not exist, two schedules by one slug.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dr.policy.cron import parse_cron

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ENTRYPOINT = re.compile(r"flows\.[a-z_]+\.[a-z_]+")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a procedure runs by itself. ``slug`` keeps it the same schedule when its time changes.

    ``parameters`` are the procedure's, for runs of this schedule only. UTC, unless people's day matters: a local zone
    skips or doubles an hour twice a year.
    """

    slug: str
    cron: str
    timezone: str = "UTC"
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug):
            raise ValueError(f"slug {self.slug!r}: lower-case letters, digits and dashes only")
        parse_cron(self.cron)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {self.timezone!r}") from None


@dataclass(frozen=True, slots=True)
class Procedure:
    """A flow that each protected system gets a deployment of. Without ``schedules`` people run it from its form.

    ``entrypoint`` is the module path that the worker imports; ``description`` is Markdown for Prefect's UI.
    """

    entrypoint: str
    description: str
    tags: tuple[str, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()

    def __post_init__(self) -> None:
        if not _ENTRYPOINT.fullmatch(self.entrypoint):
            raise ValueError(f"entrypoint {self.entrypoint!r} is not flows.MODULE.FUNCTION")
        slugs = [schedule.slug for schedule in self.schedules]
        if len(set(slugs)) != len(slugs):
            raise ValueError(f"{self.entrypoint} has two schedules with the same slug: {', '.join(slugs)}")


PROCEDURES: tuple[Procedure, ...] = (
    Procedure(
        entrypoint="flows.daily_backup.daily_backup",
        description=(
            "Dump with roles and grants, and base backup: compressed, encrypted and stored everywhere in one pass,"
            " read back, then published. Local copies that are old enough expire, each with a reason.\n\n"
            "Runs every day at 02:00 UTC. To run it now: **Run → Quick run**."
        ),
        tags=("dr", "backup"),
        parameters={"cloud": True},
        schedules=(Schedule("daily", "0 2 * * *"),),
    ),
    Procedure(
        entrypoint="flows.application_backup.application_backup",
        description=(
            "What the application is beside its database: Redis, uploads, configuration, code, secrets, certificates"
            " and logs, each stored everywhere, read back, then published. One **recovery point** ties them to the"
            " database's position, says how far apart they lie, and which files that rows name are missing.\n\n"
            "Runs every day at 02:30 UTC. **Run → Custom run** with *only* backs up some of them now."
        ),
        tags=("dr", "backup"),
        parameters={"cloud": True},
        schedules=(Schedule("daily", "30 2 * * *"),),
    ),
    Procedure(
        entrypoint="flows.infrastructure_backup.infrastructure_backup",
        description=(
            "What the servers are made of: images of instances and managed databases, copied to the other region and"
            " waited for, and the state of the infrastructure as code with its drift.\n\n"
            "Runs on Sundays at 05:00 UTC. Where nothing of that is configured it has nothing to do."
        ),
        tags=("dr", "backup"),
        parameters={"cloud": True},
        schedules=(Schedule("weekly", "0 5 * * 0"),),
    ),
    Procedure(
        entrypoint="flows.wal_shipping.wal_shipping",
        description=(
            "See that the WAL comes in and is safe: ship what waits, close the open segment where it hides commits,"
            " bring the stores level, look for gaps on every timeline, read a sample back, and measure what a disaster"
            " now would cost. Where WAL was lost for good, a new base backup is made.\n\n"
            "Runs every 15 minutes beside the receiver (`dr wal receive`), which ships all the time."
        ),
        tags=("dr", "wal"),
        schedules=(Schedule("quarter-hour", "*/15 * * * *"),),
    ),
    Procedure(
        entrypoint="flows.integrity_test.integrity_test",
        description=(
            "Read stored backups and WAL again, from every store: fetch, hash, decrypt, unpack, list. Each copy at"
            " least once in 14 days, everything new the next day, and what was damaged every day until it passes or is"
            " gone.\n\n"
            "Runs every day at 01:00 UTC. **Run → Custom run** with a *backup* reads all copies of that one now."
        ),
        tags=("dr", "verification"),
        schedules=(Schedule("daily", "0 1 * * *"),),
    ),
    Procedure(
        entrypoint="flows.verification.verification",
        description=(
            "All there is to verify: the newest backup of every kind from every store, the WAL's chain on every"
            " timeline, what the escrowed key opens without this host's keys, and the restore of a sample.\n\n"
            "Runs on Sundays at 03:00 UTC."
        ),
        tags=("dr", "verification"),
        schedules=(Schedule("weekly", "0 3 * * 0"),),
    ),
    Procedure(
        entrypoint="flows.database_recovery_test.database_recovery_test",
        description=(
            "Recover the database where nothing gets out: a base backup with WAL to a random second of the recoverable"
            " window, the newest dump with its globals, and one compared with the other at the same snapshot. RTO and"
            " RPO are measured against the objectives of a database corruption.\n\n"
            "Runs on Saturdays at 01:00 UTC."
        ),
        tags=("dr", "drill"),
        schedules=(Schedule("weekly", "0 1 * * 6"),),
    ),
    Procedure(
        entrypoint="flows.component_recovery_test.component_recovery_test",
        description=(
            "Bring back everything that is not the database, each component by itself, in a directory of its own:"
            " restored, questioned, measured, removed. A backup that is older than promised is red.\n\n"
            "Runs on Saturdays at 03:00 UTC."
        ),
        tags=("dr", "drill"),
        schedules=(Schedule("weekly", "0 3 * * 6"),),
    ),
    Procedure(
        entrypoint="flows.full_dr_test.full_dr_test",
        description=(
            "Recover the newest there is of every kind, the database's and every component's, as if the whole system"
            " were gone, held against the objectives of a full failure.\n\n"
            "Runs on the first of each month at 01:00 UTC."
        ),
        tags=("dr", "drill"),
        schedules=(Schedule("monthly", "0 1 1 * *"),),
    ),
    Procedure(
        entrypoint="flows.dr_test.dr_test",
        description=(
            "The data centre is gone: recover from the stores of other regions alone, held against the objectives of a"
            " data-centre outage.\n\n"
            "Runs on the first of each month at 04:00 UTC."
        ),
        tags=("dr", "drill"),
        schedules=(Schedule("monthly", "0 4 1 * *"),),
    ),
    Procedure(
        entrypoint="flows.monitoring.monitoring",
        description=(
            "Measure from the stores: ages, sizes, WAL, drills, storage, certificates, keys. Hold it against the rules,"
            " and tell people what is new, what goes on for long, and what is over.\n\n"
            "Runs every 5 minutes. Who runs Prometheus can have the same rules there and pause this."
        ),
        tags=("dr", "alerts"),
        schedules=(Schedule("five-minutes", "*/5 * * * *"),),
    ),
    Procedure(
        entrypoint="flows.alert_self_test.alert_self_test",
        description=(
            "Does an alert reach people? A test message through every channel of the system, confirmed by each"
            " provider's own answer. Fewer than two confirmed is a failure, and a critical alert on what is left.\n\n"
            "Runs every day at 08:00 UTC."
        ),
        tags=("dr", "alerts"),
        schedules=(Schedule("daily", "0 8 * * *"),),
    ),
    Procedure(
        entrypoint="flows.restore_drill.restore_drill",
        description=(
            "Restore one backup for no other reason than to see that it works: isolated, questioned, measured, removed."
            " Ends as *recoverable*, *not recoverable* with the first failing level, or *inconclusive* where the host"
            " lacks something.\n\n"
            "Never runs by itself. **Run → Custom run** with *scenario*, *method*, *target* and *seed*; the report ends"
            " with the command that repeats it."
        ),
        tags=("dr", "drill"),
    ),
    Procedure(
        entrypoint="flows.component_drill.component_drill",
        description=(
            "Restore the backup of one component (Redis, uploads, configuration, code, ...) for no other reason than to"
            " see that it works: into a private directory, questioned, measured, removed. Nothing is put back into"
            " service.\n\n"
            "Never runs by itself. **Run → Custom run** with a *kind*; *backup* `random` takes any there is."
        ),
        tags=("dr", "drill"),
    ),
    Procedure(
        entrypoint="flows.assess.assess",
        description=(
            "How is everything, how bad is that, what to type next: database, Redis, application, disk, backups, key,"
            " WAL, certificates, drills and schedules, asked at once as seen from the worker, in under ten seconds"
            " whatever hangs.\n\n"
            "Never runs by itself. **Run → Quick run**; the screen is the run's artifact *assessment*."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.verify_recovery.verify_recovery",
        description=(
            "Is the recovered system really back? Database, application, Redis, uploads, certificates and jobs are"
            " asked at once; tables, rows, extensions and roles are compared with what was there before; a backup is"
            " taken, and WAL is seen to arrive.\n\n"
            "Never runs by itself. **Run → Custom run** after a recovery; *against* names a backup or a baseline."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.simulate_disaster.simulate_disaster",
        description=(
            "A disaster on a test system, for real: pages overwritten on disk, services killed, data taken away, all of"
            " it kept so that it can be undone. Refused unless configuration and database say that it is a test system"
            " and nothing knows it as production.\n\n"
            "Never runs by itself. **Run → Custom run** with *dry run* shows the plan; otherwise a form asks for the"
            " system's name. The worker must be on the test system's host."
        ),
        tags=("dr", "drill"),
    ),
    Procedure(
        entrypoint="flows.simulate_disaster.undo_simulation",
        description=(
            "Put back what a simulated disaster took away; what has come in its place is kept aside.\n\n"
            "Never runs by itself. **Run → Custom run** with *dry run* shows what would be put back."
        ),
        tags=("dr", "drill"),
    ),
    Procedure(
        entrypoint="flows.quarterly_drill.quarterly_drill",
        description=(
            "The quarterly drill: a checklist, a baseline, a disaster on a test system, its recovery by the real"
            " procedure, and a comparison of before with after and of RTO and RPO with their targets.\n\n"
            "Never runs by itself. **Run → Custom run**: confirm the three items of the checklist; a form then asks for"
            " the system's name."
        ),
        tags=("dr", "drill"),
    ),
    Procedure(
        entrypoint="flows.recover_database.recover_database",
        description=(
            "Find a backup, plan, restore it, boot it and question it; the run ends with RTO by phase and RPO against"
            " the scenario's objectives.\n\n"
            "Never runs by itself. **Run → Custom run** restores the latest backup into a new directory beside the"
            " running system, which stays untouched; *dry run* stops after the plan. *In place* and *swap* replace"
            " production's data directory, which is kept, after a form has asked for the system's name; *before"
            " corruption* searches the last good moment; *undo* puts the old directory back."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.recover_application.recover_application",
        description=(
            "The application does not answer: services that are down are restarted in the order of what needs what, its"
            " health and session addresses are asked until they are well, caches are warmed. What does not come goes"
            " back to the release before.\n\n"
            "Never runs by itself. **Run → Custom run** with *dry run* looks and shows the plan; otherwise a form asks"
            " for the system's name. The worker must be where the services can be reached from."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.full_recovery.full_recovery",
        description=(
            "Everything is gone: all parts of a recovery point are restored beside each other on the worker's host,"
            " brought to their places, started, verified, and only then is traffic led there. Nothing is overwritten;"
            " a run that was cut off is gone on with. Beside another region's server that is in charge it is refused;"
            " *exercise* practises beside it, and changes nothing outside of the worker's host.\n\n"
            "Never runs by itself. **Run → Custom run** with *dry run* shows the plan; otherwise a form asks for the"
            " system's name. `dr full-recovery` does the same without Prefect."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.region_failover.region_failover",
        description=(
            "The first region is gone: its server is fenced, which is proven before anything else; the WAL that only"
            " the stores have is replayed; the second region's server is promoted, its application begun, DNS led"
            " there, all of it verified and backed up.\n\n"
            "Never runs by itself. **Run → Custom run**: *dry run* only looks; otherwise a form asks for the system's"
            " name. The worker must be on the host of the second region's server."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.fail_back.fail_back",
        description=(
            "Back to the first region: its old server is kept out, what only it has is listed and copied aside, it"
            " becomes a replica and catches up. Then the second region's server is shut down in order, both are"
            " compared, and the first takes over; nothing is lost.\n\n"
            "Never runs by itself. **Run → Custom run**: *prepare only* stops before anybody notices. The worker must"
            " be on the host of the first region's server."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.switch_traffic.switch_traffic",
        description=(
            "Requests are led to another side, or back: the load balancer's servers, then names, then caches, each read"
            " back. Nothing is recovered by it.\n\n"
            "Never runs by itself. **Run → Custom run** with *dry run* shows the plan; otherwise a form asks for the"
            " system's name."
        ),
        tags=("dr", "recovery"),
    ),
    Procedure(
        entrypoint="flows.side_restore.side_restore",
        description=(
            "One table or schema as it was at a moment, beside what is there: a copy is recovered to that moment on the"
            " worker, and what is wanted is loaded from it under a schema of its own, or written as an encrypted file."
            " The application goes on.\n\n"
            "Never runs by itself. **Run → Custom run**: name a *table* or a *schema name* and a *target time*."
        ),
        tags=("dr", "recovery"),
    ),
)

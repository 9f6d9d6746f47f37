"""Faults made and mended in a real product while a real Prometheus looks on: played once, looked at by many tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dr.configuration.alerting.teams import TeamsSettings
from dr.configuration.components.terraform import TerraformSettings
from dr.configuration.model import NotificationSettings, StoreSettings
from dr.demo.estate import SYSTEM
from dr.operations.application.start import start_services
from dr.operations.measure.runs import expected_of
from dr.operations.measure.schedules import MONITORING
from dr.operations.wal.status import read_status
from dr.secret import Secret
from tests.endpoints.line import Line, line
from tests.endpoints.receivers import Receivers, receivers
from tests.integration.prometheus import faults
from tests.integration.prometheus.fired import Act, of
from tests.integration.prometheus.observatory import Observatory, observatory, subject, told, until
from tests.integration.prometheus.scheduler import Scheduler, beginning
from tests.scenarios.product import Product, product
from tests.scenarios.product_services import DATABASE

Firing = dict[str, list[dict[str, Any]]]
LATER_DAYS = 85
"""The certificate is one of 90."""
OBJECTIVE = f"""
[system.{SYSTEM}.objectives.database-corruption]
rto_minutes = 0.005
"""
"""That no recovery keeps."""


@dataclass(slots=True)
class Story:
    """What fired at the end of each act, and what still did when its faults were mended."""

    shop: Product
    watch: Observatory
    receivers: Receivers
    scheduler: Scheduler
    cloud: Line
    directory: Path
    fired: dict[Act, Firing] = field(default_factory=dict)
    after: dict[Act, Firing] = field(default_factory=dict)

    def received(self, provider: str, path: str = "") -> list[dict[str, Any]]:
        """What a provider got, at a path that begins so."""
        return [entry for entry in self.receivers.received(provider) if entry.get("path", "").startswith(path)]

    def wait_until_told(self, what: str, provider: str, path: str = "", also: str = "") -> None:
        """That a provider was sent a message with this in it."""
        until(
            lambda: any(what in told(e) + subject(e) and also in told(e) for e in self.received(provider, path)),
            f"{what} {also} by {provider} {path}",
        )

    def fires(self, act: Act) -> None:
        """All its rules, at once."""
        self.fired[act] = self.watch.wait_until_firing(*of(act))

    def is_over(self, act: Act) -> None:
        """None of them fires any more."""
        self.after[act] = self.watch.wait_until_over(*of(act))

    def places(self) -> tuple[Path, ...]:
        """The directories of the stores, that of the small one as we reach it."""
        own = [item.path for item in self.shop.system.stores if item.path is not None]
        return (*own, self.watch.exporter.inside(self.watch.exporter.disk / "store"))

    def seen(self, more: str = "", **other: Any) -> dict[str, str]:
        """The system as the exporter sees it: with one store more, on the small disk that nobody else sees; and what
        is ``other`` than in the product, or ``more`` in its configuration.
        """
        before = {name: getattr(self.shop.system, name) for name in ("stores", *other)}
        small = StoreSettings("small", "local", path=self.watch.exporter.disk / "store")
        self.shop.reconfigure(stores=(*self.shop.system.stores, small), **other)
        environment = {**self.shop.environment, "PREFECT_API_URL": self.scheduler.server.api}
        self.shop.reconfigure(**before)
        file = Path(environment["DR_CONFIG"])
        file.write_text(file.read_text() + more)
        return environment


@contextmanager
def played(directory: Path) -> Iterator[Story]:
    """The whole story; its processes go on running until the end."""
    with (
        receivers(directory) as told,
        beginning(directory / "scheduler", SYSTEM) as begun,
        product(directory / "here", kinds=("files", "certificates"), receiver=False) as shop,
        line(faults.port_of(shop.system.stores[1])) as cloud,
        observatory(directory, told) as watch,
    ):
        attic = StoreSettings("attic", "local", path=directory / "attic")
        shop.reconfigure(
            stores=(*faults.through(cloud, shop.system.stores), attic),
            notifications=NotificationSettings(webhook=Secret(f"{told.url}/hook/test")),
        )
        clock = begun()
        clock.register((*(item.procedure for item in expected_of(shop.system)), MONITORING))
        story = Story(shop, watch, told, clock, cloud, directory)
        _faults(story)
        _all_stores_gone(story)
        with _much_later(story):
            yield story


def _faults(story: Story) -> None:
    shop, watch = story.shop, story.watch
    key = faults.second_key(shop)
    with shop.receiving() as receiver:
        faults.fill_ledger(shop)
        for _ in range(4):
            shop.dr("backup")
            faults.beat(shop)
        shop.tie_together()
        shop.dr("alert", "test", code=25)  # one channel is not enough, and is tested nevertheless
        removed = faults.remove_wal(shop)
        watch.exporter.start(story.seen(encryption=replace(shop.system.encryption, recipients=(key.fingerprint,))))

        faults.empty_ledger(shop)
        made = shop.dr("backup", code=14)["backups"]  # it says so itself: the size is out of band
        label = next(item["backup"] for item in made if item["kind"] == "dump")
        whole = faults.damage(shop, label)
        shop.run("verify-backup", label)
        story.scheduler.pause("daily-backup")
        late = story.scheduler.late_run(MONITORING)
        shop.dr("metrics", "--write", str(watch.textfile))
        faults.make_old(watch.textfile)
        receiver.kill()
    filler = watch.exporter.inside(watch.exporter.disk) / "filler"
    filler.write_bytes(bytes(7_700_000))
    # First: a store that is silent could have the segment, and then nobody knows whether the window is broken.
    watch.wait_until_firing("pitr-broken")
    attic = story.directory / "attic"
    away = attic.rename(attic.with_name("away"))
    story.fires(Act.FAULTS)

    filler.unlink()
    away.rename(attic)
    faults.put_back(shop, removed)
    story.scheduler.pause("daily-backup", paused=False)
    with (
        story.scheduler.worked_on(story.directory, late, shop.environment),
        shop.receiving() as receiver,
    ):
        for path, data in whole.items():
            path.write_bytes(data)
        shop.dr("verify-backup", label)
        key.lives_for_ever()
        teams = replace(shop.system.alerting, teams=TeamsSettings(Secret(f"{story.receivers.url}/teams/test")))
        shop.reconfigure(encryption=replace(shop.system.encryption, recipients=(key.fingerprint,)), alerting=teams)
        shop.dr("alert", "test")
        faults.fill_ledger(shop)
        shop.dr("backup")
        shop.dr("backup", "--kind", "base")
        shop.tie_together()
        for _ in range(3):
            shop.dr("drill", "--method", "logical")
        shop.dr("metrics", "--write", str(watch.textfile))
        story.is_over(Act.FAULTS)


def _all_stores_gone(story: Story) -> None:
    """The receiver goes on, and WAL waits on its host; then that is killed."""
    shop, places = story.shop, story.places()
    with shop.receiving() as receiver:
        story.cloud.cut()
        for place in places:
            place.rename(place.with_name(f"{place.name}-away"))
            place.symlink_to(place.name)  # cannot be read: one that is not there and never held anything is a new one
        faults.write_wal(shop)
        story.fires(Act.GONE)
        until(lambda: (told := read_status(shop.system)) and told.waiting_segments, "WAL waits on this host")
        receiver.kill()
    for place in places:
        place.unlink()
        place.with_name(f"{place.name}-away").rename(place)
    story.cloud.mend()
    story.is_over(Act.GONE)


@contextmanager
def _much_later(story: Story) -> Iterator[None]:
    """And today again; what runs then runs on."""
    shop, watch = story.shop, story.watch
    with faults.taken_away(shop, "certificates"):
        shop.kill(DATABASE)
        story.scheduler.hang()
        ended = replace(shop.system.encryption, recipients=(faults.ended_key(shop),))
        state = replace(shop.system.components, terraform=TerraformSettings(state_files=(story.directory / "state",)))
        watch.exporter.start(story.seen(OBJECTIVE, encryption=ended, components=state), LATER_DAYS)
        story.fires(Act.LATER)
        watch.exporter.kill()
        story.fires(Act.SILENCE)
    story.scheduler.hang(hung=False)
    start_services(shop.system, ((DATABASE,),))
    with shop.receiving():
        watch.exporter.start(story.seen())
        story.is_over(Act.SILENCE)
        story.is_over(Act.LATER)
        yield

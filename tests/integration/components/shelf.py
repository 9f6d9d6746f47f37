"""A system with two local stores and a real key pair, and the verbs over its components, as a flow calls them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.registry import BY_KIND
from dr.configuration.components import ComponentSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.operations.component.back_up import back_up_component
from dr.operations.component.restore import RestoredComponent, find_component, restore_component
from dr.operations.draft import Draft
from dr.operations.prove import prove
from dr.operations.publish import Published, publish
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.retention_periods import STANDARD
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class Shelf:
    """``directory`` holds the stores ``local`` and ``second``, the state, and whatever the test puts beside them."""

    directory: Path
    system: System

    def with_components(self, **settings: object) -> Shelf:
        """The same with these settings: ``with_components(code=CodeSettings(...))``."""
        components = dataclasses.replace(self.system.components, **settings)  # type: ignore[arg-type]
        return dataclasses.replace(self, system=dataclasses.replace(self.system, components=components))

    def drafts(self, kind: Kind) -> tuple[Draft, ...]:
        """Every part stored, none yet proven."""
        classes = BY_KIND[kind].classes(self.system)
        return tuple(back_up_component(self.system, kind, run="run-1", cloud=True, keep_as=name) for name in classes)

    def draft(self, kind: Kind) -> Draft:
        """Stored, not yet proven, of a kind that has no parts."""
        (draft,) = self.drafts(kind)
        return draft

    def back_up_all(self, kind: Kind) -> tuple[Published, ...]:
        """Every part stored, read back, published."""
        return tuple(publish(self.system, draft, prove(self.system, draft, run="run-1")) for draft in self.drafts(kind))

    def back_up(self, kind: Kind, keep_as: str = STANDARD) -> Published:
        """Stored, read back, published: a kind that has no parts, or one part of another."""
        draft = back_up_component(self.system, kind, run="run-1", cloud=True, keep_as=keep_as)
        return publish(self.system, draft, prove(self.system, draft, run="run-1"))

    def manifest(self, kind: Kind, label: str = "latest") -> Manifest:
        return find_component(self.system, label, kind).manifest

    def contents(self, kind: Kind, label: str = "latest") -> ComponentContents:
        component = self.manifest(kind, label).component
        assert component is not None
        return component

    def restore(
        self, kind: Kind, directory: Path | None = None, label: str = "latest", wanted: tuple[str, ...] = ()
    ) -> RestoredComponent:
        """Into a new directory."""
        directory = directory or self.directory / f"restored_{kind}_{len(list(self.directory.iterdir()))}"
        return restore_component(self.system, find_component(self.system, label, kind), directory, wanted)

    def question(self, kind: Kind, restored: RestoredComponent) -> tuple[Probe, ...]:
        """What the restored copy answers."""
        scratch = self.directory / f"scratch_{kind}_{len(list(self.directory.iterdir()))}"
        scratch.mkdir()
        return BY_KIND[kind].open(self.system).question(restored.manifest, Path(restored.directory), scratch)

    def files(self, store: str, kind: Kind) -> list[Path]:
        """The objects of one kind as they lie in one store, manifests left out."""
        place = self.directory / store / self.system.name
        found = [*(place / str(kind)).rglob("*.gpg"), *(place / f"{kind}-packs").rglob("*.gpg")]
        return sorted(found)


def failed(probes: tuple[Probe, ...]) -> list[Probe]:
    """Those that did not pass."""
    return [probe for probe in probes if probe.answer is not Answer.PASSED]


def make_shelf(directory: Path, encryption: EncryptionSettings) -> Shelf:
    """Nothing is configured yet but where copies go and who can read them."""
    system = System(
        name="shop",
        postgres=PostgresSettings(Secret("")),
        stores=tuple(StoreSettings(name, "local", path=directory / name) for name in ("local", "second")),
        encryption=encryption,
        components=ComponentSettings(),
        state_directory=directory / "state",
    )
    return Shelf(directory, system)

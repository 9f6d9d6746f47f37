"""``dr list`` and ``dr show``: what there is to restore from, how old it is, and how far it is proven."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.figures import age, size
from dr.cli.runners import effective_configuration
from dr.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dr.catalog.manifest import Manifest, Verification
    from dr.policy.lacking_copies import Lack
    from dr.storage.repository import Backup, Listing


def list_backups(session: Session) -> None:
    """List the backups of all stores, newest first.

    A store that does not answer and a manifest that cannot be read are warned
    of; only when no store answers at all is that an error. A copy that a store
    has lost, or never had, is told as well, unless it has expired there.

    Example:
      dr list --system shop
    """
    system = effective_configuration(session).system
    from dr.operations.catalogue import lacking_copies
    from dr.operations.catalogue import list_backups as listed

    listing = listed(system)
    _warn(session, listing)
    if listing.failures and len(listing.failures) == len(system.stores):
        raise next(iter(listing.failures.values()))
    now = datetime.now(UTC)
    lacks = lacking_copies(system, listing, now)
    session.output.document.update(system=system.name, backups=[_entry(item, now, lacks) for item in listing.backups])
    session.output.table(f"Backups of {system.name}", [_row(item, now, lacks) for item in listing.backups])
    for text in _lacking(lacks):
        session.output.note(f"WARNING: {text}")
    if not listing.backups:
        session.output.say(f"{system.name} has no backup in {', '.join(store.name for store in system.stores)}.")


def show(
    session: Session,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="A label, or the path of one of its files.")],
) -> None:
    """Show all that is known about one backup: its manifest.

    Example:
      dr show backup_20240101_020000
    """
    import json

    from dr.catalog.manifest import to_json
    from dr.operations.catalogue import show_backup

    backup = show_backup(effective_configuration(session).system, label)
    session.output.document.update(json.loads(to_json(backup.manifest)))
    session.output.document["found_in"] = list(backup.stores)
    _describe(session, backup)


def _warn(session: Session, listing: Listing) -> None:
    for text in listing.unreadable:
        session.output.note(f"WARNING: cannot be read, so not listed: {text}")
    for name, error in listing.failures.items():
        session.output.note(f"WARNING: store {name} does not tell what it has: {error.message}")
    session.output.document.update(
        unreadable=list(listing.unreadable),
        failures={name: {"message": error.message, "hint": error.hint} for name, error in listing.failures.items()},
    )


def _proof(manifest: Manifest) -> Verification | None:
    """The newest proof of the highest level."""
    level = manifest.proven_level()
    if level is None:
        return None
    proofs = [item for item in manifest.verifications if item.passed and item.level == level.name.lower()]
    return max(proofs, key=lambda item: item.at, default=None)


def _lacking(lacks: Mapping[str, tuple[Lack, ...]]) -> Iterator[str]:
    """For each store in a line, however many it lacks."""
    by_store: dict[tuple[str, bool], list[str]] = {}
    for label, missing in lacks.items():
        for item in missing:
            by_store.setdefault((item.store, item.lost), []).append(label)
    for (store, lost), labels in by_store.items():
        what = "has lost its copies" if lost else "never had a copy"
        more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        yield f"{store} {what} of {labels[0]}{more}: with the other stores gone they are lost"


def _row(backup: Backup, now: datetime, lacks: Mapping[str, tuple[Lack, ...]]) -> dict[str, object]:
    manifest, proof = backup.manifest, _proof(backup.manifest)
    lacking = {"lacking": ", ".join(str(item) for item in lacks.get(manifest.label, ()))} if lacks else {}
    return {
        "label": manifest.label,
        "kind": str(manifest.kind),
        "age": age((now - manifest.end).total_seconds()),
        "size": size(manifest.stored_bytes),
        "stores": ", ".join(backup.stores),
        "proven": proof.level if proof else "NOT PROVEN",
        "proven ago": age((now - proof.at).total_seconds()) if proof else "",
        **lacking,
    }


def _entry(backup: Backup, now: datetime, lacks: Mapping[str, tuple[Lack, ...]]) -> dict[str, object]:
    manifest, proof = backup.manifest, _proof(backup.manifest)
    return {
        "label": manifest.label,
        "kind": str(manifest.kind),
        "parent": manifest.parent,
        "begin": manifest.begin.isoformat(),
        "end": manifest.end.isoformat(),
        "age_seconds": round((now - manifest.end).total_seconds(), 3),
        "stored_bytes": manifest.stored_bytes,
        "stores": list(backup.stores),
        "lacking": [{"store": item.store, "lost": item.lost} for item in lacks.get(manifest.label, ())],
        "proven": proof.level if proof else None,
        "proven_at": proof.at.isoformat() if proof else None,
    }


def _describe(session: Session, backup: Backup) -> None:
    manifest, out = backup.manifest, session.output
    facts = {
        "system": f"{manifest.system} (system identifier {manifest.system_identifier})",
        "server": _server(manifest),
        "database": manifest.database.name if manifest.database else "",
        "begin": f"{manifest.begin:%Y-%m-%d %H:%M:%S} UTC",
        "end": f"{manifest.end:%Y-%m-%d %H:%M:%S} UTC",
        "WAL": _wal(manifest),
        **_of_component(manifest),
        "needs": manifest.parent or "",
        "stores": ", ".join(backup.stores),
        "encryption": f"{manifest.encryption.method} {' '.join(manifest.encryption.fingerprints)}".strip(),
        "retention": manifest.retention_class,
        "run": manifest.run,
        "tools": ", ".join(f"{name} {text}" for name, text in manifest.tools.items()),
    }
    out.table(f"{manifest.label} ({manifest.kind})", [{"": key, " ": text} for key, text in facts.items() if text])
    objects = [
        {
            "object": item.key,
            "role": str(item.role),
            "packed": str(item.compression),
            "plain": size(item.plain_bytes) if item.plain_bytes is not None else "",
            "stored": size(item.stored_bytes),
            "sha256 as stored": item.stored_sha256,
        }
        for item in manifest.objects
    ]
    out.table("Objects", objects)
    proofs = [
        {
            "level": item.level,
            "store": item.store,
            "passed": "yes" if item.passed else "NO",
            "at": f"{item.at:%Y-%m-%d %H:%M:%S} UTC",
            "seconds": item.seconds,
            "detail": item.detail,
        }
        for item in manifest.verifications
    ]
    out.table("Proofs", proofs)
    _parts(session, manifest)
    counted = manifest.contents.tables if manifest.contents else manifest.table_estimates
    heading = "rows" if manifest.contents else "rows, estimated"
    out.table("Tables", [{"table": item.name, heading: item.rows} for item in counted])


def _server(manifest: Manifest) -> str:
    version = manifest.server_version
    return f"PostgreSQL {version // 10000}.{version % 10000}" if version else ""


def _wal(manifest: Manifest) -> str:
    if manifest.begin_lsn is None:
        return ""
    return f"{manifest.begin_lsn} to {manifest.end_lsn}, timeline {manifest.timeline or 'unknown'}"


def _of_component(manifest: Manifest) -> dict[str, str]:
    """What the backup of a component says of itself."""
    contents = manifest.component
    if contents is None:
        return {}
    facts = {name.replace("_", " "): value for name, value in contents.facts.items()}
    return {
        "shows": f"{contents.taken:%Y-%m-%d %H:%M:%S} UTC",
        **facts,
        "NOT AS IT SHOULD BE": "; ".join(contents.warnings),
        "notes": "; ".join(contents.notes),
    }


def _parts(session: Session, manifest: Manifest) -> None:
    if manifest.component is not None:
        rows = [
            {"part": item.name, "count": item.count, "size": size(item.bytes), "detail": item.detail}
            for item in manifest.component.items
        ]
        session.output.table("Parts", rows)

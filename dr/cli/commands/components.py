"""``dr application-backup``, ``dr infrastructure-backup``, ``dr restore``: what a product has beside its database."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.figures import size
from dr.cli.runners import effective_configuration, name_of_system, procedures, record_of_last_run, tables_of
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.catalog.labels import Kind
    from dr.configuration.model import System

APPLICATION = ("redis", "files", "config", "code", "secrets", "certificates", "logs")
INFRASTRUCTURE = ("images", "terraform")


def _only(kinds: tuple[str, ...]) -> object:
    help_text = f"Only this kind ({', '.join(kinds)}); repeatable."
    return typer.Option("--only", metavar="KIND", show_default=False, help=help_text)


OnlyApplication = Annotated[list[str] | None, _only(APPLICATION)]
OnlyInfrastructure = Annotated[list[str] | None, _only(INFRASTRUCTURE)]
Cloud = Annotated[bool, typer.Option("--cloud/--no-cloud", help="Store in every store, or on this machine only.")]
Remote = Annotated[bool, typer.Option("--remote", help="Have the Prefect worker do it, and wait for it.")]


def application_backup(
    session: Session, only: OnlyApplication = None, cloud: Cloud = True, remote: Remote = False
) -> None:
    """Back up Redis, uploads, configuration, code, secrets, certificates, logs.

    Ends with a recovery point that ties them to the database's position.
    A part that fails does not stop the others. Exit code 14: some of it is safe
    and some is not; nothing expires then.

    Examples:
      dr application-backup
      dr application-backup --only files --only redis
    """
    _run(session, "application-backup", only, cloud=cloud, remote=remote)


def infrastructure_backup(
    session: Session, only: OnlyInfrastructure = None, cloud: Cloud = True, remote: Remote = False
) -> None:
    """Make server images, and keep the state of the infrastructure as code.

    Example:
      dr infrastructure-backup --only terraform
    """
    _run(session, "infrastructure-backup", only, cloud=cloud, remote=remote)


def restore(
    session: Session,
    label: Annotated[
        str, typer.Argument(metavar="LABEL", help="A label, or a kind for the newest of it: files, redis, ...")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new or empty directory.")],
    path: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", show_default=False, help="Only these parts of it; all of it if absent."),
    ] = None,
    put_back: Annotated[
        bool,
        typer.Option("--put-back", help="And bring it into service from there, where nothing would be overwritten."),
    ] = False,
) -> None:
    """Bring back what is not the database: into a directory, never over anything.

    What a kind needs to come into service is said at the end; --put-back does it
    for those that have a server (Redis, secrets, Terraform), into an empty one.

    Examples:
      dr restore files uploads/2026/01 --to /srv/restored
      dr restore redis_20260101_023000 --to /srv/restored
      dr restore logs 2026-01-01..2026-01-07 audit --to /srv/restored
    """
    from dr.operations.component.restore import find_component, put_back_component, restore_component

    system = effective_configuration(session).system
    kind, directory = _kind(label), to.expanduser().absolute()
    if kind == "logs":
        _restore_logs(session, system, directory, tuple(path or ()))
        return
    found = find_component(system, "" if kind else label, kind)
    restored = restore_component(system, found, directory, tuple(path or ()))
    out = session.output
    laid = restored.laid
    out.document.update(
        label=restored.manifest.label,
        directory=restored.directory,
        store=restored.store,
        count=laid.count,
        bytes=laid.bytes,
        notes=[*restored.notes, *laid.notes],
        seconds={phase.name: round(phase.seconds, 3) for phase in restored.phases},
    )
    seconds = max((phase.end - phase.begin for phase in restored.phases), default=0.0)
    out.say(
        f"{restored.manifest.label} from {restored.store}: {laid.count} things, {size(laid.bytes)}, "
        f"in {restored.directory}, {seconds:.1f} s."
    )
    for note in (*restored.notes, *laid.notes):
        out.say(f"* {note}")
    if put_back:
        done = put_back_component(system, restored, tuple(path or ()))
        out.document["put_back"] = {"count": done.count, "bytes": done.bytes, "notes": list(done.notes)}
        out.say(f"Put back: {done.count} things, {size(done.bytes)}.")
        for note in done.notes:
            out.say(f"* {note}")


def _restore_logs(session: Session, system: System, directory: Path, wanted: tuple[str, ...]) -> None:
    """Days lie in the backups of the nights that followed them, so all of them are asked."""
    from dr.operations.component.restore_logs import restore_logs

    rows = [
        {
            "backup": item.manifest.label,
            "class": item.manifest.retention_class,
            "days": ", ".join(part.name for part in item.manifest.component.items) if item.manifest.component else "",
            "files": item.laid.count,
            "bytes": item.laid.bytes,
            "directory": item.directory,
        }
        for item in restore_logs(system, directory, wanted)
    ]
    session.output.document.update(directory=str(directory), backups=rows)
    session.output.table("Logs", rows)


def _kind(text: str) -> Kind | None:
    from dr.catalog.labels import COMPONENT_KINDS

    return next((kind for kind in COMPONENT_KINDS if kind == text), None)


def kinds_named(only: list[str] | None) -> list[Kind]:
    """The kinds of components that are called so. Raises ConfigurationError for one that is none."""
    from dr.catalog.labels import COMPONENT_KINDS
    from dr.errors import ConfigurationError

    unknown = [text for text in only or () if _kind(text) is None]
    if unknown:
        raise ConfigurationError(
            f"there is no kind {unknown[0]!r}", hint=f"One of: {', '.join(str(kind) for kind in COMPONENT_KINDS)}."
        )
    return [kind for text in only or () if (kind := _kind(text))]


def _run(session: Session, flow: str, only: list[str] | None, *, cloud: bool, remote: bool) -> None:
    kinds, system = kinds_named(only), name_of_system(session)
    if remote:
        from dr.cli.remote import run_remotely

        run_remotely(session, flow, {"cloud": cloud, "only": [str(kind) for kind in kinds]})
        return
    begin = time.monotonic()
    try:
        with procedures(session):
            if flow == "application-backup":
                from flows.application_backup import application_backup as procedure
            else:
                from flows.infrastructure_backup import infrastructure_backup as procedure

            procedure(system=system, cloud=cloud, only=tuple(kinds))
    finally:
        _show(session, time.monotonic() - begin)


def _show(session: Session, seconds: float) -> None:
    """Whatever was made is told, also when the run ended badly: the error comes after it."""
    record = record_of_last_run()
    if record is None:
        return
    tables, out = tables_of(record), session.output
    made = tables.get("backups", [])
    out.table("Backups", made)
    out.table("What they hold", tables.get("components", []))
    out.table("Recovery point", tables.get("recovery-point", []))
    out.table("Copies", tables.get("retention", []))
    for item in record.artifacts:
        if item.kind == "markdown" and item.key in ("notes", "recovery-point-report"):
            out.say(item.text)
    out.document.update(
        run=record.id,
        runner=record.runner,
        seconds=round(seconds, 3),
        backups=made,
        components=tables.get("components", []),
        recovery_point=tables.get("recovery-point", []),
        retention=tables.get("retention", []),
    )
    if record.outcome == "completed":
        out.say(f"{len(made)} backups made and proven in {seconds:.1f} s.")

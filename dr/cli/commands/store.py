"""``dr store``: what the stores can really do, found by trying, and beginning an emptied one anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.runners import effective_configuration
from dr.cli.session import Session, command

if TYPE_CHECKING:
    from dr.storage.probe import StoreAbilities

app = typer.Typer(
    no_args_is_help=True, help="Look at the stores.", context_settings={"help_option_names": ["-h", "--help"]}
)


@app.callback()
def store() -> None:
    """Look at the stores."""


def probe(session: Session) -> None:
    """Try out every store with small throw-away objects.

    Endpoints differ, whatever they call themselves: this shows what each store
    of the system really does. A store that is not reached makes exit code 7.

    Example:
      dr store probe --system shop
    """
    from dr.errors import StoreError
    from dr.operations.repositories import open_repository
    from dr.storage.probe import probe as try_out

    system = effective_configuration(session, require_encryption=False).system
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    failed: StoreError | None = None
    for each in open_repository(system).stores.values():
        try:
            found = try_out(each)
        except StoreError as error:
            failed = failed or error
            rows.append({"store": each.name, "location": each.location, "reached": "NO"})
            notes.append(f"{each.name}: {error.message}" + (f" ({error.detail})" if error.detail else ""))
            continue
        rows.append({"store": each.name, "location": each.location, "reached": "yes", **_told(found)})
        notes += [f"{each.name}: {note}" for note in found.notes]
    session.output.document.update(system=system.name, stores=rows, notes=notes)
    for row in rows:
        session.output.table(f"Store {row['store']}", [{"asked": key, "answer": value} for key, value in row.items()])
    for note in notes:
        session.output.say(f"Note: {note}.")
    if failed is not None:
        raise failed


def _told(found: StoreAbilities) -> dict[str, object]:
    abilities = {
        "exclusive creation": found.conditional_create,
        "wrong checksum refused": found.checksum_compared,
        "versions kept": found.versioning,
        "storage class kept": found.storage_class_kept,
        "object lock": found.object_lock,
        "multipart upload": found.multipart,
    }
    return {key: {True: "yes", False: "NO", None: "not asked"}[value] for key, value in abilities.items()}


def begin_anew(session: Session, name: Annotated[str, typer.Argument(metavar="STORE")]) -> None:
    """Take a store that lost everything it held for a new one.

    A local store whose disk is not mounted looks empty. This host remembers
    that it was in use and refuses to begin it anew, until this is said.

    Example:
      dr store begin-anew local
    """
    from dr.operations.known_stores import begin_anew as forget

    system = effective_configuration(session, require_encryption=False).system
    location = forget(system, name)
    session.output.document.update(system=system.name, store=name, location=location)
    session.output.say(f"{name}: the next backup begins {location} as a new store.")


app.command("probe")(command(probe))
app.command("begin-anew")(command(begin_anew))

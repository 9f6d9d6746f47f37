"""``dr alert``: what is open, who takes care of it, and whether alerts reach people at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.runners import effective_configuration, name_of_system, procedures
from dr.cli.session import Session, command

if TYPE_CHECKING:
    from datetime import datetime

    from dr.operations.alert.proof import PathProof
    from dr.policy.alert_routing import Open

app = typer.Typer(
    no_args_is_help=True, help="Alerts, and who is told.", context_settings={"help_option_names": ["-h", "--help"]}
)
Key = Annotated[str, typer.Argument(metavar="KEY", help="The alert, as dr alert list shows it.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who takes care of it.")]


@app.callback()
def alert() -> None:
    """Alerts, and who is told."""


def test(session: Session) -> None:
    """Send a test message through every channel.

    A channel counts only when its provider has answered that it took the
    message. Exit code 25: fewer than two did.

    Example:
      dr alert test --system shop
    """
    with procedures(session):
        from flows.alert_self_test import alert_self_test

        tried = alert_self_test(system=name_of_system(session))
    session.output.say(f"Test {tried.code}: {len(tried.confirmed)} of {len(tried.tried)} channels confirmed it.")


def list_alerts(session: Session) -> None:
    """What is wrong and not over, as this host has told it.

    Also when it was last tested that alerts reach people, on whichever host.

    Example:
      dr alert list --json
    """
    from datetime import UTC, datetime

    from dr.errors import StoreError
    from dr.operations.alert.book import read_book
    from dr.operations.alert.proof import last_proof
    from dr.operations.measure.evidence import read_runs

    system = effective_configuration(session, require_encryption=False).system
    book, now = read_book(system), datetime.now(UTC)
    try:
        runs = read_runs(system, now)
    except StoreError as error:
        session.output.note(f"of tests by other hosts nothing is known: {error.message}")
        runs = ()
    proof = last_proof(book, runs)
    rows = [_row(item) for item in book.open]
    session.output.document.update(system=system.name, alerts=rows, waiting=len(book.waiting))
    session.output.table(f"Open alerts of {system.name}", rows)
    if not book.open:
        session.output.say("Nothing is open.")
    for item in book.waiting:
        session.output.say(f"Not said yet: {item.delivery.alert.key} by {item.delivery.channel}: {item.error}")
    session.output.document.update(tested=_tested(proof))
    session.output.say(_said(proof, now, system.name))


def acknowledge(session: Session, key: Key, by: By) -> None:
    """Take care of an alert: it is not escalated or told again until it is over.

    Example:
      dr alert acknowledge shop/backup-overdue/dump --by alice
    """
    from dr.operations.alert.tell import acknowledge as take

    system = effective_configuration(session, require_encryption=False).system
    told = take(system, key, by)
    session.output.document.update(system=system.name, key=key, by=by)
    session.output.say(f"{by} takes care of {key}.")
    for item in told.undelivered:
        session.output.note(item.error)


def _tested(proof: PathProof | None) -> dict[str, object] | None:
    if proof is None:
        return None
    confirmed = None if proof.confirmed is None else list(proof.confirmed)
    return {"at": proof.at.isoformat(), "confirmed": confirmed}


def _said(proof: PathProof | None, now: datetime, system: str) -> str:
    if proof is None:
        return f"It was never tested that alerts reach people: dr alert test --system {system}"
    from dr.policy.drill_age import shown

    by = (
        "two channels or more, on another host"
        if proof.confirmed is None
        else ", ".join(proof.confirmed) or "no channel"
    )
    return f"Tested {shown(now - proof.at)} ago ({proof.at:%Y-%m-%d %H:%M} UTC): confirmed by {by}."


def _row(item: Open) -> dict[str, object]:
    return {
        "alert": item.alert.key,
        "grade": str(item.alert.grade),
        "since": f"{item.begun:%Y-%m-%d %H:%M:%S} UTC",
        "what": item.alert.summary,
        "told by": ", ".join(item.threads) or ("waits for the morning" if item.told is None else "nobody yet"),
        "taken by": item.acknowledged_by,
    }


app.command("test")(command(test))
app.command("list")(command(list_alerts))
app.command("acknowledge")(command(acknowledge))

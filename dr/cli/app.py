"""All commands, and the reading of the command line."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from dr.cli.commands import (
    about,
    alert,
    assess,
    backup,
    canary,
    catalogue,
    components,
    configuration,
    demo,
    deploy,
    drill,
    drills,
    erase,
    failback,
    failover,
    files,
    full_recovery,
    incident,
    metrics,
    points,
    quarterly,
    recover,
    recover_app,
    side,
    simulate,
    store,
    traffic,
    verify_backup,
    verify_recovery,
    wal,
    window,
)
from dr.cli.output import Output
from dr.cli.session import Action, command

USAGE = 2
# Typer's errors are its own copy of click's, or click's: whichever it is, this is the root of them.
_NOT_UNDERSTOOD: type[Exception] = typer.BadParameter.__mro__[2]
_FLAGS = ("--json", "--verbose", "-v")
_VALUES = ("--config", "--system")

app = typer.Typer(
    name="dr",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every command also takes --json, --config FILE, --system NAME, -v and --help.\n\n"
    "In an emergency: dr assess. It says what to type next.",
)
app.command("assess")(command(assess.assess))
app.command("recover-db")(command(recover.recover_db))
app.command("recover-app")(command(recover_app.recover_app))
app.command("full-recovery")(command(full_recovery.full_recovery))
app.command("side-restore")(command(side.side_restore))
app.command("erase")(command(erase.erase))
app.command("restore")(command(components.restore))
app.command("backup")(command(backup.backup))
app.command("application-backup")(command(components.application_backup))
app.command("infrastructure-backup")(command(components.infrastructure_backup))
app.command("list")(command(catalogue.list_backups))
app.command("show")(command(catalogue.show))
app.command("points")(command(points.points))
app.command("files")(command(files.files))
app.command("certificates")(command(files.certificates))
app.command("verify")(command(verify_recovery.verify))
app.command("validate-recovery")(command(verify_recovery.verify))
app.command("verify-backup")(command(verify_backup.verify_backup))
app.command("failover")(command(failover.failover))
app.command("failback")(command(failback.failback))
app.command("traffic")(command(traffic.traffic))
app.command("simulate-disaster")(command(simulate.simulate_disaster))
app.command("quarterly-drill")(command(quarterly.quarterly_drill))
app.command("drill")(command(drill.drill))
app.command("drills")(command(drills.drills))
app.command("monitor")(command(metrics.monitor))
app.command("window")(command(window.window))
app.add_typer(metrics.app, name="metrics")
app.add_typer(alert.app, name="alert")
app.add_typer(incident.app, name="incident")
app.add_typer(wal.app, name="wal")
app.add_typer(configuration.app, name="config")
app.add_typer(store.app, name="store")
app.command("canary")(command(canary.canary))
app.command("demo")(command(demo.demo))
app.command("deploy")(command(deploy.deploy))
app.command("exit-codes")(command(about.exit_codes))
app.command("version")(command(about.version))


@app.callback()
def about_everything() -> None:
    """Back up PostgreSQL, prove it, and bring it back."""


def read(arguments: Sequence[str]) -> Action | int:
    """What the command line asks for; an exit code when that is settled already (help, a usage error)."""
    if arguments and all(word in _FLAGS for word in arguments):
        return _refuse("dr wants a command", "dr", arguments)
    try:
        asked = app(args=behind_the_command(arguments), prog_name="dr", standalone_mode=False)
    except _NOT_UNDERSTOOD as error:
        return _usage(error, arguments)
    except typer.Abort:
        return 130
    return asked if isinstance(asked, Action) else int(asked or 0)


def behind_the_command(arguments: Sequence[str]) -> list[str]:
    """Move common options from before the command's name to behind it, where one that is given again wins.

    So each is declared and read in one place, and people may put them where they like.

    >>> behind_the_command(["--json", "--system", "a", "show", "LABEL", "-v"])
    ['show', 'LABEL', '--json', '--system', 'a', '-v']
    """
    rest, before = list(arguments), []
    while rest and rest[0] in (*_FLAGS, *_VALUES):
        before.append(rest.pop(0))
        if before[-1] in _VALUES and rest:
            before.append(rest.pop(0))
    place = next((place for place, word in enumerate(rest) if word.startswith("-")), len(rest))
    return [*rest[:place], *before, *rest[place:]]


def _usage(error: Exception, arguments: Sequence[str]) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "dr"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    # Where the text is empty, the help has just been shown instead.
    return _refuse(text.strip() or f"{path} wants a command", path, arguments, _elsewhere(text, path))


def _elsewhere(text: str, path: str) -> str:
    """Where a command is that was called so before: these read stored backups until they asked recovered systems."""
    if path in ("dr verify", "dr validate-recovery") and "unexpected extra argument" in text:
        return (
            "dr verify-backup LABEL reads a stored backup again; --against LABEL compares the running system with it."
        )
    return ""


def _refuse(text: str, path: str, arguments: Sequence[str], hint: str = "") -> int:
    """Say what was not understood, the way people and programs asked to be answered."""
    output = Output(json="--json" in arguments)
    hint = hint or f"{path} --help shows what there is."
    output.error(text, "", hint)
    output.document["error"] = {"type": "Usage", "message": text, "detail": "", "hint": hint, "exit_code": USAGE}
    output.close()
    return USAGE

"""What every command is told: how to answer, which configuration, which system.

Typer only reads the command line; what a command does is handed back as an ``Action`` and run by ``main``, inside the
one place where errors and signals are turned into messages and exit codes.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from dr.cli.listening import listen
from dr.cli.output import Output

P = ParamSpec("P")
_PANEL = "Common options"

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Answer with one JSON document on standard output; all else goes to standard error.",
        rich_help_panel=_PANEL,
    ),
]
Config = Annotated[
    str,
    typer.Option(
        "--config",
        metavar="FILE",
        show_default=False,
        help="Configuration file (else DR_CONFIG, ./dr.toml, /etc/coreflow360-dr/dr.toml).",
        rich_help_panel=_PANEL,
    ),
]
SystemName = Annotated[
    str,
    typer.Option(
        "--system",
        metavar="NAME",
        show_default=False,
        help="The protected system (else DR_SYSTEM, or the only one).",
        rich_help_panel=_PANEL,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Tell every step, and the traceback of an error.", rich_help_panel=_PANEL),
]


@dataclass(frozen=True, slots=True)
class Session:
    """One call of one command. ``system`` is empty when none was named; ``config`` None when no file was."""

    output: Output
    config: Path | None = None
    system: str = ""
    verbose: bool = False

    def begin(self) -> None:
        """Let the flows find the configuration file (they look into the environment), and show what is logged."""
        if self.config is not None:
            os.environ["DR_CONFIG"] = str(self.config)
        listen(self.output, verbose=self.verbose)


@dataclass(frozen=True, slots=True)
class Action:
    """A command that was read and is to be run."""

    session: Session
    run: Callable[[], None]


def command(function: Callable[Concatenate[Session, P], None]) -> Callable[..., Action]:
    """Give a command the common options. Its first parameter, ``session``, is made of them."""
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if name != "session"
    ]
    parameters = [*own, *(_option(name, kind, default) for name, kind, default in _COMMON)]

    @functools.wraps(function)
    def read(**given: Any) -> Action:
        session = _session(**{name: given.pop(name) for name, _, _ in _COMMON})
        return Action(session, functools.partial(function, session, **given))

    read.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    read.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return read


_COMMON: tuple[tuple[str, Any, Any], ...] = (
    ("json", Json, False),
    ("config", Config, ""),
    ("system", SystemName, ""),
    ("verbose", Verbose, False),
)


def _option(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _session(json: bool, config: str, system: str, verbose: bool) -> Session:
    return Session(
        output=Output(json=json),
        config=Path(config).expanduser().absolute() if config else None,
        system=system,
        verbose=verbose,
    )

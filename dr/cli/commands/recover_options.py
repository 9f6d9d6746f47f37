"""The options of ``dr recover-db`` that bring a copy into production's own place, or search for a good moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

import typer

from dr.errors import ConfigurationError

_PANEL = "Into production's place"
_SEARCH = "Before the corruption"

InPlace = Annotated[
    bool,
    typer.Option(
        "--in-place",
        rich_help_panel=_PANEL,
        help="Stop the application and PostgreSQL, recover beside the data directory, and exchange the two."
        " The old one is kept.",
    ),
]
Swap = Annotated[
    bool,
    typer.Option(
        "--swap",
        rich_help_panel=_PANEL,
        help="The same, but production answers until the copy is ready; what it commits meanwhile is not in the copy.",
    ),
]
NoEmergencyCopy = Annotated[
    str,
    typer.Option(
        metavar="REASON",
        show_default=False,
        rich_help_panel=_PANEL,
        help="Copy nothing out of what is there first, and say why.",
    ),
]
EvenSo = Annotated[
    bool,
    typer.Option("--even-so", rich_help_panel=_PANEL, help="Also where nothing but indexes is damaged."),
]
Undo = Annotated[
    bool,
    typer.Option("--undo", rich_help_panel=_PANEL, help="Put back what the last recovery has set aside."),
]
Anew = Annotated[
    bool,
    typer.Option("--anew", rich_help_panel=_PANEL, help="Begin again; do not go on with a run that was cut off."),
]
BeforeCorruption = Annotated[
    bool,
    typer.Option(
        "--before-corruption",
        rich_help_panel=_SEARCH,
        help="Search, in copies on trial, for the last moment that was good.",
    ),
]
GoodWhen = Annotated[
    str,
    typer.Option(
        metavar="SQL",
        show_default=False,
        rich_help_panel=_SEARCH,
        help="True in a good database, as 'SELECT count(*) > 100 FROM users'."
        " Left out: every page, row and index can be read and fits.",
    ),
]
Trials = Annotated[
    int,
    typer.Option(min=2, max=100, rich_help_panel=_SEARCH, help="How many copies the search may make."),
]


class PlaceParameters(TypedDict):
    """The flow's parameters that say the same."""

    in_place: bool
    swap: bool
    before_corruption: bool
    good_when: str
    trials: int
    no_emergency_copy: str
    even_so: bool
    undo: bool
    anew: bool


@dataclass(frozen=True, slots=True)
class WantedPlace:
    """What was asked for, as it was typed."""

    in_place: bool = False
    swap: bool = False
    before_corruption: bool = False
    good_when: str = ""
    trials: int = 20
    no_emergency_copy: str = ""
    even_so: bool = False
    undo: bool = False
    anew: bool = False

    @property
    def in_production(self) -> bool:
        """Whether production's own directory is exchanged."""
        return self.in_place or self.swap or self.undo

    def check(self, *, to: str, pointed: bool, remote: bool) -> None:
        """Raise ConfigurationError for options that contradict each other."""
        ways = [
            name for name, on in (("--in-place", self.in_place), ("--swap", self.swap), ("--undo", self.undo)) if on
        ]
        if len(ways) > 1:
            raise ConfigurationError(f"{' and '.join(ways)} are two things", hint="Give one of them.")
        if ways and to:
            raise ConfigurationError(f"{ways[0]} goes into production's place", hint="Leave --to out.")
        if ways and remote:
            raise ConfigurationError(
                f"{ways[0]} works on the host of the data directory", hint="Run it there, or from Prefect's UI."
            )
        if self.before_corruption and pointed:
            raise ConfigurationError(
                "--before-corruption searches for the target that another option names", hint="Give one of the two."
            )
        if self.before_corruption and remote:
            raise ConfigurationError("--before-corruption works on this host", hint="Leave --remote out.")
        if self.good_when and not self.before_corruption:
            raise ConfigurationError("--good-when says what is searched for", hint="Add --before-corruption.")
        if not ways and (self.no_emergency_copy or self.even_so or self.anew):
            raise ConfigurationError(
                "--no-emergency-copy, --even-so and --anew are about production's place",
                hint="Add --in-place or --swap.",
            )

    def parameters(self) -> PlaceParameters:
        """As the flow takes it."""
        return PlaceParameters(
            in_place=self.in_place,
            swap=self.swap,
            before_corruption=self.before_corruption,
            good_when=self.good_when,
            trials=self.trials,
            no_emergency_copy=self.no_emergency_copy,
            even_so=self.even_so,
            undo=self.undo,
            anew=self.anew,
        )

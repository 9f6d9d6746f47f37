"""How a component declares its settings: a frozen dataclass whose fields say how each is read and what it means.

From such a class come the rows of the table of settings, the value that is built from the merged layers, and the names
that a Block's form uses: a further component declares one class and nothing else here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dr.configuration import parsers

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_KEY = "declared"
T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Declared:
    """How one field is read. ``check`` looks at a secret's text."""

    parse: parsers.Parser
    description: str
    check: Callable[[str], None] = parsers.accept


def given(
    parse: parsers.Parser, description: str, default: object = None, *, check: Callable[[str], None] = parsers.accept
) -> Any:
    """A field of a component's settings. ``default`` is the value where no layer gives one."""
    return dataclasses.field(default=default, metadata={_KEY: Declared(parse, description, check)})


def declared_fields(kind: type[DataclassInstance]) -> Iterator[tuple[str, Declared, object]]:
    """Name, declaration and default of every field that is a setting."""
    for field in dataclasses.fields(kind):
        if _KEY in field.metadata:
            yield field.name, cast("Declared", field.metadata[_KEY]), field.default


def shown_default(value: object) -> str | None:
    """A default as a file would hold it; None where there is none."""
    if value is None or value in ("", ()):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def built(kind: type[T], value_of: Callable[[str], object]) -> T:
    """The settings, each from ``value_of`` its name, or its default where that gives None."""
    values = {name: value_of(name) for name, _, _ in declared_fields(kind)}
    return kind(**{name: value for name, value in values.items() if value is not None})

"""A secret in a form is three fields: a variable that holds it, a file that holds it, and itself.

A form says ``token: SecretStr = secret("Token")``; ``token_env`` and ``token_file`` are put in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _Maker
else:
    _Maker = type(Block)  # what makes all Blocks; it has no public name

KEPT = "Kept in Prefect's database, where whoever may call its API can read it; a reference is preferred."


@dataclass(frozen=True, slots=True)
class _Three:
    variable: Any  # pydantic says of a field's description that it is a value of the field
    file: Any
    itself: Any


def secret(
    title: str,
    description: str = KEPT,
    *,
    holds: str = "it",
    variable: str = "",
    file: str = "",
    titles: tuple[str, str] = ("environment variable", " itself"),
) -> Any:
    """All three. ``description`` is of the secret itself; what refers to it ``holds`` it, or is told in full.

    ``titles`` stand behind ``title`` for the variable, and for the secret itself.
    """
    reference = variable or f"Name of the environment variable, on the worker, that holds {holds}. Preferred."
    place = file or f"Absolute path, on the worker, of a file that holds {holds}."
    return _Three(
        Field(default="", title=f"{title}: {titles[0]}", description=reference),
        Field(default="", title=f"{title}: file", description=place),
        Field(default=SecretStr(""), title=f"{title}{titles[1]}", description=description),
    )


class FormMaker(_Maker):
    """Makes a form's class, with three fields for each of its secrets."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> type:
        kinds: dict[str, object] = {}
        for field, kind in namespace.get("__annotations__", {}).items():
            given = namespace.get(field)
            if isinstance(given, _Three):
                kinds |= {f"{field}_env": "str", f"{field}_file": "str"}
                namespace |= {f"{field}_env": given.variable, f"{field}_file": given.file, field: given.itself}
            kinds[field] = kind
        made: type = super().__new__(mcs, name, bases, {**namespace, "__annotations__": kinds}, **options)
        return made

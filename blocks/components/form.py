"""What the form of every component does: settings out of its fields, fields out of a configuration.

A form names its kind and declares a field per setting, by the setting's own name; of a secret it makes three
(``blocks/secret_field.py``). A unit test compares them with the settings that the kind declares.
"""

from __future__ import annotations

from abc import ABC
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from blocks.fields import filled_in, secret_fields, text
from blocks.form import Form
from dr.configuration import Effective, parsers
from dr.configuration.components.declared import declared_fields
from dr.configuration.sections import section, settings_classes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class ComponentForm(Form, ABC):
    """One component of a protected system. ``kind`` is what its settings' keys begin with."""

    kind: ClassVar[str]

    def settings(self) -> dict[str, object]:
        """The fields that are filled in, as settings. What may be absent is so when its field holds "" or 0."""
        may_be_absent = {name for name, _, default in declared_fields(_class_of(self.kind)) if default is None}
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return filled_in(
            self.kind, {name: value for name, value in fields.items() if value or name not in may_be_absent}
        )

    @classmethod
    def from_effective(cls, effective: Effective) -> Self | None:
        """The Block that says what a configuration says, secrets by reference where they are given so.

        None where the configuration says nothing of this component.
        """
        settings = section(effective.system, cls.kind)
        declared = _class_of(cls.kind)
        if settings == declared():
            return None
        fields: dict[str, object] = {}
        for name, declaration, _ in declared_fields(declared):
            if declaration.parse is parsers.secret:
                fields |= secret_fields(effective.layer, f"{cls.kind}.{name}", name)
            elif (value := getattr(settings, name)) is not None:
                fields[name] = _as_form(value)
        return cls.model_validate(fields)


def _class_of(kind: str) -> type[DataclassInstance]:
    return dict(settings_classes())[kind]


def _as_form(value: Any) -> object:
    """A setting as a form takes it. What is neither a number nor text is shown as a file would hold it."""
    if isinstance(value, tuple):
        return [_as_form(item) for item in value]
    if isinstance(value, Path):
        return text(value)
    return value if isinstance(value, int | float | str) else str(value)

"""Every component has a form, with every setting that it declares, the same defaults and the same limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr, ValidationError

import blocks
from blocks.components import CodeRepositories, ComponentForm, Logs, RedisServer, SecretStores
from blocks.protected_system import EVERY_FORM as FORMS
from blocks.protected_system import ProtectedSystem
from dr.catalog.labels import COMPONENT_KINDS
from dr.configuration import load, parsers
from dr.configuration.alerting import AlertingSettings
from dr.configuration.components import ComponentSettings
from dr.configuration.components.declared import Declared, declared_fields
from dr.configuration.layers import EnvironmentReference, FileReference
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.sections import section, settings_classes
from dr.errors import ConfigurationError
from dr.secret import Secret
from tests.unit.blocks.every_setting import BASE, ENVIRON, How, options, write_everything

DECLARED = {kind: list(declared_fields(settings)) for kind, settings in settings_classes()}
of_each_kind = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)


def every_field() -> list[Any]:
    """Each setting that is no secret, with its form."""
    return [
        pytest.param(form, name, declared, default, id=f"{form.kind}.{name}")
        for form in FORMS
        for name, declared, default in DECLARED[form.kind]
        if declared.parse is not parsers.secret
    ]


def bare(tmp_path: Path) -> ProtectedSystem:
    """A system that is a database and nothing beside it."""
    (tmp_path / "dr.toml").write_text(BASE)
    return ProtectedSystem.from_effective(load("shop", file=tmp_path / "dr.toml", environ=ENVIRON))


def test_every_kind_has_a_form_that_people_find() -> None:
    """A further component without a Block, or one that is not offered in the UI, is noticed here."""
    kinds = {kind for kind, _ in settings_classes()}
    beside = {field.name for field in dataclasses.fields(ComponentSettings)}
    touched = {field.name for field in dataclasses.fields(ProcedureSettings)} - {"services"}

    assert {str(kind) for kind in COMPONENT_KINDS} | {"point"} == beside
    assert kinds == beside | touched | {field.name for field in dataclasses.fields(AlertingSettings)}
    assert sorted(form.kind for form in FORMS) == sorted(kinds)
    assert all(form in get_args(ProtectedSystem.model_fields[form.kind].annotation) for form in FORMS)
    exported = {one for one in vars(blocks).values() if isinstance(one, type) and issubclass(one, Block)}
    assert exported == set(_made_of(ProtectedSystem)) >= set(FORMS)  # which register_types relies on
    assert {one.__name__ for one in exported} <= set(blocks.__all__)


def _made_of(annotation: Any) -> Iterator[type[Block]]:
    """The Block itself, and all that its fields may hold."""
    inner = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield annotation
        inner = tuple(field.annotation for field in annotation.model_fields.values())
    for one in inner:
        yield from _made_of(one)


@of_each_kind
def test_a_form_has_every_setting_and_no_other(form: type[ComponentForm]) -> None:
    """A secret has three fields, the references before the secret itself, which Prefect hides."""
    wanted, hidden = set(), []
    for name, declared, _ in DECLARED[form.kind]:
        wanted.add(name)
        if declared.parse is parsers.secret:
            hidden.append(name)
            wanted |= {f"{name}_env", f"{name}_file"}

    # The services of the product are tables of their own: test_service_forms.py.
    names = [name for name in form.model_fields if (form.kind, name) != ("application", "services")]

    assert set(names) == wanted
    for name in hidden:
        assert names[names.index(f"{name}_env") :][:3] == [f"{name}_env", f"{name}_file", name]
    assert sorted(form.model_json_schema()["secret_fields"]) == sorted(hidden)


@pytest.mark.parametrize(("form", "name", "declared", "default"), every_field())
def test_a_form_shows_the_default_that_holds(
    form: type[ComponentForm], name: str, declared: Declared, default: object
) -> None:
    """Where nothing is the default, the field is empty, or 0."""
    shown = form.model_fields[name].get_default()

    if default is None:
        assert shown in ("", 0)
        assert not isinstance(shown, bool)
    else:
        assert shown == ([*default] if isinstance(default, tuple) else default)
        assert isinstance(shown, bool) == isinstance(default, bool)


@pytest.mark.parametrize(("form", "name", "declared", "default"), every_field())
def test_a_form_refuses_what_the_setting_refuses(
    form: type[ComponentForm], name: str, declared: Declared, default: object
) -> None:
    """A number out of bounds or a word that is no choice is told where it is typed, and what is right is taken."""
    annotation = form.model_fields[name].annotation
    if found := options(declared.parse):
        assert get_args(annotation) == found
    elif annotation in (int, float):
        tried = (-1, 0, 1, *((0.5,) if annotation is float else ()))
        allowed = {value for value in tried if _takes(declared.parse, value)} | ({0} if default is None else set())
        assert {value for value in tried if _fits(form, name, value)} == allowed


def _takes(parse: parsers.Parser, value: object) -> bool:
    try:
        parse(value, Path("/"))
    except ValueError:
        return False
    return True


def _fits(form: type[ComponentForm], name: str, value: object) -> bool:
    try:
        form.model_validate({name: value})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("how", list(How), ids=lambda how: how.name)
def test_every_setting_survives_its_form(tmp_path: Path, how: How) -> None:
    """From a configuration to the forms and back it is the same, a secret as it was given: by value, file, variable."""
    everything = write_everything(tmp_path, how)
    before = load("shop", file=everything.file, environ=everything.environ)

    block = ProtectedSystem.from_effective(before)
    layer = block.layer()
    after = load("shop", environ=everything.environ, block_layer=layer)

    assert after.system == before.system
    at_default = [
        f"{kind}.{name}"
        for kind, fields in DECLARED.items()
        for name, _, default in fields
        if getattr(section(after.system, kind), name) == default
    ]
    assert not at_default
    saved = str(block.model_dump(mode="json", context={"include_secrets": True}))
    assert [secret in saved for secret in everything.hidden.values()] == [how is How.VALUE] * len(everything.hidden)
    kept = {How.VALUE: Secret, How.FILE: FileReference, How.ENVIRONMENT: EnvironmentReference}[how]
    assert {type(layer[key].value) for key in everything.hidden} == {kept}


@of_each_kind
def test_a_form_left_as_it_is_says_what_holds_anyway(tmp_path: Path, form: type[ComponentForm]) -> None:
    """Saving an untouched form changes nothing."""
    block = bare(tmp_path)
    setattr(block, form.kind, form())

    assert load("shop", environ=ENVIRON, block_layer=block.layer()).system.components == ComponentSettings()


def test_a_system_without_a_component_has_no_form_of_it(tmp_path: Path) -> None:
    """Nor does its Block say anything of it: what a file gives then still holds."""
    block = bare(tmp_path)
    with (tmp_path / "dr.toml").open("a") as file:
        file.write('[system.shop.redis]\nurl_env = "REDIS_URL"\n')
    environ = {**ENVIRON, "REDIS_URL": "redis://redis"}

    after = load("shop", file=tmp_path / "dr.toml", environ=environ, block_layer=block.layer())

    assert [getattr(block, form.kind) for form in FORMS] == [None] * len(FORMS)
    assert not [key for key in block.layer() if key.split(".")[0] in DECLARED]
    assert after.system.components.redis.url == Secret("redis://redis")


def test_a_switch_that_is_off_holds_over_a_file_that_has_it_on(tmp_path: Path) -> None:
    """What the form shows is what holds; only an empty field leaves the word to the file."""
    block = bare(tmp_path)
    block.logs = Logs(application=["/var/log/shop"], open_day=False)
    with (tmp_path / "dr.toml").open("a") as file:
        file.write('[system.shop.logs]\nopen_day = true\naudit = ["/var/log/audit"]\n')

    logs = load("shop", file=tmp_path / "dr.toml", environ=ENVIRON, block_layer=block.layer()).system.components.logs

    assert (logs.open_day, logs.audit) == (False, (Path("/var/log/audit"),))


def test_no_number_of_remotes_is_no_demand() -> None:
    """A form has no empty number: 0 stands for it, and is given to nobody."""
    assert "code.remotes" not in CodeRepositories(remotes=0).settings()
    assert CodeRepositories(remotes=2).settings()["code.remotes"] == 2


def test_a_wrong_setting_is_told_by_key_and_block(tmp_path: Path) -> None:
    """An address with a password is refused as in a file."""
    block = bare(tmp_path)
    block.code = CodeRepositories(urls=["https://robot:word@example.org/shop.git"])

    with pytest.raises(ConfigurationError, match=r"code\.urls must hold no password.*Block protected-system/shop"):
        block.layer()


@pytest.mark.parametrize("part", [RedisServer(url_env="REDIS_URL", url=SecretStr("********")), None])
def test_asterisks_in_place_of_a_secret_are_refused(tmp_path: Path, part: RedisServer | None) -> None:
    """Prefect's newer form gives back what it was shown: nobody logs in with eight asterisks and wonders."""
    block = bare(tmp_path)
    block.redis = part
    block.secrets = SecretStores(vault_token=SecretStr("********"))

    with pytest.raises(ConfigurationError, match="does not fit: it holds asterisks") as caught:
        block.layer()

    assert "secrets.vault_token" in caught.value.detail
    assert ("redis.url" in caught.value.detail) == (part is not None)
    assert "--replace-blocks" in caught.value.hint


def test_a_schema_is_made_once_and_for_each_form() -> None:
    """Saving a system of ten components took a quarter of a minute; and no form gets another's."""
    assert Logs.model_json_schema() is Logs.model_json_schema()
    assert Logs.model_json_schema()["block_type_slug"] == "logs"
    assert Logs.model_json_schema(by_alias=False) is not Logs.model_json_schema()
    assert RedisServer.model_json_schema()["block_type_slug"] == "redis-server"

"""A configuration that gives every setting of every component a value other than its default.

It is made of the declarations: a new setting is in it by itself, or ``_raw`` says what is missing here.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.alerting import alerts, schedules
from dr.configuration.components import certificates, code, images
from dr.configuration.components.declared import Declared, declared_fields
from dr.configuration.procedures import incident, infrastructure, region, status_page
from dr.configuration.sections import settings_classes

BASE = """
[system.shop.postgres]
url_env = "DATABASE_URL"
[system.shop.encryption]
recipients = ["0123456789abcdef0123456789abcdef01234567"]
[system.shop.stores.local]
path = "/srv/copies"
"""
ENVIRON = {"DATABASE_URL": "postgresql:///shop"}
_BY_PARSER: dict[parsers.Parser, object] = {
    parsers.text: "some text, with a comma",
    parsers.path: "/srv/one place/file",
    parsers.paths: ["/srv/one place", "/srv/an:other"],
    parsers.words: ["one*", "two words, one item"],
    parsers.count: 3,
    parsers.minutes: 0.5,
    parsers.positive_minutes: 2.25,
    code.addresses: ["https://example.org/team/shop.git", "git@example.org:shop.git"],
    certificates.pairs: ["/etc/tls/shop chain.pem:/etc/tls/shop.key", "/etc/tls/both.pem:/etc/tls/both.pem"],
    certificates.warn_days: [60, 20, 5],
    certificates.command: "certbot renew --deploy-hook 'systemctl reload nginx'",
    parsers.address: "https://example.org/api",
    alerts.hours: "22:00-07:00",
    alerts.zone: "Europe/Berlin",
    schedules.cron: "17 4 * * 1-5",
    region.command: "fence 'the first region'",
    region.fences: ["sql", "service"],
    infrastructure.assignments: ["size=large", "greeting=two words, one=item"],
    images.tag_pairs: ["Team=shop", "Role=web server"],
    status_page.announcements: ["backup-overdue | Backups are late | We are at it, with care"],
    incident.contact_lines: ["Database Admin | First Person | | +1-555-0102 | first@example.org"],
}


class How(StrEnum):
    """How secrets are given."""

    VALUE = ""
    FILE = "_file"
    ENVIRONMENT = "_env"


@dataclass(frozen=True, slots=True)
class Everything:
    """A file with every setting, what its environment must hold, and the secrets made up for it, by key."""

    file: Path
    environ: dict[str, str]
    hidden: dict[str, str]


def options(parse: parsers.Parser) -> tuple[str, ...]:
    """What a parser made by ``parsers.choice`` takes, by its own complaint; nothing for any other parser."""
    try:
        parse("?", Path("/"))
    except ValueError as error:
        named = str(error).removeprefix("must be ").removesuffix(", not '?'").split(" or ")
        return tuple(named) if all(_takes_as_it_is(parse, word) for word in named) else ()
    return ()


def _takes_as_it_is(parse: parsers.Parser, word: str) -> bool:
    try:
        return parse(word, Path("/")) == word
    except ValueError:
        return False


def write_everything(directory: Path, how: How, *, without: tuple[str, ...] = ()) -> Everything:
    """Write ``dr.toml``; secrets are given ``how``. The kinds in ``without`` are left out."""
    lines, environ, hidden = [BASE], dict(ENVIRON), {}
    for kind, settings in settings_classes():
        if kind in without:
            continue
        lines.append(f"[system.shop.{kind}]")
        for name, declared, default in declared_fields(settings):
            key = f"{kind}.{name}"
            if declared.parse is not parsers.secret:
                lines.append(f"{name} = {json.dumps(_raw(key, declared, default))}")
                continue
            hidden[key] = _made_up(declared)
            lines.append(f"{name}{how} = {json.dumps(_given(directory, key, hidden[key], how, environ))}")
    file = directory / "dr.toml"
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    return Everything(file, environ, hidden)


def _made_up(declared: Declared) -> str:
    """A secret that the setting takes: for an address one that holds it."""
    secret = secrets.token_hex(12)
    for form in ("{}", "https://example.org/{}", "redis://:{}@redis", "postgresql://postgres:{}@db1/shop"):
        try:
            declared.check(form.format(secret))
        except ValueError:
            continue
        return form.format(secret)
    raise LookupError("tests/unit/blocks/every_setting.py knows no form of such a secret: add one")


def _given(directory: Path, key: str, secret: str, how: How, environ: dict[str, str]) -> str:
    if how is How.VALUE:
        return secret
    if how is How.FILE:
        (directory / key).write_text(secret)
        return str(directory / key)
    variable = f"SECRET_OF_{key.replace('.', '_').upper()}"
    environ[variable] = secret
    return variable


def _raw(key: str, declared: Declared, default: object) -> object:
    if declared.parse is parsers.flag:
        return not default
    if found := [option for option in options(declared.parse) if option != default]:
        return found[-1]
    if declared.parse not in _BY_PARSER:
        raise LookupError(f"tests/unit/blocks/every_setting.py knows no value for {key}: add one for its parser")
    return _BY_PARSER[declared.parse]

"""Keys and values of the formats that configuration is written in; what looks like a secret and what does not."""

from __future__ import annotations

import pytest

from dr.components import looks_secret
from dr.components.config.diff import Mask
from dr.components.config.values import text_of, values_of

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("x.toml", '[a]\nb = 1\nc = ["x", true]\n', {"a.b": "1", "a.c[0]": "x", "a.c[1]": "true"}),
        ("x.yaml", "a: {b: null}\nd: 2024-01-01\n", {"a.b": "null", "d": "2024-01-01"}),
        ("x.json", '{"a": {}, "b": "1"}', {"a": "{}", "b": "1"}),
        ("x.ini", "[A]\nKey = v%s\nflag\n", {"A.Key": "v%s", "A.flag": ""}),
        ("x.cfg", "key = v\n", {"key": "v"}),
        (".env.production", "A=1\n", {"A": "1"}),
        ("x.toml", "no toml", None),
        ("x.yaml", "a: !tag [", None),
        ("x.json", "[" * 5000, None),
        ("x.conf", "A=1", None),
        ("x.yaml", BOMB, None),
    ],
)
def test_keys_are_dotted_and_nonsense_is_compared_by_lines(
    path: str, text: str, expected: dict[str, str] | None
) -> None:
    """None says that the text is not of the format, or holds billions of values in a few aliases."""
    assert values_of(path, text) == expected


def test_bytes_are_no_text() -> None:
    """Neither NUL nor what is no UTF-8."""
    assert (text_of(b"\xff"), text_of(b"a\0"), text_of(b"\xef\xbb\xbfa")) == (None, None, "a")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "db.example.org"),
        ("pin", "1234"),
        ("db.password.min", "8"),
        ("name", "hunter2"),
        ("port", "123456789"),
        ("debug", "sk_live_51Hxy0AbCdEf"),
    ],
)
def test_a_value_that_could_be_a_secret_is_not_shown(name: str, value: str) -> None:
    """Neither by a name that tells it, nor by being more than a switch or a small number."""
    shown = Mask().value(name, value)

    assert len(shown) == len("#01234567")
    assert shown.startswith("#")
    assert shown != f"#{value}"


def test_a_secret_that_was_made_a_key_is_not_shown() -> None:
    """``{"sk_live_...": true}`` has its secret on the left."""
    assert Mask().name("tokens.9f86d081884c7d659a2feaa0c55ad015").startswith("#")
    assert Mask().name("db.pool") == "db.pool"


def test_what_a_program_said_is_blotted() -> None:
    """Passwords in URLs and pairs, bearer tokens, PEM blocks and random words go; the rest stays readable."""
    said = (
        "challenge failed for shop.example.org: api_token=abc123 "
        "Authorization: Bearer xyz.abc https://u:pw@acme.example/ 9f86d081884c7d659a2feaa0c55ad015 "
        "-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY----- see /var/log/letsencrypt/letsencrypt.log"
    )

    shown = looks_secret.blotted(said)

    assert [word for word in ("abc123", "xyz.abc", "u:pw", "9f86", "MIIabc") if word in shown] == []
    assert "challenge failed for shop.example.org" in shown
    assert shown.endswith("see /var/log/letsencrypt/letsencrypt.log")


def test_false_alarms_are_few() -> None:
    """A path to a key, an address without a password and an empty password are no secret in a file."""
    harmless = [
        ("ssl_key", "/etc/ssl/key.pem"),
        ("url", "https://shop.example.org"),
        ("password", ""),
        ("log_level", "info"),
        ("root", "/srv/shop/releases/2024-01-01/public"),
        ("title", "internationalization"),
    ]

    assert [item for item in harmless if looks_secret.holds_secret(*item)] == []
    assert looks_secret.holds_secret("smtp_password", "hunter2")
    assert looks_secret.holds_secret("dsn", "postgresql://a:b@host/c")

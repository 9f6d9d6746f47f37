"""A secret can be held, compared and handed on, and never shows itself."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import secrets
import traceback
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.errors import DrError
from dr.secret import Secret

TEXTS = st.text(min_size=1).filter(lambda text: not set(text) <= set("* "))


@dataclass(frozen=True, slots=True)
class _Holder:
    url: Secret


@given(TEXTS)
def test_no_way_of_printing_shows_it(value):
    """str, repr, format, %, f-strings with widths, and what holds it."""
    secret = Secret(value)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", "%s %r" % (secret, secret)]  # noqa: UP031
    shown += [str(_Holder(secret)).removeprefix("_Holder(url="), str([secret]), str({"k": secret}.values())]

    assert all("********" in text for text in shown)
    if len(value) > 12:
        assert not any(value in text for text in shown)


def test_logs_and_tracebacks_do_not_show_it():
    """Neither a log line nor an exception that carries it, nor the variables of its frames."""
    token = secrets.token_hex(16)
    secret = Secret(token)
    stream = io.StringIO()
    logger = logging.Logger("test")  # noqa: LOG001 - of nobody else
    logger.addHandler(logging.StreamHandler(stream))

    try:
        raise DrError(f"cannot connect to {secret}", detail=str(secret))
    except DrError as error:
        logger.exception("failed with %s", secret)
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        stream.write("".join(frames.format()).replace(f"token = {token!r}", ""))

    assert token not in stream.getvalue()
    assert "********" in stream.getvalue()


def test_revealing_is_the_only_way_to_it():
    """It has no public attribute and nothing that lists one."""
    secret = Secret("value")

    assert secret.reveal() == "value"
    assert not hasattr(secret, "__dict__")
    assert [name for name in dir(secret) if not name.startswith("_")] == ["reveal"]
    with pytest.raises(TypeError):
        len(secret)  # type: ignore[arg-type]


def test_secrets_compare_by_value_and_only_with_secrets():
    """A configuration that has not changed compares as unchanged; a secret is no text."""
    token = secrets.token_hex(8)

    assert Secret(token) == Secret(token)
    assert hash(Secret(token)) == hash(Secret(token))
    assert Secret(token) != Secret(token + "x")
    assert Secret(token) != token
    assert hash(Secret(token)) != hash(token)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda secret: pickle.loads(pickle.dumps(secret))])
def test_a_secret_survives_copying(duplicate):
    """Settings are copied and cross process borders with what they hold."""
    assert duplicate(Secret("value")).reveal() == "value"

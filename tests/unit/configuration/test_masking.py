"""Passwords do not survive being shown."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.configuration.masking import mask_url

FORMS = [
    "postgresql://app:{}@db:5432/main",
    "postgresql://:{}@db/main",
    "postgres://db/main?user=app&password={}",
    "postgresql://db/main?sslmode=require&sslpassword={}&application_name=x",
    "host=db user=app password={} dbname=main",
    "host=db user=app password = '{} and more' dbname=main",
    "PASSWORD={}",
    "connection to postgresql://app:{}@db:5432/main failed: no route",
    "http://user:{}@proxy.example:3128/",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_password_is_hidden_wherever_it_stands(form: str) -> None:
    """Every place where libpq or a URL takes a password is blotted out."""
    password = secrets.token_hex(8)

    assert password not in mask_url(form.format(password))


@given(st.text(alphabet="abc123@:/?#&=%!$'", min_size=1))
def test_an_unescaped_password_is_hidden_whole(odd: str) -> None:
    """Characters that should have been escaped do not let the rest of the password through."""
    password = f"{odd}tail-of-it"

    assert "tail-of-it" not in mask_url(f"postgresql://app:{password}@db/main")


@pytest.mark.parametrize(
    "text", ["postgresql:///main", "postgresql://app@db:5432/main", "host=/run/postgresql dbname=main", "s3://bucket/a"]
)
def test_what_holds_no_password_is_left_alone(text: str) -> None:
    """Masking does not garble what operators need to read."""
    assert mask_url(text) == text


def test_user_host_and_database_stay_readable() -> None:
    """The operator still sees which server is meant."""
    assert mask_url("postgresql://app:x@db:5432/main") == "postgresql://app:********@db:5432/main"

"""Addresses of repositories: what git clones from, and no password in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration.components.code import addresses


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/team/shop.git",
        "https://robot@example.org/team/shop.git",
        "ssh://git@example.org:2222/team/shop.git",
        "git@example.org:team/shop.git",
        "git://example.org/shop.git",
        "file:///srv/git/shop.git",
    ],
)
def test_the_usual_forms_are_taken(address: str) -> None:
    """Several are separated by commas or spaces."""
    assert addresses(f"{address}, {address}2", Path("/")) == (address, f"{address}2")


@pytest.mark.parametrize("address", ["https://robot:word@example.org/shop.git", "ssh://git:word@host/shop.git"])
def test_a_password_in_an_address_is_refused_and_not_quoted(address: str) -> None:
    """It would be in the list of processes."""
    with pytest.raises(ValueError, match="must hold no password") as raised:
        addresses([address], Path("/"))

    assert "word@" not in str(raised.value)


@pytest.mark.parametrize(
    "address", ["--upload-pack=touch", "ext::sh -c touch", "/srv/git/shop.git", "shop", "-oProxyCommand=x@h:y"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """Neither an option nor a command that git would run."""
    with pytest.raises(ValueError, match="must hold addresses"):
        addresses([address], Path("/"))

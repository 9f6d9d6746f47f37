"""Settings of certificates: pairs, levels of warning and a command line, as a file or a form gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration.components.certificates import CertificatesSettings, PairFiles, command, pairs, warn_days
from dr.configuration.components.declared import declared_fields, shown_default

BASE = Path("/etc/shop")


def test_pairs_are_read_and_shown_alike() -> None:
    """From one text or a list, relative to the file's directory; what is shown can be given again."""
    found = pairs("a.pem:a.key, /x/b.pem:/x/b.pem", BASE)

    assert found == (PairFiles(BASE / "a.pem", BASE / "a.key"), PairFiles(Path("/x/b.pem"), Path("/x/b.pem")))
    assert pairs([str(item) for item in found], BASE) == found
    assert pairs(["with blank.pem:k"], BASE) == (PairFiles(BASE / "with blank.pem", BASE / "k"),)


@pytest.mark.parametrize("raw", ["a.pem", ":k", "c:", "a:b:c", [""], 7])
def test_what_is_no_pair_is_refused(raw: object) -> None:
    """Half a pair is worth nothing."""
    with pytest.raises(ValueError, match="must"):
        pairs(raw, BASE)


@pytest.mark.parametrize("raw", ["30, 14", "7 14 30", "30, 30, 7", "30, 14, 0", "a, b, c", [30, 14, 7, 1]])
def test_days_fall_and_are_three(raw: object) -> None:
    """A list the wrong way round would call everything critical."""
    with pytest.raises(ValueError, match="must"):
        warn_days(raw, BASE)


def test_a_command_line_with_open_quotes_is_refused() -> None:
    """Before the night on which it would be run."""
    assert command("certbot renew --quiet", BASE) == "certbot renew --quiet"
    with pytest.raises(ValueError, match="is no command line"):
        command("sh -c 'certbot", BASE)


def test_each_default_can_be_given() -> None:
    """What `dr config show` prints as a default is read as that default."""
    for name, declared, default in declared_fields(CertificatesSettings):
        shown = shown_default(default)
        if shown is not None:
            assert declared.parse(shown, BASE) == default, name

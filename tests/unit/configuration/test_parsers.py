"""Raw values become typed ones, or an error that says what was wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration import parsers
from dr.secret import Secret

BASE = Path("/base")


@pytest.mark.parametrize("raw, wanted", [(True, True), ("TRUE", True), ("on", True), ("0", False), ("no", False)])
def test_flags_take_the_usual_spellings(raw: object, wanted: bool) -> None:
    """true/false, yes/no, on/off and 1/0 all mean what they say."""
    assert parsers.flag(raw, BASE) is wanted


@pytest.mark.parametrize("raw", [0, -1, 1.5, True, "7 days", "", "1e3", None])
def test_counts_refuse_what_is_not_a_whole_positive_number(raw: object) -> None:
    """A retention of nothing, or of something unclear, is never accepted."""
    with pytest.raises(ValueError, match="must be"):
        parsers.count(raw, BASE)


@pytest.mark.parametrize("raw", ["nan", "inf", -1, True, None, "soon"])
def test_minutes_refuse_what_cannot_be_measured_against(raw: object) -> None:
    """Infinity and NaN would make every objective met or none."""
    with pytest.raises(ValueError, match="minutes"):
        parsers.minutes(raw, BASE)


def test_zero_is_a_loss_objective_but_no_time_objective() -> None:
    """Losing nothing can be wanted; recovering in no time cannot."""
    assert parsers.minutes("0", BASE) == 0

    with pytest.raises(ValueError, match="more than 0"):
        parsers.positive_minutes(0, BASE)


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative ones lie under the base, ``~`` is the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))

    assert parsers.path("copies", BASE) == Path("/base/copies")
    assert parsers.path("/abs", BASE) == Path("/abs")
    assert parsers.path("~/copies", BASE) == tmp_path / "copies"
    assert parsers.paths("a:/b", BASE) == (Path("/base/a"), Path("/b"))


def test_fingerprints_are_normalised() -> None:
    """Spaces, case and 0x as people paste them do not matter."""
    fingerprint = "0123 4567 89ab cdef 0123  4567 89AB CDEF 0123 4567"

    assert parsers.fingerprints(fingerprint, BASE) == ("0123456789ABCDEF0123456789ABCDEF01234567",)


@pytest.mark.parametrize("raw", ["89ABCDEF", "0123456789ABCDEF", "backup@example.org", ["0123"]])
def test_recipients_that_could_be_forged_are_refused(raw: object) -> None:
    """Only full fingerprints name a key for certain."""
    with pytest.raises(ValueError, match="full fingerprints"):
        parsers.fingerprints(raw, BASE)


def test_a_secret_is_never_a_number() -> None:
    """TOML would turn 0123 into another text; and the message does not repeat it."""
    with pytest.raises(ValueError, match="must be text") as caught:
        parsers.secret(123456789012, BASE)

    assert "123456789012" not in str(caught.value)
    assert parsers.secret("text", BASE) == Secret("text")


@pytest.mark.parametrize("value", ["postgres://db/x", "postgresql:///x", "host=db dbname=x", "service=main"])
def test_connections_of_libpq_are_accepted(value: str) -> None:
    """Both forms that libpq takes."""
    parsers.check_connection(value)


@pytest.mark.parametrize("value", ["mysql://db/x", "db.example.org", "//db/x"])
def test_other_connections_are_refused(value: str) -> None:
    """Anything else would fail late, in libpq's words."""
    with pytest.raises(ValueError, match="postgresql://"):
        parsers.check_connection(value)

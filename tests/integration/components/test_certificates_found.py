"""Which certificates are found, as they lie there, and how long those in use are still good for."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.certificates import PairFiles
from dr.errors import SourceError
from dr.operations.certificate_states import certificate_states
from dr.policy.certificate_age import Urgency
from tests.integration.components.authority import Authority
from tests.integration.components.certbot import authority, live, of
from tests.integration.components.shelf import Shelf, failed

__all__ = ["authority", "live"]


def test_pairs_elsewhere_are_found_and_named_apart(
    shelf: Shelf, authority: Authority, live: Path, tmp_path: Path
) -> None:
    """Chain and key under one name in two directories, both in one file, and two pairs of one name."""
    place = authority.issue(live, "shop.example.org")
    certs, private, both = (tmp_path / name for name in ("certs", "private", "both"))
    for path in (certs, private, both):
        path.mkdir()
    shutil.copy(place / "fullchain.pem", certs / "shop.pem")
    shutil.copy(place / "privkey.pem", private / "shop.pem")
    (both / "shop.pem").write_bytes((certs / "shop.pem").read_bytes() + (private / "shop.pem").read_bytes())
    (both / "shop.pem").chmod(0o604)
    pairs = (PairFiles(certs / "shop.pem", private / "shop.pem"), PairFiles(both / "shop.pem", both / "shop.pem"))
    shelf = of(shelf, pairs=pairs)
    shelf.back_up(Kind.CERTIFICATES)

    restored = shelf.restore(Kind.CERTIFICATES)

    directory = Path(restored.directory)
    assert sorted(path.name for path in directory.iterdir()) == ["shop", "shop-2"]
    assert (directory / "shop" / "key-shop.pem").read_bytes() == (private / "shop.pem").read_bytes()
    assert (directory / "shop-2" / "shop.pem").stat().st_mode & 0o777 == 0o600
    assert shelf.contents(Kind.CERTIFICATES).notes == ("shop-2: every user of this host may read shop.pem (chmod o-r)",)
    assert failed(shelf.question(Kind.CERTIFICATES, restored)) == []


def test_a_key_without_its_certificate_is_named(shelf: Shelf, authority: Authority, live: Path, tmp_path: Path) -> None:
    """Half a pair beside a whole one is a warning; no pair at all, or no directory, stops the backup."""
    authority.issue(live, "whole.example.org")
    half = authority.issue(live, "half.example.org")
    for name in ("fullchain.pem", "cert.pem", "chain.pem"):
        (half / name).unlink()
    shelf = of(shelf, live)
    shelf.back_up(Kind.CERTIFICATES)
    (tmp_path / "hollow").mkdir()

    (warning,) = shelf.contents(Kind.CERTIFICATES).warnings
    assert warning.startswith("half.example.org is not in the backup: fullchain.pem of half.example.org cannot be read")
    with pytest.raises(SourceError, match="no certificates where they should be"):
        of(shelf, tmp_path / "hollow").back_up(Kind.CERTIFICATES)
    with pytest.raises(SourceError, match="absent cannot be read"):
        of(shelf, tmp_path / "absent").back_up(Kind.CERTIFICATES)


def test_a_directory_without_a_pair_and_a_certificate_that_is_gone_are_named(
    shelf: Shelf, authority: Authority, live: Path, tmp_path: Path
) -> None:
    """A directory in another layout is said each time, what has gone since the last backup once."""
    authority.issue(live, "shop.example.org")
    gone = authority.issue(live, "pay.example.org")
    (tmp_path / "ssl").mkdir()
    (tmp_path / "ssl" / "pay.crt").touch()
    shelf = of(shelf, live, tmp_path / "ssl")
    hollow = f"{tmp_path / 'ssl'} holds no certificate as certbot lays them out"
    first = shelf.back_up(Kind.CERTIFICATES).label
    shutil.rmtree(gone)

    (before,) = shelf.contents(Kind.CERTIFICATES).warnings
    shelf.back_up(Kind.CERTIFICATES)
    told, missed = shelf.contents(Kind.CERTIFICATES).warnings
    shelf.back_up(Kind.CERTIFICATES)
    (after,) = shelf.contents(Kind.CERTIFICATES).warnings

    assert all(text.startswith(hollow) for text in (before, told, after))
    assert missed == f"pay.example.org was in {first}, the backup before this one, and is not there any more"


def test_a_pair_that_cannot_be_read_or_is_no_pair_is_named(
    shelf: Shelf, authority: Authority, live: Path, tmp_path: Path
) -> None:
    """A key that the kernel refuses to give, a key that is no key, a chain that is no chain: each in its own words."""
    place = authority.issue(live, "shop.example.org")
    chain, key, text = place / "fullchain.pem", place / "privkey.pem", live / "README"
    pairs = (PairFiles(chain, Path("/proc/self/mem")), PairFiles(chain, text), PairFiles(text, key))
    shelf = of(shelf, live, pairs=pairs)
    shelf.back_up(Kind.CERTIFICATES)

    warnings = shelf.contents(Kind.CERTIFICATES).warnings

    assert [path.name for path in shelf.files("local", Kind.CERTIFICATES)] == ["shop.example.org.tar.zst.gpg"]
    assert "mem of fullchain cannot be read" in warnings[0]
    assert "fullchain-2 has no private key in PEM form" in warnings[1]
    assert "README holds no certificate that can be read" in warnings[2]


def test_a_pair_that_is_being_replaced_is_read_again(shelf: Shelf, authority: Authority, live: Path) -> None:
    """The chain is new and the key still old for a moment, as in the midst of a renewal: both new are backed up."""
    place = authority.issue(live, "shop.example.org")
    old_key = (place / "privkey.pem").read_bytes()
    authority.issue(live, "shop.example.org", version=2)
    new_key = place / "new.pem"
    new_key.write_bytes((place / "privkey.pem").read_bytes())
    (place / "privkey.pem").resolve().write_bytes(old_key)
    shelf = of(shelf, live)
    with subprocess.Popen(("sh", "-c", f"sleep 0.15; mv '{new_key}' '{place / 'privkey.pem'}'")):
        shelf.back_up(Kind.CERTIFICATES)

    assert shelf.contents(Kind.CERTIFICATES).warnings == ()
    assert failed(shelf.question(Kind.CERTIFICATES, shelf.restore(Kind.CERTIFICATES))) == []


def test_the_files_in_use_are_watched(shelf: Shelf, authority: Authority, live: Path) -> None:
    """The most urgent first, by the days that are left; what cannot be used is unknown, with its reason."""
    for name, days in (("a", 60), ("b", 20), ("c", 10), ("d", 3), ("e", 0)):
        authority.issue(live, name, days=days)
    (authority.issue(live, "f") / "privkey.pem").unlink()
    shelf = of(shelf, live)

    states = certificate_states(shelf.system, datetime.now(UTC))
    later = certificate_states(shelf.system, datetime.now(UTC) + timedelta(days=55))

    assert [(state.name, state.urgency) for state in states] == [
        ("f", Urgency.UNKNOWN),
        ("e", Urgency.EXPIRED),
        ("d", Urgency.CRITICAL),
        ("c", Urgency.WARNING),
        ("b", Urgency.NOTICE),
        ("a", Urgency.OK),
    ]
    assert states[2].days_left in (2, 3)
    assert "privkey.pem of f cannot be read" in states[0].reason
    assert later[-1].urgency is Urgency.CRITICAL
    assert certificate_states(of(shelf).system, datetime.now(UTC)) == ()

"""Renewal by the operator's command: what it makes is believed only as it lies there; a good pair is never lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.certificates import CertificatesSettings
from tests.integration.components.authority import Authority, openssl
from tests.integration.components.shelf import Shelf, failed

NAME = "shop.example.org"
ISSUE = """\
set -e
cd {home}
openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN={name} -keyout new.key -out new.csr
printf 'subjectAltName=DNS:{name},DNS:www.{name}\\n' > new.ext
openssl x509 -req -in new.csr -extfile new.ext -days {days} -CA middle.pem -CAkey middle.key -out new.pem
"""
REPLACE = """\
cat new.pem middle.pem > {archive}/fullchain1.pem
cp new.pem {archive}/cert1.pem
cp new.key {archive}/privkey1.pem
echo "$DR_CERTIFICATES_DUE" > {notes}/asked
"""


class Site:
    """One certificate that is due, and a script that stands for an ACME client."""

    def __init__(self, shelf: Shelf, tmp_path: Path, authority: Authority) -> None:
        self.authority, self.notes = authority, tmp_path
        self.live = tmp_path / "letsencrypt" / "live"
        self.place = self.authority.issue(self.live, NAME, days=5)
        self.script = tmp_path / "renew.sh"
        self._shelf = shelf

    def with_script(self, text: str, *, days: int = 90, minutes: float = 1.0) -> Shelf:
        """The shelf whose renewal runs ``text``."""
        home, archive = self.authority.home, self.live.parent / "archive" / NAME
        self.script.write_text(text.format(home=home, notes=self.notes, archive=archive, name=NAME, days=days))
        settings = CertificatesSettings(
            directories=(self.live,), renewal_command=f"sh '{self.script}'", renewal_minutes=minutes
        )
        return self._shelf.with_components(certificates=settings)

    @property
    def serial(self) -> bytes:
        return serial(self.place)


def serial(place: Path) -> bytes:
    """The certificate's number."""
    return openssl("x509", "-in", place / "fullchain.pem", "-noout", "-serial")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests."""
    return Authority.made(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture
def site(shelf: Shelf, tmp_path: Path, authority: Authority) -> Site:
    """A new one for each test."""
    return Site(shelf, tmp_path, authority)


def test_a_certificate_that_is_due_is_renewed_and_the_new_one_backed_up(site: Site) -> None:
    """The command is told which; the backup holds the new pair, and says so without a warning."""
    old = site.serial
    shelf = site.with_script(ISSUE + REPLACE)
    shelf.back_up(Kind.CERTIFICATES)

    restored = shelf.restore(Kind.CERTIFICATES)

    assert serial(Path(restored.directory) / NAME) == site.serial != old
    assert (site.notes / "asked").read_text() == f"{NAME}\n"
    assert shelf.contents(Kind.CERTIFICATES).warnings == ()
    assert shelf.contents(Kind.CERTIFICATES).notes == (f"{NAME} was renewed before this backup",)
    assert failed(shelf.question(Kind.CERTIFICATES, restored)) == []


def test_nothing_is_renewed_before_it_is_due(site: Site) -> None:
    """With 90 days left the command does not run."""
    site.authority.issue(site.live, NAME, days=90)
    shelf = site.with_script("touch {notes}/asked\n")
    shelf.back_up(Kind.CERTIFICATES)

    assert not (site.notes / "asked").exists()
    assert shelf.contents(Kind.CERTIFICATES).warnings == ()


def test_a_command_that_fails_is_a_warning_without_its_secrets(site: Site) -> None:
    """The old pair is backed up; exit status and what was said stand in the manifest, tokens blotted out."""
    shelf = site.with_script("echo 'api_token=abc123xyz refused by the server' >&2; echo hidden; exit 3\n")
    shelf.back_up(Kind.CERTIFICATES)

    warnings = shelf.contents(Kind.CERTIFICATES).warnings
    restored = Path(shelf.restore(Kind.CERTIFICATES).directory)

    assert warnings[0] == (
        f"{NAME} is not renewed: certificates.renewal_command: exit status 3: api_token=******** refused by the server"
    )
    assert warnings[1].startswith(f"{NAME}: good until ")
    assert serial(restored / NAME) == site.serial


def test_a_command_that_hangs_is_cut_off_with_all_that_it_started(site: Site) -> None:
    """After its minutes; a child that it left in the background is dead too."""
    shelf = site.with_script("sleep 300 & echo $! > {notes}/pid\nsleep 300\n", minutes=0.02)
    begin = time.monotonic()
    shelf.back_up(Kind.CERTIFICATES)

    pid = (site.notes / "pid").read_text().strip()
    status = Path(f"/proc/{pid}/status")

    assert time.monotonic() - begin < 20
    assert "certificates.renewal_command: cut off after 1 s" in shelf.contents(Kind.CERTIFICATES).warnings[0]
    assert not status.exists() or "State:\tZ" in status.read_text()


@pytest.mark.parametrize(
    ("script", "days", "reason"),
    [
        ("exit 0\n", 90, "it is the old one still"),
        (ISSUE + REPLACE, 2, "the one that is there now ends earlier"),
        (ISSUE + "cp new.key {archive}/privkey1.pem\n", 90, "does not belong to its certificate"),
        ("rm {archive}/privkey1.pem\n", 90, "privkey.pem of shop.example.org cannot be read"),
        ("rm -r {archive}/../../live\n", 90, "cannot be read"),
    ],
    ids=["idle", "shorter", "half", "removed", "all removed"],
)
def test_a_renewal_that_leaves_less_than_it_found_loses_nothing(
    site: Site, script: str, days: int, reason: str
) -> None:
    """Exit status 0 proves nothing: a pair that matches is in the backup all the same, and the run warns."""
    old = site.serial
    shelf = site.with_script(script, days=days)
    shelf.back_up(Kind.CERTIFICATES)

    restored = shelf.restore(Kind.CERTIFICATES)
    warning = shelf.contents(Kind.CERTIFICATES).warnings[0]

    assert warning.startswith(f"{NAME} is not renewed: ")
    assert reason in warning
    assert ("the backup holds the one that was there before" in warning) == (reason != "it is the old one still")
    assert serial(Path(restored.directory) / NAME) == old
    assert failed(shelf.question(Kind.CERTIFICATES, restored)) == []


SNAKE_OIL = """\
set -e
openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days {days} -subj /CN={name} \\
  -addext 'subjectAltName=DNS:{name},DNS:www.{name}' -keyout {archive}/privkey1.pem -out {archive}/fullchain1.pem
cp {archive}/fullchain1.pem {archive}/cert1.pem
"""


@pytest.mark.parametrize(
    ("script", "days", "reason"),
    [
        (ISSUE.replace(",DNS:www.{name}", "") + REPLACE, 90, f"is not for www.{NAME}"),
        (SNAKE_OIL, 3650, "is self-signed"),
        (ISSUE + REPLACE, 2, "ends earlier"),
    ],
    ids=["fewer names", "self-signed", "shorter"],
)
def test_a_pair_that_is_worth_less_is_kept_beside_the_old_one(site: Site, script: str, days: int, reason: str) -> None:
    """It matches, and is no renewal: the old key is not lost, and the next backup names the one that has it."""
    old = site.serial
    shelf = site.with_script(script, days=days)
    first = shelf.back_up(Kind.CERTIFICATES).label

    contents = shelf.contents(Kind.CERTIFICATES)
    restored = shelf.restore(Kind.CERTIFICATES)
    settings = CertificatesSettings(directories=(site.live,))
    later = shelf.with_components(certificates=settings)
    said = []
    for _ in range(2):
        later.back_up(Kind.CERTIFICATES)
        said.append([text for text in later.contents(Kind.CERTIFICATES).warnings if first in text])

    assert contents.warnings[0].startswith(f"{NAME} is not renewed: ")
    assert reason in contents.warnings[0]
    assert [item.name for item in contents.items] == [NAME, f"{NAME}-refused"]
    assert serial(Path(restored.directory) / NAME) == old
    assert serial(Path(restored.directory) / f"{NAME}-refused") == site.serial != old
    assert failed(shelf.question(Kind.CERTIFICATES, restored)) == []
    assert said == [[f"{NAME} is still what its renewal left in place of a better one; that one is in {first}"], []]


def test_a_key_that_cannot_be_proven_does_not_replace_one_that_is(site: Site) -> None:
    """The new one is encrypted and nobody knows whether it opens: both are kept."""
    old = site.serial
    encrypt = "openssl pkey -in new.key -aes256 -passout pass:made-up -out closed.key\nmv closed.key new.key\n"
    shelf = site.with_script(ISSUE + encrypt + REPLACE)
    shelf.back_up(Kind.CERTIFICATES)

    restored = Path(shelf.restore(Kind.CERTIFICATES).directory)

    assert serial(restored / NAME) == old
    assert serial(restored / f"{NAME}-refused") == site.serial != old
    assert "the key is encrypted" in shelf.contents(Kind.CERTIFICATES).warnings[0]


def test_a_certificate_that_a_wider_one_replaces_is_renewed(site: Site) -> None:
    """A star covers one label and no more."""
    shelf = site.with_script(ISSUE.replace("DNS:{name},DNS:www.{name}", "DNS:{name},DNS:*.{name}") + REPLACE)
    shelf.back_up(Kind.CERTIFICATES)

    assert shelf.contents(Kind.CERTIFICATES).warnings == ()
    assert [item.name for item in shelf.contents(Kind.CERTIFICATES).items] == [NAME]


def test_a_command_that_is_not_installed_is_told_before(site: Site) -> None:
    """In the check's notes, and as a warning of the backup, which is made."""
    settings = CertificatesSettings(directories=(site.live,), renewal_command="no-such-acme-client renew")
    shelf = site.with_script("").with_components(certificates=settings)
    shelf.back_up(Kind.CERTIFICATES)

    contents = shelf.contents(Kind.CERTIFICATES)

    assert contents.notes[0].startswith("certificates.renewal_command: no-such-acme-client is not installed")
    assert contents.warnings[0].startswith(f"{NAME} is not renewed: ")

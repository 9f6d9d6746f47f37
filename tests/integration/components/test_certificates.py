"""Certificates with their keys: proven to match, backed up, destroyed, restored; what is wrong is told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.errors import BackupNotFound, SourceInvalid
from dr.policy.drill_verdict import Answer, Probe, Verdict, judge
from dr.secret import Secret
from tests.integration.components.authority import EC, RSA, Authority, openssl
from tests.integration.components.certbot import authority, live, of
from tests.integration.components.shelf import Shelf, failed

__all__ = ["authority", "live"]

PASSPHRASE = "a passphrase that only tests know"


def told(probes: tuple[Probe, ...]) -> list[tuple[str, str]]:
    """Name and answer of what did not pass."""
    return [(probe.name, str(probe.answer)) for probe in failed(probes)]


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ec"])
def test_chain_and_key_come_back_together(shelf: Shelf, authority: Authority, live: Path, key: tuple[str, ...]) -> None:
    """Links resolved, contents equal, the key for its owner alone, and openssl itself sees that they fit."""
    place = authority.issue(live, "shop.example.org", key=key, root=True)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    shelf = of(shelf, live)
    published = shelf.back_up(Kind.CERTIFICATES)
    shutil.rmtree(live.parent)

    restored = shelf.restore(Kind.CERTIFICATES)

    back = Path(restored.directory) / "shop.example.org"
    sums = subprocess.run(("sha256sum", "-c", "SHA256SUMS"), cwd=back, capture_output=True, text=True)
    public = openssl("x509", "-in", back / "fullchain.pem", "-noout", "-pubkey")
    assert published.level == "listed"
    assert {path.name: path.read_bytes() for path in back.iterdir() if path.name != "SHA256SUMS"} == before
    assert not [path for path in back.iterdir() if path.is_symlink()]
    assert (back / "privkey.pem").stat().st_mode & 0o777 == 0o600
    assert (back / "fullchain.pem").stat().st_mode & 0o777 == 0o644
    assert sums.returncode == 0, sums.stderr
    assert openssl("pkey", "-in", back / "privkey.pem", "-pubout") == public
    assert failed(shelf.question(Kind.CERTIFICATES, restored)) == []
    assert shelf.contents(Kind.CERTIFICATES).warnings == ()


def test_the_manifest_tells_of_the_certificate_and_nothing_of_the_key(
    shelf: Shelf, authority: Authority, live: Path
) -> None:
    """Names, end, issuer, serial and fingerprint, as openssl shows them."""
    place = authority.issue(live, "shop.example.org")
    shelf = of(shelf, live)
    shelf.back_up(Kind.CERTIFICATES)
    (item,) = shelf.contents(Kind.CERTIFICATES).items
    shown = openssl("x509", "-in", place / "cert.pem", "-noout", "-serial", "-fingerprint", "-sha256").decode()
    serial, fingerprint = (line.split("=")[1] for line in shown.splitlines())
    manifests = [path.read_text() for path in (shelf.directory / "local").rglob("*.manifest.json")]
    key = (place / "privkey.pem").read_text().splitlines()[1:-1]

    assert item.name == "shop.example.org"
    assert item.digest == fingerprint.replace(":", "").lower()
    assert f"serial {serial}" in item.detail
    assert "shop.example.org, www.shop.example.org; until " in item.detail
    assert "issuer CN=Intermediate of tests" in item.detail
    assert manifests
    assert not [line for line in key for text in manifests if line in text]


def test_a_key_of_another_certificate_is_refused_and_the_others_are_kept(
    shelf: Shelf, authority: Authority, live: Path
) -> None:
    """Nothing of the mismatched pair is stored, and the warning names it; alone, it stops the backup."""
    good, bad = (authority.issue(live, f"{name}.example.org") for name in ("good", "bad"))
    (bad / "privkey.pem").unlink()
    shutil.copy(good / "privkey.pem", bad / "privkey.pem")
    both = of(shelf, live)
    both.back_up(Kind.CERTIFICATES)

    stored = [path.name for path in both.files("local", Kind.CERTIFICATES)]
    warnings = both.contents(Kind.CERTIFICATES).warnings

    assert stored == ["good.example.org.tar.zst.gpg"]
    assert len(warnings) == 1
    assert warnings[0].startswith("bad.example.org is not in the backup: the private key of bad.example.org does not")
    with pytest.raises(SourceInvalid, match="none of the certificates"):
        of(shelf, bad).back_up(Kind.CERTIFICATES)
    assert len(both.files("local", Kind.CERTIFICATES)) == 1


def test_a_reversed_chain_is_told_from_a_foreign_key(shelf: Shelf, authority: Authority, live: Path) -> None:
    """The key belongs to a later certificate of the file: the order is what is wrong."""
    place = authority.issue(live, "shop.example.org")
    leaf, chain = (place / "cert.pem").read_bytes(), (place / "chain.pem").read_bytes()
    (place / "fullchain.pem").write_bytes(chain + leaf)

    with pytest.raises(SourceInvalid) as caught:
        of(shelf, live).back_up(Kind.CERTIFICATES)

    assert "it belongs to certificate 2 of the chain: the order is wrong" in str(caught.value)


def test_a_chain_out_of_order_is_kept_and_warned_of(shelf: Shelf, authority: Authority, live: Path) -> None:
    """The key is the certificate's, so it is worth keeping; where the chain breaks is said, and is no failure."""
    place = authority.issue(live, "shop.example.org")
    root, middle = (authority.home / name for name in ("root.pem", "middle.pem"))
    (place / "fullchain.pem").write_bytes(b"".join(path.read_bytes() for path in (place / "cert.pem", root, middle)))
    shelf = of(shelf, live)
    shelf.back_up(Kind.CERTIFICATES)

    probes = shelf.question(Kind.CERTIFICATES, shelf.restore(Kind.CERTIFICATES))

    assert shelf.contents(Kind.CERTIFICATES).warnings == (
        "shop.example.org: the chain is not in order: certificate 2 has not signed certificate 1",
    )
    assert told(probes) == [("chain of shop.example.org", "not proven")]


@pytest.mark.incident("I27")
def test_an_expired_certificate_is_no_bad_backup(shelf: Shelf, authority: Authority, live: Path) -> None:
    """It is stored with a warning; the restored copy is what was backed up, and that it has expired is only told."""
    authority.issue(live, "old.example.org", days=0)
    shelf = of(shelf, live)
    shelf.back_up(Kind.CERTIFICATES)

    probes = shelf.question(Kind.CERTIFICATES, shelf.restore(Kind.CERTIFICATES))

    assert shelf.contents(Kind.CERTIFICATES).warnings[0].startswith("old.example.org: expired at ")
    assert told(probes) == [("age of old.example.org", "not proven")]
    assert judge(probes, None).verdict is Verdict.RECOVERABLE


def test_an_encrypted_key_is_matched_by_its_passphrase(
    shelf: Shelf, authority: Authority, live: Path, tmp_path: Path
) -> None:
    """Without it, and with a wrong one, the pair is kept and said to be unproven; the passphrase is shown nowhere."""
    place = authority.issue(live, "shop.example.org")
    secret_file = tmp_path / "passphrase"
    secret_file.write_text(PASSPHRASE)
    plain = (place / "privkey.pem").resolve()
    openssl("pkey", "-in", plain, "-aes256", "-passout", f"file:{secret_file}", "-out", tmp_path / "closed.pem")
    shutil.copy(tmp_path / "closed.pem", plain)

    def warned(passphrase: Secret | None) -> tuple[str, ...]:
        system = of(shelf, live, passphrase=passphrase)
        system.back_up(Kind.CERTIFICATES)
        probes = system.question(Kind.CERTIFICATES, system.restore(Kind.CERTIFICATES))
        assert not [probe for probe in probes if probe.answer is Answer.FAILED]
        return (*system.contents(Kind.CERTIFICATES).warnings, *(probe.name for probe in failed(probes)))

    assert warned(Secret(PASSPHRASE)) == ()
    assert "passphrase is not set: not proven to match" in warned(None)[0]
    assert "does not open the key: not proven to match" in warned(Secret("wrong"))[0]
    assert warned(None)[1] == "key of shop.example.org"
    for path in (shelf.directory / "local").rglob("*.json"):
        assert PASSPHRASE not in path.read_text()


def test_one_certificate_comes_back_alone(shelf: Shelf, authority: Authority, live: Path) -> None:
    """By name; one that is not there is refused."""
    for name in ("one", "two"):
        authority.issue(live, f"{name}.example.org")
    shelf = of(shelf, live)
    shelf.back_up(Kind.CERTIFICATES)

    restored = shelf.restore(Kind.CERTIFICATES, wanted=("two.example.org",))

    assert [path.name for path in Path(restored.directory).iterdir()] == ["two.example.org"]
    assert restored.laid.count == 1
    with pytest.raises(BackupNotFound, match=r"no three\.example\.org"):
        shelf.restore(Kind.CERTIFICATES, wanted=("three.example.org",))


def test_a_restored_copy_that_differs_is_refused(shelf: Shelf, authority: Authority, live: Path) -> None:
    """A foreign key with sums that fit it, a changed byte, an open key, a file gone: each is found."""
    place = authority.issue(live, "shop.example.org")
    shelf = of(shelf, live)
    shelf.back_up(Kind.CERTIFICATES)
    other = authority.issue(live, "other.example.org")
    name = place.name

    def answers(spoil: str) -> list[tuple[str, str]]:
        restored = shelf.restore(Kind.CERTIFICATES)
        back = Path(restored.directory) / name
        if spoil == "key":
            shutil.copy(other / "privkey.pem", back / "privkey.pem")
        elif spoil == "pair":
            for path in other.iterdir():
                shutil.copy(path, back / path.name)
        elif spoil == "open":
            (back / "privkey.pem").chmod(0o644)
        elif spoil == "gone":
            (back / "privkey.pem").unlink()
        if spoil in ("key", "pair"):
            names = [path.name for path in back.iterdir() if path.name != "SHA256SUMS"]
            sums = subprocess.run(("sha256sum", *names), cwd=back, capture_output=True, check=True).stdout
            (back / "SHA256SUMS").write_bytes(sums)
        return told(shelf.question(Kind.CERTIFICATES, restored))

    assert answers("nothing") == []
    assert answers("key") == [(f"key of {name}", "FAILED")]
    assert answers("pair") == [(f"certificate {name}", "FAILED")]
    assert answers("open") == [(f"key of {name}", "FAILED")]
    assert answers("gone") == [(f"files of {name}", "FAILED")]

"""A certificate authority of our own: a root, an intermediate and what they issue, all made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

RSA = ("rsa:2048",)
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
_CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"


def openssl(*arguments: str | Path) -> bytes:
    """Run openssl; its output."""
    done = subprocess.run(("openssl", *arguments), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass(frozen=True, slots=True)
class Authority:
    """``home`` has root.pem, root.key, middle.pem and middle.key."""

    home: Path

    @classmethod
    def made(cls, home: Path) -> Authority:
        home.mkdir(parents=True)
        authority = cls(home)
        authority.signed("root", "root", "/CN=Root of tests", 3650, _CA)
        authority.signed("middle", "root", "/CN=Intermediate of tests", 1800, _CA)
        return authority

    def signed(
        self, name: str, issuer: str, subject: str, days: int, extensions: str, key: tuple[str, ...] = EC
    ) -> None:
        """``name.pem`` and ``name.key`` in our home, signed by ``issuer``'s key; by its own when that is its name."""
        at = self.home.joinpath
        openssl(
            "req", "-new", "-nodes", "-newkey", *key, "-subj", subject, "-keyout", at(f"{name}.key"), "-out", at("csr")
        )
        at("extensions").write_text(extensions)
        who: tuple[str | Path, ...] = ("-CA", at(f"{issuer}.pem"), "-CAkey", at(f"{issuer}.key"), "-CAcreateserial")
        if name == issuer:
            who = ("-signkey", at(f"{name}.key"))
        what = ("-in", at("csr"), "-extfile", at("extensions"), "-days", str(days), "-sha256")
        openssl("x509", "-req", *what, *who, "-out", at(f"{name}.pem"))

    def issue(
        self, live: Path, name: str, *, days: int = 90, key: tuple[str, ...] = EC, root: bool = False, version: int = 1
    ) -> Path:
        """A directory as certbot makes it: links into ``archive``. Its path."""
        self.signed("leaf", "middle", f"/CN={name}", days, f"subjectAltName=DNS:{name},DNS:www.{name}\n", key)
        at = self.home.joinpath
        leaf, chain = at("leaf.pem").read_bytes(), at("middle.pem").read_bytes()
        chain += at("root.pem").read_bytes() if root else b""
        parts = {"cert": leaf, "chain": chain, "fullchain": leaf + chain, "privkey": at("leaf.key").read_bytes()}
        directory, archive = live / name, live.parent / "archive" / name
        directory.mkdir(parents=True, exist_ok=True)
        archive.mkdir(parents=True, exist_ok=True)
        for part, data in parts.items():
            path = archive / f"{part}{version}.pem"
            path.write_bytes(data)
            path.chmod(0o600 if part == "privkey" else 0o644)
            link = directory / f"{part}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        return directory

"""Clusters for tests that need one each: made once by ``initdb``, then copied, which takes a third of the time.

Each copy is a cluster of its own: it gets a system identifier that no other has, as ``initdb`` would have given it.
"""

from __future__ import annotations

import atexit
import secrets
import shutil
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from anycrc import Model

from dr.pipeline.launch import Account
from dr.pipeline.process import run
from dr.postgres.account import account_for
from dr.postgres.cluster import create_cluster
from dr.postgres.installations import Installation

_CRC = Model("CRC32C")


def new_cluster(directory: Path, installation: Installation) -> Account:
    """A new cluster, as ``create_cluster`` makes it without arguments; the account that runs it."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(("cp", "-a", _template(installation), directory), check=True)
    account = account_for(directory)
    _rename(directory / "global" / "pg_control")
    # The WAL says whose it is, too: it is begun anew.
    ended, said = run("pg_resetwal", (installation.program("pg_resetwal"), "-f", "-D", str(directory)), account=account)
    assert ended.ok, f"{ended} {said}"
    return account


@cache
def _template(installation: Installation) -> Path:
    place = Path(tempfile.mkdtemp(prefix="dr-template-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    create_cluster(place / "data", installation)
    return place / "data"


def _rename(control: Path) -> None:
    """Another system identifier; the checksum behind the structure follows."""
    data = bytearray(control.read_bytes())
    end = next(at for at in range(200, 600, 4) if _CRC.calc(bytes(data[:at])) == struct.unpack_from("=I", data, at)[0])
    struct.pack_into("=Q", data, 0, struct.unpack_from("=Q", data)[0] ^ secrets.randbits(31))
    struct.pack_into("=I", data, end, _CRC.calc(bytes(data[:end])))
    control.write_bytes(bytes(data))

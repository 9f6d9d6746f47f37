"""Where a program is missing, the demo is built without it, says so, and what is left still comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.redis.programs import Program, servers
from dr.configuration.components import ComponentSettings
from dr.demo.beside.estate import furnished
from dr.demo.beside.part import Room
from dr.demo.beside.redis import serving_redis
from dr.demo.beside.terraform import Terraform
from dr.pipeline.launch import tool
from dr.secret import Secret
from tests.integration.components.shelf import Shelf

_KEPT = ("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent")


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on which little more than GnuPG is installed."""
    for name in ("setpriv", "unshare"):
        tool(name)  # looked for once in a process's life: later tests are not to find those of this host gone
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in _KEPT:
        found = shutil.which(name)
        if found is not None:
            (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(programs))


def _room(directory: Path) -> Room:
    return Room(directory / "beside", None, Secret("postgresql://nobody@127.0.0.1:1/none"))


@pytest.mark.usefixtures("bare_path")
def test_what_is_missing_is_left_out_and_named(tmp_path: Path) -> None:
    """Without git, Terraform and a stand-in for Amazon: four notes at most, and settings for the other kinds."""
    with furnished(_room(tmp_path)) as beside:
        kinds = {part.kind for part in beside.parts}
        settings = beside.settings

    assert {Kind.CODE, Kind.IMAGES}.isdisjoint(kinds)
    assert kinds >= {Kind.FILES, Kind.CONFIG, Kind.SECRETS, Kind.CERTIFICATES, Kind.LOGS, Kind.TERRAFORM}
    assert (Kind.REDIS in kinds) == bool(servers())
    told = " ".join(beside.notes)
    assert all(word in told for word in ("git is not installed", "moto is not installed", "state file alone"))
    assert ("redis-server" in told) != bool(servers())
    assert not settings.code.repositories
    assert not settings.images.instance_tags
    assert settings.secrets.aws is False
    assert settings.terraform.state_files


@pytest.mark.usefixtures("bare_path")
def test_a_state_file_alone_is_lost_and_comes_back(shelf: Shelf) -> None:
    """Without the program that wrote it; another byte in it is noticed."""
    part = Terraform(_room(shelf.directory))
    part.fill()
    components = part.settle(shelf.system.components)
    shelf = shelf.with_components(terraform=components.terraform)
    shelf.back_up(Kind.TERRAFORM)
    part.destroy()
    lost = part.compare().problems

    part.make_ready()
    part.bring_back(shelf.system, shelf.restore(Kind.TERRAFORM))
    back = part.compare()
    (state,) = part.roots[0].iterdir()
    state.write_bytes(state.read_bytes().replace(b'"serial": 1', b'"serial": 2'))

    assert len(lost) == 2, "the directory and the state"
    assert (back.came_back, back.problems) == ("1 files of code and state", ())
    assert part.compare().problems == ("'network/terraform.tfstate' has other content",)


def test_redis_is_given_its_password_by_standard_input_alone(tmp_path: Path) -> None:
    """As the program was started: neither argv nor environment hold it. (Redis itself hides its argv once it runs.)"""
    if not servers():
        pytest.skip("not applicable: there is no redis-server for this platform")
    real = servers()[0]
    told, script = tmp_path / "told", tmp_path / "redis-server"
    script.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; }} > "{told}"\nexec "{real.path}" "$@"\n')
    script.chmod(0o700)
    room = _room(tmp_path)
    room.directory.mkdir()
    with serving_redis(room, Program(script, real.version)) as part:
        url = part.settle(ComponentSettings()).redis.url
        assert url is not None
        password = url.reveal().partition("://:")[2].partition("@")[0]

        assert len(password) >= 32
        assert "PATH=" in told.read_text()
        assert password not in told.read_text()

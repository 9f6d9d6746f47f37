"""Programs that tests need and no wheel brings: unpacked out of Debian's packages, or loudly missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tools import bootstrap, debian_programs

APT = """#!/bin/sh
# As apt-get on a fresh machine: without package lists of one's own nothing is found.
echo "$@" >> "{log}"
case "$*" in
    *Dir::State=*update) ;;
    *Dir::State=*download*) cp "{archives}"/*.deb . ;;
    *) echo "E: Unable to locate package prometheus" >&2; exit 100 ;;
esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that knows our packages, the real dpkg-deb, and nothing else in PATH; what it was asked."""
    unpack = shutil.which("dpkg-deb")
    if unpack is None:
        pytest.skip("not applicable: this system is no Debian")
    archives, path, log = tmp_path / "archives", tmp_path / "path", tmp_path / "asked"
    for directory in (archives, path):
        directory.mkdir()
    for package, programs in debian_programs.PROGRAMS.items():
        tree = tmp_path / package
        for program in programs:
            _script(tree / "usr" / "bin" / program, f"#!/bin/sh\necho {program}\n")
        if package in debian_programs.TEMPLATES:
            _script(tree / "usr" / debian_programs.TEMPLATES[package] / "default.tmpl", "{{ }}")
        _script(tree / "DEBIAN" / "postinst", f"#!/bin/sh\ntouch {tmp_path}/started\n")
        control = f"Package: {package}\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: for a test\n"
        (tree / "DEBIAN" / "control").write_text(control)
        subprocess.run((unpack, "--build", tree, archives), check=True, capture_output=True)
    _script(path / "apt-get", APT.format(log=log, archives=archives))
    for program in ("dpkg-deb", "tar", "sh", "cp", "xz", "zstd", "gzip", "rm"):
        if found := shutil.which(program):
            (path / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(path))
    return log


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_programs_come_out_of_the_packages_and_nothing_is_installed(apt: Path, tmp_path: Path) -> None:
    """Without package lists of the machine; no script of a package runs, so that no daemon can be started."""
    directory = tmp_path / "venv" / "bin"
    directory.mkdir(parents=True)

    assert debian_programs.main([str(directory)]) == 0
    for programs in debian_programs.PROGRAMS.values():
        for program in programs:
            said = subprocess.run((directory / program,), capture_output=True, text=True, check=True)
            assert said.stdout.strip() == program
    assert (tmp_path / "venv" / "share" / "prometheus" / "alertmanager" / "default.tmpl").exists()
    assert not (tmp_path / "started").exists()
    assert "install" not in apt.read_text()
    asked = apt.read_text()
    assert debian_programs.main([str(directory)]) == 0
    assert apt.read_text() == asked  # what is there is not fetched again


def test_a_machine_without_apt_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert debian_programs.main([str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "no apt" in said
    assert "promtool" in said
    assert "amtool" in said


def test_the_bootstrap_says_loudly_that_tests_cannot_run_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, and again after an hour: whoever is offline does not wait for each make."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copytree(Path(bootstrap.__file__).parent, tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PATH", str(tmp_path))

    bootstrap.programs_for_tests(tmp_path)
    first = capsys.readouterr().out
    bootstrap.programs_for_tests(tmp_path)
    second = capsys.readouterr().out
    past = time.time() - bootstrap.TRY_AGAIN_SECONDS - 1
    os.utime(tmp_path / ".venv" / ".programs-tried", (past, past))
    bootstrap.programs_for_tests(tmp_path)
    third = capsys.readouterr().out

    assert "NO PROMETHEUS, PROMTOOL, PROMETHEUS-ALERTMANAGER, AMTOOL" in first
    assert "CANNOT run" in first
    assert second == ""
    assert "CANNOT run" in third


def test_programs_in_path_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has installed them is left alone."""
    for program in bootstrap.TEST_PROGRAMS:
        _script(tmp_path / program, "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert debian_programs.lacking(tmp_path / "nowhere") == []
    bootstrap.programs_for_tests(tmp_path / "nowhere")


def test_the_bootstrap_and_the_fetching_know_the_same_programs() -> None:
    """They share no module: the bootstrap runs before anything can be imported."""
    fetched = [program for programs in debian_programs.PROGRAMS.values() for program in programs]

    assert list(bootstrap.TEST_PROGRAMS) == fetched

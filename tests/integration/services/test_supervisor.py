"""Our own supervisor: it outlives its caller, starts again what ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.procedures.services import ServiceSettings
from dr.errors import ConfigurationError, ServiceError
from dr.pipeline.process_table import process_start
from dr.services.process import ProcessService
from dr.services.process.files import LOG, LOG_BYTES, OLD_LOG, TOLD, Told, read_told, write
from dr.services.protocol import State

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 20
Maker = Callable[..., ProcessService]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Maker]:
    """Makes a service of a Python program; whatever was made is ended."""
    made: list[ProcessService] = []

    def maker(program: str, **settings: object) -> ProcessService:
        argv = (sys.executable, "-u", "-c", program)
        made.append(ProcessService(ServiceSettings("web", "process", command=argv, **settings), tmp_path / "web"))  # type: ignore[arg-type]
        return made[-1]

    yield maker
    for service in made:
        service.stop(5)


def told(service: ProcessService) -> Told:
    """What its supervisor says."""
    found = read_told(service.place)
    assert found is not None
    return found


def child(service: ProcessService) -> int:
    """The process that runs it."""
    found = told(service).child
    assert found is not None
    return found.pid


def until(question: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + SECONDS
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_outlives_its_caller_and_is_known_to_the_next_one(make: Maker) -> None:
    """Another process starts it and ends; this one sees and stops it."""
    service = make("import time; time.sleep(100)")
    text = (
        "import sys; from pathlib import Path; from dr.services.process import ProcessService;"
        "from dr.configuration.procedures.services import ServiceSettings;"
        f"ProcessService(ServiceSettings('web', 'process', command={service.settings.command!r}),"
        f" Path({str(service.place)!r})).start(20)"
    )

    subprocess.run((sys.executable, "-c", text), cwd=ROOT, check=True, timeout=60)

    until(lambda: service.status(1).state is State.RUNNING)
    pid = child(service)
    service.stop(SECONDS)
    assert not process_start(pid)
    until(lambda: not told(service).supervisor.alive)


def test_what_ends_is_started_again_ever_later(make: Maker) -> None:
    """It does not hammer what is broken, and it does not give up."""
    service = make("import sys; print('once more'); sys.exit(7)")
    with suppress(ServiceError):  # on a slow machine it has run for a while before it ends
        service.start(SECONDS)

    until(lambda: told(service).failures == 3 and "exit status 7" in told(service).detail)
    third = told(service).since
    until(lambda: told(service).failures == 4)

    assert (told(service).since - third).total_seconds() >= 2  # after pauses of 0.5 and 1 s
    until(lambda: service.status(1).state is State.FAILED)
    assert service.last_words(1).count("once more") >= 4


@pytest.mark.incident("I25")
def test_there_is_one_supervisor_however_many_start_it(make: Maker) -> None:
    """Four at once: one process runs, and all are told that it does, or why they were refused."""
    service = make("import time; print('I am', flush=True); time.sleep(100)")
    text = (
        "import sys; from pathlib import Path; from dr.services.process import ProcessService;"
        "from dr.configuration.procedures.services import ServiceSettings;"
        f"ProcessService(ServiceSettings('web', 'process', command={service.settings.command!r}),"
        f" Path({str(service.place)!r})).start(20)"
    )

    started = [subprocess.Popen((sys.executable, "-c", text), cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(4)]
    codes = [process.wait(60) for process in started]

    until(lambda: service.status(1).state is State.RUNNING)
    assert 0 in codes
    running = [entry for entry in Path("/proc").glob("[0-9]*") if _argv(entry)[-1:] == [service.settings.command[-1]]]
    assert len(running) == 1


def _argv(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def test_nothing_of_the_callers_environment_reaches_it(make: Maker, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Only PATH and the like, and its own file: a shell at 3 a.m. must not change how a service runs."""
    monkeypatch.setenv("OF_THE_SHELL", "yes")
    monkeypatch.setenv("PGPASSWORD", "hunter22")
    (tmp_path / "environment").write_text('# mine\nSHOP_NAME="Büro & Söhne"\nexport SHOP_TOKEN=abcdef123456\n')
    program = "import os, time; print(sorted(os.environ), os.environ['SHOP_NAME'], os.environ['SHOP_TOKEN'])"
    service = make(f"{program}; time.sleep(100)", environment_file=tmp_path / "environment")

    service.start(SECONDS)
    until(lambda: "SHOP_NAME" in service.last_words(1))
    words = service.last_words(1)

    assert "OF_THE_SHELL" not in words
    assert "PGPASSWORD" not in words
    assert "Büro & Söhne ********" in words
    assert "abcdef123456" not in words
    files = "".join(path.read_text() for path in service.place.iterdir() if path.name != LOG)
    assert "abcdef123456" not in files
    assert all(path.stat().st_mode & 0o077 == 0 for path in service.place.iterdir())


def test_what_it_left_behind_is_ended_before_it_is_started_anew(make: Maker) -> None:
    """The supervisor and its command are killed; a worker of the command would still hold the port."""
    program = (
        "import os, subprocess, sys, time\n"
        "worker = subprocess.Popen((sys.executable, '-c', 'import time; time.sleep(100)'))\n"
        "print('worker', worker.pid)\ntime.sleep(100)"
    )
    service = make(program)
    service.start(SECONDS)
    until(lambda: "worker" in service.last_words(1))
    worker = int(service.last_words(1).split()[-1])

    os.kill(told(service).supervisor.pid, signal.SIGKILL)
    until(lambda: service.status(1).state is State.FAILED)
    left = process_start(worker)
    service.start(SECONDS)

    assert left  # the kernel has killed the command, and its worker lived on
    until(lambda: not process_start(worker))
    assert service.status(1).state in (State.RUNNING, State.STARTING)


def test_a_number_that_is_somebody_elses_by_now_is_left_alone(make: Maker) -> None:
    """After a reboot the number of the supervisor may be that of anything: here, of this test."""
    service = make("import time; time.sleep(100)")
    service.start(SECONDS)
    real = told(service)
    service.stop(SECONDS)
    us = replace(real.supervisor, pid=os.getpid())
    write(service.place, TOLD, replace(real, supervisor=us, child=replace(us, start="1")))

    state = service.status(1).state
    service.stop(1)

    assert state is State.FAILED
    assert service.status(1).state is State.STOPPED
    service.start(SECONDS)
    assert service.status(1).state in (State.RUNNING, State.STARTING)


def test_another_boot_is_another_machine(make: Maker) -> None:
    """The same number and the same time since boot, of another boot."""
    service = make("import time; time.sleep(100)")
    service.start(SECONDS)
    real = told(service)
    write(service.place, TOLD, replace(real, supervisor=replace(real.supervisor, boot="before")))

    state = service.status(1).state
    write(service.place, TOLD, real)

    assert state is State.FAILED


def test_its_log_has_bounds(make: Maker) -> None:
    """A service that talks all day does not fill the disk on which recoveries are."""
    line = "x" * 1000
    service = make(f"import time\nfor _ in range(12000): print('{line}')\nprint('the end')\ntime.sleep(100)")
    service.start(SECONDS)
    until(lambda: service.last_words(1).endswith("the end"))
    until(lambda: (service.place / LOG).stat().st_size <= LOG_BYTES)

    assert (service.place / OLD_LOG).stat().st_size <= LOG_BYTES
    assert service.last_words(1).endswith("the end")


def test_what_cannot_be_run_says_so(make: Maker, tmp_path: Path) -> None:
    """No program, no account, no environment: each by its name."""
    missing = ProcessService(ServiceSettings("web", "process", command=("/no/such/program",)), tmp_path / "web")
    with pytest.raises(ServiceError, match="/no/such/program"):
        missing.start(SECONDS)
    missing.stop(5)

    empty = ProcessService(ServiceSettings("web", "process"), tmp_path / "empty")
    with pytest.raises(ConfigurationError, match=r"services\.web has no command"):
        empty.start(SECONDS)

    nothing = make("print('never')", environment_file=tmp_path / "missing")
    with pytest.raises(ServiceError, match="missing"):
        nothing.start(SECONDS)


def test_another_account_runs_it_where_we_are_root(make: Maker) -> None:
    """PostgreSQL refuses root; a web server had better too."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: needs root")
    service = make("", user="nobody")
    service = replace(service, settings=replace(service.settings, command=("/bin/sh", "-c", "id -un; exec sleep 100")))
    service.start(SECONDS)

    until(lambda: service.last_words(1) == "nobody")
    unknown = ProcessService(replace(service.settings, user="nobody-at-all"), service.place.with_name("other"))
    with pytest.raises(ConfigurationError, match="no account nobody-at-all"):
        unknown.start(SECONDS)

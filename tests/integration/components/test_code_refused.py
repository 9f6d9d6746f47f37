"""A repository of which a bundle would be worth little is refused, and the reason says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.code import CodeSettings
from dr.errors import AuthenticationFailed, ServerUnreachable, SourceError, SourceInvalid
from tests.integration.components.gits import commit, git, new_repository
from tests.integration.components.shelf import Shelf


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two branches and a tag."""
    return new_repository(tmp_path / "shop")


@pytest.fixture
def closed_door() -> Iterator[str]:
    """A web server, of a process of its own, that asks everybody for a password."""
    program = """
import http.server
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="shop"')
        self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Door)
print(server.server_port, flush=True)
server.serve_forever()
"""
    with subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


def refused(shelf: Shelf, path: Path) -> SourceError:
    """Why this repository is not backed up; nothing of it is stored."""
    shelf = shelf.with_components(code=CodeSettings(repositories=(path,)))
    with pytest.raises(SourceError) as raised:
        shelf.draft(Kind.CODE)
    assert shelf.files("local", Kind.CODE) == []
    assert shelf.files("second", Kind.CODE) == []
    return raised.value


def test_a_shallow_clone_is_refused(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """Its history is cut off: the bundle would be too."""
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), tmp_path / "shallow")

    error = refused(shelf, tmp_path / "shallow")

    assert isinstance(error, SourceInvalid)
    assert "fetch --unshallow" in error.hint


def test_a_partial_clone_is_refused(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """Its files are at its remote, which may be gone when they are needed."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", repository.as_uri(), tmp_path / "partial")

    error = refused(shelf, tmp_path / "partial")

    assert isinstance(error, SourceInvalid)
    assert "partial clone" in error.message


@pytest.mark.parametrize("damage", ["missing", "flipped", "empty"])
def test_missing_and_damaged_objects_are_found_before_they_are_backed_up(
    shelf: Shelf, repository: Path, damage: str
) -> None:
    """A file of an old commit is enough; nobody would have noticed at work."""
    blob = git(repository, "rev-parse", "HEAD~2:file").strip()
    path = repository / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        data[-1] ^= 0xFF
        path.write_bytes(data)

    error = refused(shelf, repository)

    assert isinstance(error, SourceInvalid)
    assert "missing or damaged" in error.message
    assert blob in error.detail


def test_an_object_of_odd_form_is_only_noted(shelf: Shelf, repository: Path) -> None:
    """Old programs wrote such commits: whole, with the author's address missing."""
    tree = git(repository, "rev-parse", "HEAD^{tree}").strip()
    text = f"tree {tree}\nauthor nobody 1700000000 +0000\ncommitter nobody 1700000000 +0000\n\nodd\n"
    (repository / "odd").write_text(text)
    odd = git(repository, "hash-object", "-t", "commit", "-w", "--literally", repository / "odd").strip()
    git(repository, "update-ref", "refs/heads/odd", odd)
    shelf = shelf.with_components(code=CodeSettings(repositories=(repository,)))
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    assert "finds fault with the form of" in shelf.contents(Kind.CODE).notes[0]
    assert [probe.answer for probe in shelf.question(Kind.CODE, restored)] == ["passed"] * 3


def test_a_repository_of_another_account_is_explained(
    shelf: Shelf, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git does not read it, and the hint is the command that lets it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")

    error = refused(shelf, repository)

    assert "belongs to another account" in error.message
    assert error.hint.endswith(f"git config --global --add safe.directory {repository}")


@pytest.mark.parametrize("kind", ["nothing", "a file", "an ordinary directory"])
def test_what_is_no_repository_is_named(shelf: Shelf, tmp_path: Path, kind: str) -> None:
    """The path is in the message, the setting in the hint."""
    path = tmp_path / "somewhere"
    if kind == "a file":
        path.write_text("x")
    elif kind == "an ordinary directory":
        path.mkdir()

    error = refused(shelf, path)

    assert str(path) in error.message
    assert "code.repositories" in error.hint


def test_one_refused_repository_does_not_cost_the_others_their_backup(
    shelf: Shelf, repository: Path, tmp_path: Path
) -> None:
    """It is named, with what to do, and the run is not green; where none is whole nothing is stored."""
    other = new_repository(tmp_path / "other")
    commit(other, "More\n")
    blob = git(other, "rev-parse", "HEAD:file").strip()
    (other / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), tmp_path / "shallow")
    both = (other, tmp_path / "shallow")
    with pytest.raises(SourceInvalid, match="other has missing"):
        shelf.with_components(code=CodeSettings(repositories=both)).draft(Kind.CODE)
    assert shelf.files("local", Kind.CODE) == []
    shelf = shelf.with_components(code=CodeSettings(repositories=(*both, repository)))
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    damaged, shallow = shelf.contents(Kind.CODE).warnings
    assert damaged.startswith(f"other is not in this backup: {other} has missing or damaged objects")
    assert blob in damaged
    assert shallow.startswith("shallow is not in this backup: ")
    assert "fetch --unshallow" in shallow
    assert [path.name for path in Path(restored.directory).iterdir()] == ["shop.git"]
    assert [probe.answer for probe in shelf.question(Kind.CODE, restored)] == ["passed"] * 3


def test_an_address_where_nothing_listens_may_answer_later(shelf: Shelf) -> None:
    """The error says that trying again can help."""
    shelf = shelf.with_components(code=CodeSettings(urls=("http://127.0.0.1:1/shop.git",)))

    with pytest.raises(ServerUnreachable) as raised:
        shelf.draft(Kind.CODE)

    assert raised.value.retryable


def test_an_address_that_wants_a_password_is_never_prompted_for(shelf: Shelf, closed_door: str) -> None:
    """There is nobody to type it at two in the morning."""
    shelf = shelf.with_components(code=CodeSettings(urls=(f"{closed_door}/shop.git",)))

    with pytest.raises(AuthenticationFailed):
        shelf.draft(Kind.CODE)


def test_a_repository_that_takes_too_long_is_given_up(shelf: Shelf, repository: Path) -> None:
    """git is killed, and the setting that gives it more time is named."""
    shelf = shelf.with_components(code=CodeSettings(repositories=(repository,), timeout_minutes=1e-9))

    with pytest.raises(SourceError, match="not done") as raised:
        shelf.draft(Kind.CODE)

    assert "code.timeout_minutes" in raised.value.hint
    assert shelf.files("local", Kind.CODE) == []

"""Several remotes: each must have every branch and tag, and one that has vanished is told."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.code import CodeSettings
from tests.integration.components.gits import commit, git, new_repository
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that was pushed to two remotes."""
    path = new_repository(tmp_path / "shop")
    for name in ("origin", "second"):
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", tmp_path / f"{name}.git")
        git(path, "remote", "add", name, tmp_path / f"{name}.git")
        git(path, "push", "--quiet", "--all", name)
        git(path, "push", "--quiet", "--tags", name)
    return path


def protecting(shelf: Shelf, repository: Path, **settings: object) -> Shelf:
    """The shelf with this repository."""
    return shelf.with_components(code=CodeSettings(repositories=(repository,), **settings))  # type: ignore[arg-type]


def test_remotes_that_have_everything_are_the_same(shelf: Shelf, repository: Path) -> None:
    """Nothing to warn of, and it is on record that they were asked."""
    shelf = protecting(shelf, repository, remotes=2)
    shelf.back_up(Kind.CODE)

    contents = shelf.contents(Kind.CODE)
    assert contents.warnings == ()
    assert contents.facts["shop at origin"] == contents.facts["shop at second"] == "the same"


def test_a_remote_that_nobody_pushes_to_is_told(shelf: Shelf, repository: Path) -> None:
    """It lacks a branch and a tag, and its main is an older one; the other remote is not blamed."""
    commit(repository, "Newer\n")
    git(repository, "branch", "feature")
    git(repository, "tag", "v2")
    git(repository, "push", "--quiet", "--all", "origin")
    git(repository, "push", "--quiet", "--tags", "origin")
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)

    contents = shelf.contents(Kind.CODE)
    assert contents.warnings == (
        "shop: remote second lacks feature, v2: push them",
        "shop: remote second has another commit at main",
    )
    assert contents.facts["shop at second"] == "lacks 2, differs in 1"
    assert contents.facts["shop at origin"] == "the same"


def test_work_that_only_a_remote_has_is_told_until_it_is_fetched(
    shelf: Shelf, repository: Path, tmp_path: Path
) -> None:
    """Somebody pushed from elsewhere: it is in no backup before somebody fetches it."""
    git(tmp_path, "clone", "--quiet", tmp_path / "origin.git", tmp_path / "elsewhere")
    git(tmp_path / "elsewhere", "checkout", "--quiet", "-b", "hotfix")
    commit(tmp_path / "elsewhere", "Urgent\n")
    git(tmp_path / "elsewhere", "push", "--quiet", "origin", "hotfix")
    shelf = protecting(shelf, repository)

    shelf.back_up(Kind.CODE)
    before = shelf.contents(Kind.CODE)
    git(repository, "fetch", "--quiet", "origin")
    shelf.back_up(Kind.CODE)
    after = shelf.contents(Kind.CODE)

    assert "shop: remote origin has work that is not in this backup: hotfix; fetch it" in before.warnings
    assert "shop: remote second lacks hotfix: push them" in before.warnings
    assert not any("origin" in warning for warning in after.warnings)


def test_a_commit_that_was_fetched_and_let_go_is_in_no_backup(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """git still has the object, but no ref reaches it: a bundle leaves it out, so it is told."""
    git(tmp_path, "clone", "--quiet", tmp_path / "origin.git", tmp_path / "elsewhere")
    commit(tmp_path / "elsewhere", "Pushed from elsewhere\n")
    git(tmp_path / "elsewhere", "push", "--quiet", "origin", "main")
    git(repository, "fetch", "--quiet", tmp_path / "origin.git", "main")
    shelf = protecting(shelf, repository)

    shelf.back_up(Kind.CODE)

    assert shelf.contents(Kind.CODE).facts["shop at origin"] == "differs in 1, alone has 1"


def test_a_vanished_remote_is_told_and_the_backup_is_made(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """The copy is good; that it now is the only other one is what the warning is for."""
    shutil.rmtree(tmp_path / "second.git")
    shelf = protecting(shelf, repository, remotes=2)
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    contents = shelf.contents(Kind.CODE)
    assert contents.facts["shop at second"] == "does not answer"
    assert any(warning.startswith("shop: remote second cannot be asked: ") for warning in contents.warnings)
    assert "shop: 1 remotes answer, and code.remotes demands 2" in contents.warnings
    assert not failed(shelf.question(Kind.CODE, restored))
    assert f"push --mirror {tmp_path}/second.git" in str(restored.laid.notes)


def test_remotes_that_hang_are_waited_for_together_and_not_for_long(shelf: Shelf, repository: Path) -> None:
    """Three that accept a connection and say nothing take one time limit, not three."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for number in range(3):
            git(repository, "remote", "add", f"silent{number}", f"git://127.0.0.1:{silent.getsockname()[1]}/shop.git")
        shelf = protecting(shelf, repository, remote_timeout_minutes=2 / 60)
        begin = time.monotonic()
        shelf.back_up(Kind.CODE)
        seconds = time.monotonic() - begin

    contents = shelf.contents(Kind.CODE)
    assert [contents.facts[f"shop at silent{number}"] for number in range(3)] == ["does not answer"] * 3
    assert "shop: remote silent0 cannot be asked: no answer within 2 s" in contents.warnings
    assert contents.facts["shop at origin"] == "the same"
    assert seconds < 5

"""Code: the whole history is in the bundle, whatever lies beside the objects and says otherwise."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.code import CodeSettings
from dr.errors import SourceInvalid
from tests.integration.components.gits import git, new_repository
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two branches and a tag."""
    return new_repository(tmp_path / "shop")


def protecting(shelf: Shelf, *repositories: Path) -> Shelf:
    """The shelf with these repositories."""
    return shelf.with_components(code=CodeSettings(repositories=repositories))


def commits(path: Path) -> list[str]:
    """Every commit that anything reaches."""
    return git(path, "log", "--all", "--format=%H").split()


def forgetful_graph(repository: Path) -> None:
    """A commit-graph that says of every commit that it has no parent."""
    git(repository, "commit-graph", "write", "--reachable")
    path = repository / ".git" / "objects" / "info" / "commit-graph"
    data = bytearray(path.read_bytes())
    chunks = {bytes(data[at : at + 4]): data[at + 4 : at + 12] for at in range(8, 8 + 12 * data[6], 12)}
    begin, count = int.from_bytes(chunks[b"CDAT"], "big"), len(commits(repository))
    for place in range(begin + 20, begin + 36 * count, 36):
        data[place : place + 4] = b"\x70\x00\x00\x00"
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("lie", ["commit-graph", "grafts", "replacement"])
def test_what_lies_beside_the_objects_hides_no_history(shelf: Shelf, repository: Path, lie: str) -> None:
    """Git would pack one commit of three, call it whole and give the bundle a good checksum."""
    before = commits(repository)
    if lie == "commit-graph":
        forgetful_graph(repository)
    elif lie == "grafts":
        (repository / ".git" / "info").mkdir(exist_ok=True)
        (repository / ".git" / "info" / "grafts").write_text(git(repository, "rev-parse", "HEAD~1"))
    else:
        git(repository, "replace", "--graft", "HEAD~1")
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    path = Path(restored.directory) / "shop.git"
    assert len(before) == 3
    assert set(before) <= set(git(path, "--no-replace-objects", "log", "--all", "--format=%H").split())
    assert not failed(shelf.question(Kind.CODE, restored))
    assert ("commit-graph is damaged" in str(shelf.contents(Kind.CODE).notes)) == (lie == "commit-graph")


@pytest.mark.parametrize(
    "program, words",
    [
        ("unset GIT_GRAFT_FILE", "leaves out 1 commits"),
        ('case " $* " in *" pack-objects "*) head -n 1 | exec {git} "$@" ;; esac', "git packed 3 objects"),
    ],
)
def test_a_git_that_packs_less_than_the_refs_reach_is_found_out(
    shelf: Shelf, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    """One that believes grafts all the same, and one that packs the first ref only."""
    if "GRAFT" in program:
        (repository / ".git" / "info").mkdir(exist_ok=True)
        (repository / ".git" / "info" / "grafts").write_text(git(repository, "rev-parse", "HEAD"))
        git(repository, "branch", "--force", "other", "HEAD")
    else:
        git(repository, "tag", "--delete", "v1")
        git(repository, "checkout", "--quiet", "--orphan", "apart")
        git(repository, "commit", "--quiet", "-m", "Apart")
    programs = tmp_path / "programs"
    programs.mkdir()
    path = programs / "git"
    path.write_text(f'#!/bin/sh\n{program.format(git=shutil.which("git"))}\nexec {shutil.which("git")} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    with pytest.raises(SourceInvalid, match=words):
        protecting(shelf, repository).draft(Kind.CODE)

    assert shelf.files("local", Kind.CODE) == []


def test_a_remote_default_branch_that_was_renamed_is_only_noted(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """Its refs/remotes/origin/HEAD stands for a branch that is gone, as in every clone from before the renaming."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository, clone)
    git(repository, "branch", "--move", "main", "trunk")
    git(clone, "fetch", "--quiet", "--prune")
    git(clone, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    shelf = protecting(shelf, clone)
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    assert shelf.contents(Kind.CODE).notes == (
        "clone: refs/remotes/origin/HEAD stands for a branch that is gone; it is not in the bundle",
    )
    assert git(Path(restored.directory) / "clone.git", "for-each-ref") == git(clone, "for-each-ref")
    assert not failed(shelf.question(Kind.CODE, restored))


def test_an_empty_ref_is_damage_and_no_note(shelf: Shelf, repository: Path) -> None:
    """A power cut leaves such files; git names them in the same words as a branch that is gone."""
    (repository / ".git" / "refs" / "heads" / "other").write_text("")

    with pytest.raises(SourceInvalid):
        protecting(shelf, repository).draft(Kind.CODE)


def test_a_detached_head_without_any_ref_comes_back(shelf: Shelf, repository: Path) -> None:
    """Its commits are in the bundle, beside a repository that is as usual."""
    git(repository, "checkout", "--quiet", "--detach")
    head = git(repository, "rev-parse", "HEAD").strip()
    for name in git(repository, "for-each-ref", "--format=%(refname)").split():
        git(repository, "update-ref", "-d", name)
    shelf = protecting(shelf, repository, new_repository(repository.parent / "other"))
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    path = Path(restored.directory) / "shop.git"
    assert (path / "HEAD").read_text().strip() == head
    assert git(path, "rev-list", "--count", "HEAD").strip() == "3"
    assert shelf.contents(Kind.CODE).warnings == ()
    assert not failed(shelf.question(Kind.CODE, restored))

"""Code: bundled with all refs, destroyed, cloned back, compared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.code import CodeSettings
from tests.integration.components.shelf import Shelf, failed


def git(path: Path, *arguments: str) -> str:
    """Run git as somebody."""
    who = ("-c", "user.name=tester", "-c", "user.email=tester@example.org")
    done = subprocess.run(("git", "-C", path, *who, *arguments), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two branches and a tag."""
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    for number in range(3):
        (path / "file").write_text(f"{number}\n")
        git(path, "add", "file")
        git(path, "commit", "--quiet", "-m", f"Change {number}")
    git(path, "tag", "-a", "v1", "-m", "one")
    git(path, "branch", "other", "HEAD~1")
    return path


def test_a_lost_repository_comes_back_with_every_ref(shelf: Shelf, repository: Path) -> None:
    """Bundled, removed, cloned from the bundle: the same refs, and fsck has nothing to say."""
    shelf = shelf.with_components(code=CodeSettings(repositories=(repository,)))
    refs = git(repository, "for-each-ref")
    published = shelf.back_up(Kind.CODE)
    shutil.rmtree(repository)

    restored = shelf.restore(Kind.CODE)

    assert published.level == "listed"
    assert published.stores == ("local", "second")
    assert git(Path(restored.directory) / "shop.git", "for-each-ref") == refs
    assert not failed(shelf.question(Kind.CODE, restored))

"""Repositories for tests, made by git as somebody makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(path: Path, *arguments: str | Path) -> str:
    """Run git as somebody."""
    who = ("-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(("git", "-C", path, *who, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(path: Path, text: str, name: str = "file") -> str:
    """Change one file; the new commit's object."""
    (path / name).write_text(text)
    git(path, "add", name)
    git(path, "commit", "--quiet", "-m", text.strip())
    return git(path, "rev-parse", "HEAD").strip()


def new_repository(path: Path) -> Path:
    """Two branches and a tag."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    for number in range(3):
        commit(path, f"Change {number}\n")
    git(path, "tag", "-a", "v1", "-m", "one")
    git(path, "branch", "other", "HEAD~1")
    return path

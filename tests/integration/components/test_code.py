"""Code: bundled with all refs, destroyed, cloned back, compared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import to_json
from dr.configuration.components.code import CodeSettings
from dr.errors import BackupNotFound, SourceError
from tests.integration.components.gits import commit, git, new_repository
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two branches and a tag."""
    return new_repository(tmp_path / "shop")


def protecting(shelf: Shelf, *repositories: Path, **settings: object) -> Shelf:
    """The shelf with these repositories."""
    return shelf.with_components(code=CodeSettings(repositories=repositories, **settings))  # type: ignore[arg-type]


def test_a_lost_repository_comes_back_with_every_ref(shelf: Shelf, repository: Path) -> None:
    """Branches, an annotated tag, notes, a stash and a ref of nobody's; fsck has nothing to say."""
    git(repository, "notes", "add", "-m", "reviewed", "HEAD")
    git(repository, "update-ref", "refs/review/1", "HEAD~2")
    (repository / "file").write_text("not committed\n")
    git(repository, "stash")
    shelf = protecting(shelf, repository)
    refs, log = git(repository, "for-each-ref"), git(repository, "log", "--all", "--format=%H %s")
    published = shelf.back_up(Kind.CODE)
    shutil.rmtree(repository)

    restored = shelf.restore(Kind.CODE)

    assert published.level == "listed"
    assert published.stores == ("local", "second")
    path = Path(restored.directory) / "shop.git"
    assert git(path, "for-each-ref") == refs
    assert git(path, "log", "--all", "--format=%H %s") == log
    assert not failed(shelf.question(Kind.CODE, restored))
    assert shelf.contents(Kind.CODE).warnings == ()
    detail = "default branch main; 2 branches, 1 note, 2 other refs, 1 tag"
    assert shelf.contents(Kind.CODE).items[0].detail == detail


def test_a_branch_that_another_name_hides_is_in_the_bundle(shelf: Shelf, repository: Path) -> None:
    """``git bundle create --all`` would leave out main beside a branch called refs/heads/main."""
    git(repository, "update-ref", "refs/heads/refs/heads/main", "HEAD~2")
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    path = Path(restored.directory) / "shop.git"
    assert git(path, "for-each-ref") == git(repository, "for-each-ref")
    assert not failed(shelf.question(Kind.CODE, restored))


@pytest.mark.parametrize("head", ["refs/heads/other", "detached", "refs/heads/not-yet-born"])
def test_head_comes_back_as_it_was(shelf: Shelf, repository: Path, head: str) -> None:
    """Also where several branches are at its commit, where it is on none, and where its branch has no commit yet."""
    git(repository, "branch", "aaa", "other")
    if head == "detached":
        git(repository, "checkout", "--quiet", "--detach")
        head = commit(repository, "On no branch\n")
        (repository / ".git" / "HEAD").write_text(f"{head}\n")
    else:
        git(repository, "symbolic-ref", "HEAD", head)
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    path = Path(restored.directory) / "shop.git"
    assert (path / "HEAD").read_text().strip().removeprefix("ref: ") == head
    assert not failed(shelf.question(Kind.CODE, restored))
    if not head.startswith("refs/"):
        assert git(path, "show", f"{head}:file") == "On no branch\n"


def test_a_bundle_is_opened_by_git_alone(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """gpg and git, nothing of ours: verified, cloned, checked out on its default branch."""
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)
    (stored,) = (path for path in shelf.files("local", Kind.CODE) if "bundle" in path.name)
    home = shelf.system.encryption.gnupg_home
    bundle = tmp_path / "shop.bundle"
    argv = ("gpg", "--homedir", str(home), "--batch", "--quiet", "--output", str(bundle), "--decrypt", str(stored))
    opened = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert opened.returncode == 0, opened.stderr

    git(repository, "bundle", "verify", "--quiet", bundle)
    git(tmp_path, "clone", "--quiet", bundle, tmp_path / "clone")

    assert git(tmp_path / "clone", "log", "--format=%H") == git(repository, "log", "--format=%H")


def test_repositories_of_the_same_name_do_not_meet(shelf: Shelf, tmp_path: Path) -> None:
    """Each has its own bundle, and one can be brought back without the others."""
    one, two = new_repository(tmp_path / "one" / "shop"), new_repository(tmp_path / "two" / "shop")
    commit(two, "Only here\n")
    shelf = protecting(shelf, one, two, one)
    shelf.back_up(Kind.CODE)

    both = shelf.restore(Kind.CODE)
    single = shelf.restore(Kind.CODE, wanted=("two-shop",))

    assert [item.name for item in shelf.contents(Kind.CODE).items] == ["one-shop", "two-shop"]
    assert git(Path(both.directory) / "one-shop.git", "for-each-ref") == git(one, "for-each-ref")
    assert not failed(shelf.question(Kind.CODE, both))
    assert [path.name for path in Path(single.directory).iterdir()] == ["two-shop.git"]
    with pytest.raises(BackupNotFound, match="three-shop"):
        shelf.restore(Kind.CODE, wanted=("three-shop",))


def test_an_empty_repository_is_warned_of_and_comes_back_empty(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """It keeps nobody from a backup of the others."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=trunk", tmp_path / "new.git")
    shelf = protecting(shelf, repository, tmp_path / "new.git")
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    assert shelf.contents(Kind.CODE).warnings == ("new: it is empty: no commit, no ref",)
    assert (Path(restored.directory) / "new.git" / "HEAD").read_text() == "ref: refs/heads/trunk\n"
    assert not failed(shelf.question(Kind.CODE, restored))


def test_a_repository_given_by_its_address_is_cloned(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """All its refs are in the bundle, and it is told where it came from."""
    address = repository.as_uri()
    shelf = shelf.with_components(code=CodeSettings(urls=(address,)))
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    path = Path(restored.directory) / "shop.git"
    assert git(path, "for-each-ref") == git(repository, "for-each-ref")
    assert "remote" not in (path / "config").read_text()
    assert restored.laid.notes == (f"shop had the remote origin: git -C shop.git push --mirror {address}",)
    gone = shelf.with_components(code=CodeSettings(urls=((tmp_path / "gone").as_uri(),)))
    with pytest.raises(SourceError, match="gone"):
        gone.back_up(Kind.CODE)


def test_what_is_in_no_bundle_is_told(shelf: Shelf, repository: Path, tmp_path: Path) -> None:
    """Files of LFS make the run not green; submodules and older stashes are only noted."""
    commit(repository, "*.psd filter=lfs diff=lfs merge=lfs -text\n", ".gitattributes")
    git(repository, "submodule", "--quiet", "add", new_repository(tmp_path / "library"), "vendor/library")
    git(repository, "commit", "--quiet", "-m", "A submodule")
    for text in ("one\n", "two\n"):
        (repository / "file").write_text(text)
        git(repository, "stash")
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)

    contents = shelf.contents(Kind.CODE)
    assert len(contents.warnings) == 1
    assert "Git LFS" in contents.warnings[0]
    assert contents.notes == (
        "shop: its submodules are repositories of their own and not in its bundle: vendor/library",
        "shop: of its stashes only the newest is a ref: 1 older not in the bundle",
    )


def test_no_hook_of_anybodys_runs(
    shelf: Shelf, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of the repository nor those that the account has for all; nor a program as its fsmonitor."""
    hooks, ran = tmp_path / "hooks", tmp_path / "ran"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "fsmonitor"):
        hook = hooks / name
        hook.write_text(f"#!/bin/sh\necho {name} >>{ran}\n")
        hook.chmod(0o755)
        shutil.copy(hook, repository / ".git" / "hooks" / name)
    (tmp_path / "gitconfig").write_text(f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {hooks}/fsmonitor\n")
    shelf = protecting(shelf, repository)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    shelf.back_up(Kind.CODE)
    restored = shelf.restore(Kind.CODE)
    probes = shelf.question(Kind.CODE, restored)

    assert not failed(probes)
    assert not ran.exists()
    git(repository, "update-ref", "refs/heads/later", "HEAD")
    assert ran.exists(), "the hooks would have run"


def test_variables_of_another_repository_lead_nobody_astray(
    shelf: Shelf, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that a hook starts has GIT_DIR of the hook's repository in its environment."""
    refs = git(repository, "for-each-ref")
    elsewhere = new_repository(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_NAMESPACE", "somewhere")
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)
    restored = shelf.restore(Kind.CODE)
    probes = shelf.question(Kind.CODE, restored)
    monkeypatch.undo()

    assert not failed(probes)
    assert git(Path(restored.directory) / "shop.git", "for-each-ref") == refs


def test_without_git_the_bundles_are_laid_down(
    shelf: Shelf, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that has only gpg gets what git opens later; nothing is said about it that was not asked."""
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("gpg", "gpg-agent", "gpgconf", "env", "setpriv"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(programs))
    restored = shelf.restore(Kind.CODE)
    (probe,) = shelf.question(Kind.CODE, restored)
    monkeypatch.undo()

    assert probe.answer == "not proven"
    assert "git clone --mirror shop.bundle" in restored.laid.notes[0]
    git(repository, "bundle", "verify", "--quiet", Path(restored.directory) / "shop.bundle")


def test_a_copy_that_is_not_what_was_backed_up_is_told_apart(shelf: Shelf, repository: Path) -> None:
    """A branch that moved, another default branch, an object that is gone, a repository that is gone."""
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)
    restored = shelf.restore(Kind.CODE)
    path = Path(restored.directory) / "shop.git"

    def names() -> list[str]:
        return [probe.name for probe in failed(shelf.question(Kind.CODE, restored))]

    git(path, "symbolic-ref", "HEAD", "refs/heads/other")
    assert names() == ["head of shop"]
    git(path, "symbolic-ref", "HEAD", "refs/heads/main")
    git(path, "branch", "--force", "other", "main")
    assert names() == ["refs of shop"]
    git(path, "branch", "--force", "other", "main~1")
    assert names() == []
    (pack,) = path.glob("objects/pack/*.pack")
    pack.unlink()
    assert "fsck of shop" in names()
    shutil.rmtree(path)
    assert names() == ["fsck of shop"]


def test_no_password_of_a_remote_reaches_manifest_or_index(shelf: Shelf, repository: Path) -> None:
    """Operators put tokens into addresses; git quotes addresses in its errors."""
    token = "tok" + "en" * 8
    git(repository, "remote", "add", "origin", f"http://robot:{token}@127.0.0.1:1/shop.git")
    shelf = protecting(shelf, repository)
    shelf.back_up(Kind.CODE)

    restored = shelf.restore(Kind.CODE)

    manifest = shelf.manifest(Kind.CODE)
    assert "origin cannot be asked" in str(manifest.component)
    assert token not in to_json(manifest).decode()
    assert token not in str(restored)
    assert "http://127.0.0.1:1/shop.git" in str(restored.laid.notes)

"""Is a repository whole? A bundle of a shallow or partial clone, or of one with damaged objects, is worth little."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dr.components.code.git import asked, failure, git
from dr.components.code.refs import Refs, read_refs, short
from dr.errors import SourceInvalid

_MALFORMED = re.compile(r"(?:error|warning) in (?:commit|tree|tag|blob|submodule)[^:]*: .*")
_NO_OBJECT = re.compile(r"error: (?P<ref>refs/\S+): invalid sha1 pointer 0+")
_TIPS = 50
"""Branches that are looked at for LFS and submodules, HEAD first."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``git fsck`` found: ``fatal`` is empty for a whole repository. ``malformed`` objects are whole all the same:
    other programs, or git in its youth, wrote them so. ``dangling`` are refs that stand for another that is gone."""

    fatal: str
    malformed: int
    dangling: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """``warnings``: content that is not in the backup. ``notes``: what was never meant to be."""

    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def require_complete(path: Path, deadline: float) -> None:
    """Raises SourceInvalid for a clone that holds only a part, SourceError for what is no repository."""
    asked(path, "rev-parse", "--git-dir", deadline=deadline)
    if asked(path, "rev-parse", "--is-shallow-repository", deadline=deadline).strip() == "true":
        raise SourceInvalid(
            f"{path} is a shallow clone: its history is cut off",
            hint=f"git -C {path} fetch --unshallow, or give its address in code.urls.",
        )
    found, listed = git(
        path, "config", "--get-regexp", r"^(remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone)$",
        deadline=deadline,
    )  # fmt: skip
    if found.ok:
        raise SourceInvalid(
            f"{path} is a partial clone: some of its objects are only at its remote",
            detail=listed.strip(),
            hint="Back up a full clone (git clone --mirror), or give its address in code.urls.",
        )


def complete_refs(path: Path, deadline: float) -> Refs:
    """The refs of a repository that was found to be whole. Raises SourceInvalid for one that is not."""
    require_complete(path, deadline)
    refs = read_refs(path, deadline)
    if unreadable := [name for name in refs.by_name if "�" in name]:
        raise SourceInvalid(
            f"{path} has refs whose names are not UTF-8: {short(unreadable)}",
            hint="Rename them: no bundle could be relied on to keep such names.",
        )
    return refs


def fsck(path: Path, deadline: float) -> Checked:
    """Every object is read and its hash compared. Raises SourceError when that was not done in time."""
    ended, output = git(
        path, "fsck", "--full", "--no-dangling", "--no-reflogs", "--no-progress", deadline=deadline
    )  # fmt: skip
    if ended.status < 0:
        raise failure(str(path), ended)
    lines = [line for line in (ended.stderr + "\n" + output).splitlines() if line.strip()]
    malformed = [line for line in lines if _MALFORMED.fullmatch(line)]
    dangling = {line: found["ref"] for line in lines if (found := _NO_OBJECT.fullmatch(line))}
    dangling = {line: name for line, name in dangling.items() if _stands_for_another(path, name, deadline)}
    told = {*malformed, *dangling}
    worse = [line for line in lines if line not in told and not line.startswith(("notice: ", "..."))]
    names = tuple(sorted(dangling.values()))
    if not ended.ok and (worse or not told):
        return Checked("; ".join(worse)[:2000] or str(ended), len(malformed), names)
    return Checked("", len(malformed), names)


def _stands_for_another(path: Path, name: str, deadline: float) -> bool:
    ended, _ = git(path, "symbolic-ref", "--quiet", name, deadline=deadline)
    return ended.ok


def require_whole(path: Path, deadline: float) -> tuple[str, ...]:
    """Raises SourceInvalid when objects are missing or damaged; else what to warn of."""
    checked = fsck(path, deadline)
    if checked.fatal:
        raise SourceInvalid(
            f"{path} has missing or damaged objects",
            detail=checked.fatal,
            hint="Fetch it anew from a remote (git clone --mirror), or restore its last backup; it was not stored.",
        )
    notes = []
    if checked.malformed:
        notes.append(f"git fsck finds fault with the form of {checked.malformed} objects; they are whole")
    if checked.dangling:
        notes.append(f"{short(checked.dangling)} stands for a branch that is gone; it is not in the bundle")
    graph, _ = git(path, "commit-graph", "verify", "--no-progress", deadline=deadline)
    if graph.status > 0:
        notes.append(
            f"its commit-graph is damaged, and not what the bundle is made by (git -C {path} commit-graph write "
            "--reachable makes it anew)"
        )
    return tuple(notes)


def left_out(path: Path, refs: Refs, deadline: float) -> LeftOut:
    """What belongs to the repository and is in no bundle of it."""
    heads = (oid for name, oid in refs.by_name.items() if name.startswith("refs/heads/"))
    tips = [oid for oid in dict.fromkeys((refs.head_object, *heads)) if oid][:_TIPS]
    warnings: list[str] = []
    notes: list[str] = []
    if tips and _grep(path, tips, "filter=lfs", "*.gitattributes", deadline):
        warnings.append("it uses Git LFS: the bundle holds pointers; back up the files that they point to apart")
    if tips and (paths := _grep(path, tips, r"^[[:space:]]*path[[:space:]]*=", ".gitmodules", deadline)):
        names = sorted({line.partition("=")[2].strip() for line in paths})
        notes.append(f"its submodules are repositories of their own and not in its bundle: {short(names)}")
    if "refs/stash" in refs.by_name:
        listed, stashes = git(path, "log", "--walk-reflogs", "--format=%H", "refs/stash", deadline=deadline)
        if listed.ok and (older := len(stashes.splitlines()) - 1) > 0:
            notes.append(f"of its stashes only the newest is a ref: {older} older not in the bundle")
    return LeftOut(tuple(warnings), tuple(notes))


def _grep(path: Path, tips: list[str], pattern: str, files: str, deadline: float) -> list[str]:
    """The matching lines in some files of these commits."""
    ended, output = git(path, "grep", "-h", "-e", pattern, *tips, "--", files, deadline=deadline)
    if ended.status not in (0, 1):
        raise failure(str(path), ended)
    return output.splitlines()

"""Does every remote have what the repository has? A second remote that nobody pushes to is no second copy.

The repository on this host decides: its branches and tags are what is backed up, so each remote is compared with them.
A branch that only remotes have is measured by the first of them, in git's order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dr.components.code.git import asked, failure, git, redacted, streamed
from dr.components.code.refs import Refs, short

_AT_ONCE = 8
_COMPARED = ("refs/heads/", "refs/tags/")


@dataclass(frozen=True, slots=True)
class Listing:
    """What one remote said: its branches and tags, or why it did not say."""

    name: str
    url: str
    refs: Mapping[str, str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One remote beside the repository: refs that it lacks, refs that are elsewhere, and work of its own that is not
    in the repository, so not in the backup either. ``error``: it could not be asked."""

    name: str
    missing: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    not_fetched: tuple[str, ...] = ()
    error: str = ""

    @property
    def same(self) -> bool:
        return not (self.missing or self.different or self.not_fetched or self.error)

    def described(self) -> str:
        """For people, without names: ``lacks 2, differs in 1``."""
        if self.error:
            return "does not answer"
        counts = (("lacks", self.missing), ("differs in", self.different), ("alone has", self.not_fetched))
        return ", ".join(f"{verb} {len(refs)}" for verb, refs in counts if refs) or "the same"

    def warnings(self) -> tuple[str, ...]:
        """One sentence for each thing that is not as it should be."""
        if self.error:
            return (f"remote {self.name} cannot be asked: {self.error}",)
        found = (
            ("lacks {}: push them", self.missing),
            ("has another commit at {}", self.different),
            ("has work that is not in this backup: {}; fetch it", self.not_fetched),
        )
        return tuple(f"remote {self.name} {words.format(short(refs))}" for words, refs in found if refs)


def compare(local: Refs, held: Collection[str], listings: Sequence[Listing]) -> tuple[Difference, ...]:
    """``held`` are the objects of the remotes' refs that the repository has."""
    expected: dict[str, str] = {}
    for refs in (local.by_name, *(listing.refs for listing in listings)):
        for name, oid in refs.items():
            if name.startswith(_COMPARED):
                expected.setdefault(name, oid)
    found = []
    for listing in listings:
        if listing.error:
            found.append(Difference(listing.name, error=listing.error))
            continue
        theirs = listing.refs
        found.append(
            Difference(
                listing.name,
                tuple(sorted(name for name in expected if name not in theirs)),
                tuple(sorted(name for name, oid in theirs.items() if expected.get(name, oid) != oid)),
                tuple(sorted(name for name, oid in theirs.items() if oid not in held)),
            )
        )
    return tuple(found)


def ask_remotes(
    path: Path, local: Refs, deadline: float, patience: float
) -> tuple[tuple[Listing, ...], tuple[Difference, ...]]:
    """Every remote is asked at once; one that does not answer within ``patience`` seconds counts as unreachable."""
    names = asked(path, "remote", deadline=deadline).split()
    found, ssh = git(path, "config", "core.sshCommand", deadline=deadline)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="remote") as pool:
        listings = tuple(pool.map(lambda name: _list(path, name, patience, ssh.strip() if found.ok else ""), names))
    return listings, compare(local, _held(path, listings, deadline), listings)


def _list(path: Path, name: str, patience: float, ssh: str) -> Listing:
    known, url = git(path, "remote", "get-url", name, deadline=patience)
    url = redacted(url.strip()) if known.ok else ""
    ended, output = git(path, "ls-remote", "--heads", "--tags", "--refs", "--", name, deadline=patience, ssh=ssh)
    if ended.status < 0:
        return Listing(name, url, {}, f"no answer within {patience:g} s")
    if not ended.ok:
        lines = failure(name, ended).detail.splitlines()
        return Listing(name, url, {}, lines[0][:300])
    pairs = (line.split("\t", 1) for line in output.splitlines() if "\t" in line)
    return Listing(name, url, {ref: oid for oid, ref in pairs})


def _held(path: Path, listings: Sequence[Listing], deadline: float) -> frozenset[str]:
    """Which of the remotes' objects are in the repository, and reached from one of its refs: no other is bundled."""
    wanted = sorted({oid for listing in listings for oid in listing.refs.values()})
    known = [
        oid for oid in _answers(path, wanted, "cat-file", "--batch-check", deadline=deadline) if " missing" not in oid
    ]
    here = [line.split(" ", 1)[0] for line in known]
    apart = _answers(path, here, "rev-list", "--stdin", "--not", "--all", deadline=deadline) if here else []
    return frozenset(here) - frozenset(apart)


def _answers(path: Path, lines: Sequence[str], *arguments: str, deadline: float) -> list[str]:
    """What a command says to these lines."""
    with streamed(path, *arguments, lines="".join(f"{line}\n" for line in lines), deadline=deadline) as child:
        output = child.stdout.read().decode()
        ended = child.wait(deadline)
    if not ended.ok:
        raise failure(str(path), ended)
    return output.splitlines()

"""Bringing restored files to where the product has them: only where nothing is, and never over anything.

Uploads are renamed as a whole where the place is empty or absent, and copied where it is on another disk. Of
configuration and certificates each file goes to its own place; one that is there already and differs stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dr.components.certificates.question import SUMS
from dr.components.config.layout import ENVIRONMENT, FILES
from dr.components.files.index_lines import KEPT_AS, read_kept
from dr.configuration.components.certificates import CertificatesSettings
from dr.configuration.model import System
from dr.errors import StoreFull, TargetRefused
from dr.operations.full_recovery.half_copied import require_unchanged
from dr.operations.full_recovery.own import claim, go_on, half_made_by, is_free, is_whole, taking_space, whole
from dr.operations.full_recovery.parts import RestoredPart, directory_of
from dr.pipeline.process import run

_DAY = 86400.0
_CRON = ("cron", "crontab", "crontabs")
_ELSEWHERE = (errno.EXDEV, errno.EBUSY)


@dataclass(frozen=True, slots=True)
class Placed:
    """How many files or directories are in their places now, and what is left for people to do, in words."""

    count: int
    places: tuple[str, ...]
    left: tuple[str, ...] = ()


def lay_uploads(restored: RestoredPart, run_name: str) -> Placed:
    """Each directory to where it was. Raises ``TargetRefused`` where something is."""
    directory = directory_of(restored)
    header, _ = read_kept(directory)
    places = []
    for root in header.roots:
        with taking_space(Path(root.path)):
            _lay_directory(directory / root.name, Path(root.path), run_name)
        places.append(root.path)
    return Placed(len(places), tuple(places), (f"remove {directory / KEPT_AS} when the uploads have been compared",))


def _lay_directory(source: Path, place: Path, run_name: str) -> None:
    if not source.exists() and place.is_dir():
        return  # a run that was killed has renamed it
    if is_whole(place, run_name):
        return  # an earlier attempt has copied it, and what has come into it since is the product's
    place.parent.mkdir(parents=True, exist_ok=True)
    if not is_free(place, run_name):
        raise TargetRefused(
            f"{place} is not empty", f"the restored copy lies in {source}", "Compare them, and move one aside."
        )
    try:
        source.rename(place)
    except OSError as error:
        if error.errno not in (*_ELSEWHERE, errno.ENOTEMPTY):
            raise
        _copy(source, place, run_name)


def _copy(source: Path, place: Path, run_name: str) -> None:
    """To another disk, by ``cp``, which keeps owners, links, holes and attributes."""
    require_unchanged(source, place, more=half_made_by(place) == run_name)
    # A half copy is copied over and never cleared: somebody may upload into it at this moment.
    if not go_on(place, run_name):
        claim(place, run_name)
    ended, _ = run("cp", ("cp", "-a", "--", f"{source}/.", str(place)), deadline_seconds=_DAY)
    if not ended.ok:
        raise StoreFull(
            f"{source} cannot be copied to {place}", str(ended), "Make room there, and run it again: it goes on."
        )
    whole(place, run_name)


def lay_config(restored: RestoredPart, *, exercise: bool = False) -> Placed:
    """Every file below ``files`` to its absolute path; in an ``exercise`` none that would begin something by itself."""
    directory = directory_of(restored)
    made: list[tuple[Path, Path]] = []
    pairs = list(_tree(directory / FILES, Path("/"), made))
    begins = [(source, place) for source, place in pairs if exercise and _begins_by_itself(place)]
    placed = _lay_files(pair for pair in pairs if pair not in begins)
    told = tuple(
        f"{place} is not laid: nothing begins by itself in an exercise; it is {source}" for source, place in begins
    )
    placed = Placed(placed.count, placed.places, (*placed.left, *told))
    for source, place in reversed(made):
        _dress(source, place)  # what was laid into them has changed their times
    if not (directory / ENVIRONMENT).exists():
        return placed
    variables = f"load the variables of {directory / ENVIRONMENT} where the services get theirs"
    return Placed(placed.count, placed.places, (*placed.left, variables))


def _begins_by_itself(place: Path) -> bool:
    """Jobs of cron and timers of systemd: they would mail, bill and delete as production's do."""
    return place.suffix == ".timer" or any(part in _CRON or part.startswith("cron.") for part in place.parts)


def lay_certificates(system: System, restored: RestoredPart) -> Placed:
    """Each chain and key to where the settings have them; what they do not tell is left."""
    directory = directory_of(restored)
    settings = system.components.certificates
    pairs, left = [], []
    for certificate in sorted(path for path in directory.iterdir() if path.is_dir()):
        found = list(_places_of(certificate, settings))
        pairs += found
        left += [] if found else [f"copy {certificate} to where the server reads it, and reload the server"]
    placed = _lay_files(pairs)
    return Placed(placed.count, placed.places, (*placed.left, *left))


def _places_of(certificate: Path, settings: CertificatesSettings) -> Iterator[tuple[Path, Path]]:
    for pair in settings.pairs:
        if pair.chain.stem == certificate.name:
            yield certificate / pair.chain.name, pair.chain
            if pair.key != pair.chain:
                own = certificate / pair.key.name
                renamed = certificate / f"key-{pair.key.name}"  # where both files had the same name
                yield renamed if renamed.exists() else own, pair.key
            return
    same = [path for path in settings.directories if path.name == certificate.name]
    within = [path / certificate.name for path in settings.directories] if len(settings.directories) == 1 else []
    for place in (same or within)[:1]:
        yield from ((file, place / file.name) for file in sorted(certificate.iterdir()) if file.name != SUMS)


def _tree(source: Path, root: Path, made: list[tuple[Path, Path]]) -> Iterator[tuple[Path, Path]]:
    """Every file and link below, with its place; directories that are missing are made, and noted in ``made``."""
    if not source.is_dir():
        return
    for path in sorted(source.iterdir()):
        place = root / path.name
        if path.is_dir() and not path.is_symlink():
            made += _make(path, place)
            yield from _tree(path, place, made)
        else:
            yield path, place


def _make(source: Path, place: Path) -> list[tuple[Path, Path]]:
    with taking_space(place), suppress(FileExistsError):
        place.mkdir(mode=0o700)
        return [(source, place)]
    return []


def _lay_files(pairs: Iterable[tuple[Path, Path]]) -> Placed:
    places, left = [], []
    for source, place in pairs:
        with taking_space(place):
            laid = _lay_file(source, place)
        if laid:
            places.append(str(place))
        else:
            left.append(f"{place} was there already and differs: it stays; compare it with {source}")
    return Placed(len(places), tuple(places), tuple(left))


def _lay_file(source: Path, place: Path) -> bool:
    """Whether it is there now as it was backed up; False where another one is."""
    if os.path.lexists(place):
        return _same(source, place)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a private key may go into it
    temporary = place.with_name(f".{place.name}.full-recovery")
    temporary.unlink(missing_ok=True)
    if source.is_symlink():
        temporary.symlink_to(source.readlink())
    else:
        _write(source, temporary)
    _dress(source, temporary)
    try:
        os.link(temporary, place, follow_symlinks=False)  # unlike a rename it replaces nothing
    except FileExistsError:
        return _same(source, place)
    finally:
        temporary.unlink()
    return True


def _write(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _same(source: Path, place: Path) -> bool:
    if source.is_symlink() or place.is_symlink():
        return source.is_symlink() and place.is_symlink() and source.readlink() == place.readlink()
    return place.is_file() and source.read_bytes() == place.read_bytes()


def _dress(source: Path, place: Path) -> None:
    """Owner, mode and time as they were restored; owners where this account may."""
    found = source.lstat()
    with suppress(PermissionError):
        os.chown(place, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        place.chmod(stat.S_IMODE(found.st_mode))
    os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)

"""Running ``terraform`` or ``tofu``: in a copy of the module, asking nobody, telling nobody's secrets.

``init`` writes into the directory that it runs in, so it never is the operator's. The copy keeps the absolute paths
below a scratch directory, so that ``../modules/network`` still leads where it did.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.components.terraform.backend import Backend, noted_backend
from dr.components.terraform.module import DATA, LOCK_FILE, Module
from dr.errors import SourceError, ToolError
from dr.pipeline.process import Exit, run

_NAMES = ("terraform", "tofu")
_WORKSPACE = re.compile(r"^[* ] (\S+)$", re.MULTILINE)
_CREDENTIALS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
OVERRIDE = "dr_backend_override.tf.json"


def found_program(wanted: str, module: Module | None = None) -> str | None:
    """The program that is configured, or the one that made the module's lock file, or whichever is installed."""
    if wanted:
        return shutil.which(wanted)
    names = _NAMES
    lock = module.directory / LOCK_FILE if module is not None else None
    if lock is not None and lock.is_file() and "registry.opentofu.org" in lock.read_text(errors="replace"):
        names = names[::-1]
    return next((found for name in names if (found := shutil.which(name))), None)


def required_program(wanted: str, module: Module | None = None) -> str:
    """Raises ToolError when it is not here."""
    found = found_program(wanted, module)
    if found is None:
        raise ToolError(
            f"{wanted} is missing" if wanted else "neither terraform nor tofu is installed",
            hint="Install it, or name it in terraform.program: only it can speak to a state that is not a local file.",
        )
    return found


@dataclass(frozen=True, slots=True)
class Program:
    """The program in one directory of ours. ``deadline`` is seconds per command; ``providers`` are already fetched."""

    path: str
    directory: Path
    deadline: float
    providers: Path | None = None

    def run(self, *arguments: str | Path, workspace: str = "") -> tuple[Exit, str]:
        """The caller judges the status."""
        return run(
            f"{Path(self.path).name} {arguments[0]}",
            (self.path, *arguments),
            environment=self.environment(workspace),
            directory=self.directory,
            deadline_seconds=self.deadline,
        )

    def environment(self, workspace: str = "") -> dict[str, str]:
        """What it is given beside our own environment."""
        return {
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            # Arguments that somebody set for work by hand are not meant for us, and may break any command.
            **{name: "" for name in os.environ if name.startswith("TF_CLI_ARGS")},
            "TF_DATA_DIR": str(self.directory / DATA),
            # It speaks to the cloud for us: what other children must not see, its backend may need.
            **{name: os.environ[name] for name in _CREDENTIALS if name in os.environ},
            "TF_WORKSPACE": workspace,
        }

    def version(self) -> str:
        """``1.11.4``; empty when it does not say."""
        _, output = self.run("version", "-json")
        try:
            return str(json.loads(output)["terraform_version"])
        except (ValueError, KeyError):
            return ""

    def init(self, configuration: tuple[Path, ...] = ()) -> None:
        """Make the directory ready. Raises SourceError when not even the backend could be reached.

        Providers that cannot be fetched are none of a state's business.
        """
        files = tuple(f"-backend-config={path}" for path in configuration)
        locked = ("-lockfile=readonly",) if (self.directory / LOCK_FILE).exists() else ()
        arguments = ("init", "-input=false", "-no-color", *locked, *files)
        fetched = () if self.providers is None else (f"-plugin-dir={self.providers}",)
        ended, _ = self.run(*arguments, *fetched)
        if fetched and not ended.ok:
            ended, _ = self.run(*arguments)
        if not ended.ok and not (self.directory / DATA / "terraform.tfstate").exists():
            raise SourceError(
                "the module cannot be initialised",
                headlines(ended),
                "Run terraform init there with the same environment. terraform.backend_config names files for it.",
            )

    def backend_ready(self, backend: Backend, configuration: tuple[Path, ...]) -> Backend:
        """The backend with everything that ``init`` knows of it; ``init`` is run where nobody had."""
        noted = self.directory / DATA / "terraform.tfstate"
        if configuration or not noted.exists():
            self.init(configuration)
        return (noted_backend(noted.read_bytes()) if noted.exists() else None) or backend

    def workspaces(self) -> tuple[str, ...]:
        """Every workspace of the backend. Raises SourceError."""
        return tuple(_WORKSPACE.findall(self.answer("workspace", "list", "-no-color")))

    def answer(self, *arguments: str | Path, workspace: str = "") -> str:
        """What a command prints. Raises SourceError."""
        ended, output = self.run(*arguments, workspace=workspace)
        if not ended.ok:
            raise SourceError(
                f"{ended.name} failed",
                headlines(ended),
                "Run it in the module with the same environment: it says more.",
            )
        return output


def headlines(ended: Exit) -> str:
    """What went wrong, without the lines of code around it: these may hold a backend's keys."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", ended.stderr)
    lines = [line.strip("│╷╵| ") for line in plain.splitlines()]
    told = [line for line in lines if line.startswith(("Error:", "Failed to"))]
    how = "was not done in time" if ended.status == -9 else f"exit status {ended.status}"
    return "; ".join([how, *told])


def copied(module: Module, scratch: Path) -> Path:
    """The module's files and what ``init`` has noted beside them, below ``scratch``; where the module is there."""
    for path in module.files():
        if path.name.endswith(".tfstate"):
            continue  # init would ask what to do with it
        place = below(scratch, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            place.symlink_to(path.readlink())
        elif path.is_file():
            shutil.copyfile(path, place)
    directory = below(scratch, module.directory)
    directory.mkdir(parents=True, exist_ok=True)
    noted, place = module.directory / DATA, directory / DATA
    place.mkdir(exist_ok=True)
    if (noted / "terraform.tfstate").is_file():
        shutil.copyfile(noted / "terraform.tfstate", place / "terraform.tfstate")
    if (noted / "modules").is_dir():
        shutil.copytree(noted / "modules", place / "modules", symlinks=True)
    return directory


def below(scratch: Path, path: Path) -> Path:
    """An absolute path, moved below ``scratch``."""
    return scratch / path.relative_to(path.anchor)


def copied_back(folder: Path, place: Path) -> None:
    """A restored module's folder without its states: ``init`` would want to move them to another backend."""
    shutil.copytree(folder, place, symlinks=True, ignore=shutil.ignore_patterns("*.tfstate", "*.tfstate.*"))


def use_local_backend(directory: Path, values: Mapping[str, str] | None = None) -> None:
    """Let the module in ``directory`` keep its state in files, whatever its own code says. ``init`` comes after."""
    literal = {name: value.replace("${", "$${").replace("%{", "%%{") for name, value in (values or {}).items()}
    document = {"terraform": {"backend": {"local": literal}}}
    (directory / OVERRIDE).write_text(json.dumps(document), encoding="utf-8")
    for stale in (directory / DATA / "terraform.tfstate", directory / DATA / "environment"):
        stale.unlink(missing_ok=True)

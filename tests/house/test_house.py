"""The house itself: pins, file lengths, arrows between the rooms, and what the wheel holds."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TypeGuard

import pytest

from tools import check_file_lengths

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("dr", "flows", "tasks", "blocks", "deployments")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def _pins() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_constraints_pin_exact_versions_and_name_no_place():
    """Every line is name==version, perhaps with a marker: no address, no path, no option."""
    pin = re.compile(r"[a-z0-9][a-z0-9-]*==[0-9][A-Za-z0-9.+!]*( ; [a-z_]+ .*)?")

    assert [line for line in _pins() if not pin.fullmatch(line)] == []
    assert "//" not in (ROOT / "constraints.txt").read_text()


def test_every_declared_dependency_is_pinned():
    """What pyproject.toml asks for, extras included, has its exact version in constraints.txt."""
    declared = _names([*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["demo"]])

    assert declared - _names(_pins()) == set()


def _imported(nodes: list[ast.stmt]) -> Iterator[str]:
    """Top-level names of what is imported at run time; what only the type checker imports does not count."""
    for node in nodes:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from _imported(node.orelse)
            case ast.Import(names=aliases):
                yield from (alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case _:
                yield from _imported([child for child in ast.walk(node) if child is not node and _imports(child)])


def _imports(node: ast.AST) -> TypeGuard[ast.stmt]:
    return isinstance(node, ast.Import | ast.ImportFrom)


@pytest.mark.parametrize("room", [*ROOMS, "tests", "tools", "benchmarks"])
def test_whatever_is_imported_is_declared(room):
    """No room leans on a package that is only there because another package wanted it."""
    declared = _names([*PROJECT["dependencies"], *EXTRAS["demo"], "botocore"])  # botocore is boto3's own face
    if room not in ROOMS:
        declared |= _names(EXTRAS["dev"])
    ours = {*ROOMS, "tests", "tools", "benchmarks", "__future__", *sys.stdlib_module_names}
    providers = packages_distributions()

    undeclared = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / room).rglob("*.py")
        for name in _imported(ast.parse(path.read_text(), filename=str(path)).body)
        if name not in ours and not _names(providers.get(name, [name])) & declared
    }

    assert undeclared == set()


def test_no_file_is_over_400_lines():
    """The tree as it is passes its own length check."""
    assert check_file_lengths.main(ROOT) == 0


def test_a_file_over_400_lines_is_refused_and_one_over_300_is_named(tmp_path, capsys):
    """The length check says which file and what to do."""
    (tmp_path / "tests" / "golden").mkdir(parents=True)
    (tmp_path / "fits.py").write_text("x = 1\n" * 300)
    (tmp_path / "grows.py").write_text("x = 1\n" * 301)
    (tmp_path / "burst.py").write_text("x = 1\n" * 401)
    (tmp_path / "tests" / "golden" / "long.py").write_text("x = 1\n" * 900)

    assert check_file_lengths.main(tmp_path) == 1

    said = capsys.readouterr().out
    assert "burst.py has 401 lines, more than 400: give each verb its own file" in said
    assert "grows.py has 301 lines" in said
    assert "fits.py" not in said
    assert "golden" not in said


@pytest.fixture(scope="module")
def copy_of_the_rooms(tmp_path_factory) -> Path:
    """The five rooms and the contracts between them, free to be broken."""
    tree: Path = tmp_path_factory.mktemp("rooms")
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


@pytest.fixture(scope="module")
def tidy_rooms(copy_of_the_rooms) -> Path:
    """The same, seen to keep every contract before a test breaks one."""
    everything = _lint_imports(copy_of_the_rooms)
    assert everything.returncode == 0, everything.stdout
    tree: Path = copy_of_the_rooms
    return tree


def _lint_imports(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    command = (str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", *chosen)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "contract, where, statement",
    [
        ("arrows", "dr/operations", "def late():\n    import flows"),
        ("arrows", "blocks", "import tasks"),
        ("arrows", "flows", "import deployments"),
        ("no-prefect", "dr", "from prefect import flow"),
        ("cli-on-top", "flows", "import dr.cli"),
        ("pure-core", "dr/policy", "import subprocess"),
        ("pure-core", "dr/catalog", "import dr.storage"),
        ("psycopg-room", "dr/operations", "import psycopg"),
        ("boto3-room", "dr/postgres", "from botocore import exceptions"),
    ],
)
def test_an_import_against_the_arrows_is_refused(tidy_rooms, contract, where, statement):
    """Each contract holds in the tree and breaks when one wrong import is added."""
    intruder = tidy_rooms / where / "intruder_from_test_house.py"
    intruder.write_text(statement + "\n")
    try:
        after = _lint_imports(tidy_rooms, contract)
    finally:
        intruder.unlink()

    assert after.returncode != 0
    assert "intruder_from_test_house" in after.stdout


def test_the_wheel_holds_every_package_and_its_data(copy_of_the_rooms, tmp_path):
    """What is installed is what is in the tree: every file of the five rooms, and no test."""
    build = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run(
        (sys.executable, "-c", build, str(tmp_path)), cwd=copy_of_the_rooms, check=True, capture_output=True, text=True
    )
    wheel = next(tmp_path.glob("*.whl"))
    inside = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(copy_of_the_rooms))
        for room in ROOMS
        for path in (copy_of_the_rooms / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert expected - inside == set()
    assert not [name for name in inside if name.startswith(("tests/", "tools/", "benchmarks/"))]


def test_nothing_names_a_package_index():
    """Where packages come from is the business of whoever installs: no file of ours says it."""
    hosts = ["pypi" + ".org", "python" + "hosted", "index" + "-url =", "extra-index" + "-url"]
    listed = subprocess.run(
        ("git", "ls-files", "-co", "--exclude-standard"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.splitlines() or ["pyproject.toml", "constraints.txt", "Makefile", "tools/bootstrap.py"]

    guilty = [name for name in names if (ROOT / name).is_file() and _mentions(ROOT / name, hosts)]

    assert guilty == []


def _mentions(path: Path, words: list[str]) -> bool:
    text = path.read_text(errors="replace")
    return any(word in text for word in words)

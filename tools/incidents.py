"""Print which test covers which incident, read from the tests' ``@pytest.mark.incident("I7")`` markers.

The source is parsed, not imported: the answer needs no server and takes no time. ``--require I1 I4`` exits with 1
when one of them has no test.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def incident_ids(node: ast.expr) -> tuple[str, ...]:
    """The ids of one marker expression: ``incident("I1", "I4")`` gives both, anything else none."""
    match node:
        case ast.Call(func=ast.Attribute(attr="incident"), args=arguments):
            return tuple(a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(found for item in items for found in incident_ids(item))
    return ()


def _module_ids(body: list[ast.stmt]) -> tuple[str, ...]:
    """The ids of a ``pytestmark = ...`` at the top of a module or class."""
    found: list[str] = []
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
                found.extend(incident_ids(value))
    return tuple(found)


def covered(body: list[ast.stmt], inherited: tuple[str, ...] = (), prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (incident id, test name) for every marked test, marks of its class and module included."""
    inherited = (*inherited, *_module_ids(body))
    for node in body:
        if not isinstance(node, Definition):
            continue
        ids = (*inherited, *(found for mark in node.decorator_list for found in incident_ids(mark)))
        name = f"{prefix}::{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from covered(node.body, ids, name)
        elif node.name.startswith("test"):
            yield from ((found, name) for found in dict.fromkeys(ids))


def coverage(root: Path) -> dict[str, list[str]]:
    """Incident id to the tests that cover it, ids in numeric order."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        for incident, test in covered(tree.body):
            found.setdefault(incident, []).append(f"{path.relative_to(root)}{test}")
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the clone to read")
    parser.add_argument("--require", nargs="*", default=[], metavar="ID", help="fail when one of these has no test")
    options = parser.parse_args(arguments)
    found = coverage(options.root)
    for incident, tests in found.items():
        for number, test in enumerate(tests):
            print(f"{incident if number == 0 else '':<5}{test}")
    missing = [incident for incident in options.require if incident not in found]
    if missing:
        print(f"no test covers {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

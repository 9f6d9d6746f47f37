"""SQL of the demo, read by name."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def query(name: str) -> LiteralString:
    """The text of ``<name>.sql``. It ships with the program, so psycopg may take it as a literal."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")

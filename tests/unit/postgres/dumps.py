"""Dumps in pg_dump's own form, and what a reader must find in them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

NASTY = (
    "users",
    "; Type: TABLE",
    "x; Type: TABLE; Schema: public; Owner: o",
    "two\nlines",
    'a "quoted" name',
    "Größe 表",
    "ends in FROM stdin;",
    "it ends in\nFROM stdin;",
    "x FROM stdin;\n",
    "x FROM stdin;\n\\.\n\nCOPY y",
    'a " FROM stdin;\n" b',
    '" FROM stdin;\n',
    "-- Name: fake; Type: TABLE; Schema: public; Owner: o",
    "\\.",
)
TEXTS = (
    "",
    "plain",
    "\\.",
    "\n\\.\n",
    "-- Name: fake; Type: TABLE; Schema: public; Owner: o",
    "-- Data for Name: fake; Type: TABLE DATA; Schema: public; Owner: o",
    "-- PostgreSQL database dump complete",
    "COPY public.fake (id) FROM stdin;",
    "SELECT pg_catalog.lo_create('1');",
    "tab\tand\r\nline",
    "\\",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of one text column; ``rows`` None: a partitioned parent, which has no data of its own."""

    name: str
    rows: tuple[str, ...] | None
    schema: str = "public"

    @property
    def shown(self) -> str:
        """As pg_dump writes it in its comments: on one line."""
        return f"{self.schema}.{self.name}".replace("\n", " ").replace("\r", " ")

    @property
    def identifier(self) -> str:
        quoted = self.name.replace('"', '""')
        return f'{self.schema}."{quoted}"'


_one_line = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=8)
tables = st.lists(
    st.builds(
        Table,
        st.one_of(st.sampled_from(NASTY), _one_line),
        st.none() | st.lists(st.one_of(st.sampled_from(TEXTS), st.text(max_size=10)), max_size=4).map(tuple),
        st.sampled_from(["public", "tenant a"]),
    ),
    unique_by=lambda table: table.shown,
    max_size=4,
)  # fmt: skip


def _escaped(value: str) -> str:
    """COPY's text format."""
    for plain, escape in (
        ("\\", "\\\\"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
        ("\b", "\\b"),
        ("\f", "\\f"),
        ("\v", "\\v"),
    ):
        value = value.replace(plain, escape)
    return value


def entry(kind: str, shown: str, schema: str, *, data: bool = False) -> str:
    """The comment above one entry."""
    return f"--\n-- {'Data for ' if data else ''}Name: {shown}; Type: {kind}; Schema: {schema}; Owner: app\n--\n\n"


def dump(content: list[Table], *, extra: str = "", large_objects: int = 0, complete: bool = True) -> bytes:
    """A plain SQL dump of these tables."""
    parts = ["--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n\n"]
    for table in content:
        one_line = table.shown.removeprefix(f"{table.schema}.")
        parts.append(entry("TABLE", one_line, table.schema))
        parts.append(f"CREATE TABLE {table.identifier} (\n    value text\n);\n\n\n")
    parts.append(extra)
    for number in range(large_objects):
        parts.append(f"SELECT pg_catalog.lo_create('{16400 + number}');\n\n")
    for table in content:
        if table.rows is not None:
            one_line = table.shown.removeprefix(f"{table.schema}.")
            parts.append(entry("TABLE DATA", one_line, table.schema, data=True))
            rows = "".join(f"{_escaped(row)}\n" for row in table.rows)
            parts.append(f"COPY {table.identifier} (value) FROM stdin;\n{rows}\\.\n\n\n")
    if complete:
        parts.append("--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n")
    return "".join(parts).encode()

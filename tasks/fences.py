"""Plans in Prefect's pages: a block of code does not wrap there, and what a recovery loses would stand out of sight.

The form that asks for approval shows some sixty letters of a line, an artifact's page eighty.
"""

from __future__ import annotations

import re
import textwrap

IN_A_FORM, ON_A_PAGE = 58, 78
_FENCE = "```"
_BEGIN = re.compile(r" *(?:\S+(?: \S+)? {2,})?")
"""The indentation of a line, and the word or two before the column in which its text stands."""


def folded(markdown: str, width: int) -> str:
    """The same Markdown, where blocks of code have no line longer than ``width``; what goes on is indented.

    A path or an address is never broken.

    >>> print(folded("```\\nloses     what was committed after noon\\n```", 30))
    ```
    loses     what was committed
              after noon
    ```
    """
    lines, inside = [], False
    for line in markdown.split("\n"):
        if line.startswith(_FENCE):
            inside = not inside
        lines += _fold(line, width) if inside and len(line) > width else [line]
    return "\n".join(lines)


def _fold(line: str, width: int) -> list[str]:
    begin = _BEGIN.match(line)
    column = len(begin.group()) if begin else 0
    # Where the text stands far to the right, little of it would fit beside what is before it.
    column = min(column, width // 2)
    return textwrap.wrap(
        line[column:],
        width,
        initial_indent=line[:column],
        subsequent_indent=" " * column,
        break_long_words=False,
        break_on_hyphens=False,
    )

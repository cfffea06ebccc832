"""The console a report is printed on: a terminal as it is, anything else as plain lines of a fixed width."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 110  # characters of a line where there is no terminal
GAP = 2  # blanks between two columns
LEAST = 8  # characters that the flexible column keeps in any case


def console_for(stream: object) -> Console:
    """Return a console for a stream; what is no terminal gets lines of a fixed width."""
    console = Console(file=stream, highlight=False, emoji=False, markup=False)  # type: ignore[arg-type]
    if not console.is_terminal or console.is_dumb_terminal:
        width = int(os.environ.get("COLUMNS") or PLAIN_WIDTH)
        console = Console(
            file=stream,  # type: ignore[arg-type]
            highlight=False,
            emoji=False,
            markup=False,
            width=width,
            no_color=True,
        )
    return console


def put(console: Console, part: RenderableType) -> None:
    """Print a part; what goes to no terminal gets no blanks at the ends of its lines."""
    if console.is_terminal:
        console.print(part)
        return
    with console.capture() as captured:
        console.print(part)
    lines = "\n".join(line.rstrip() for line in captured.get().splitlines())
    console.file.write(f"{lines}\n")
    console.file.flush()


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows as aligned columns: the flexible one gives way where a line is too short, the others never do."""

    rows: Sequence[Sequence[Text]]
    flexible: int
    wraps: bool

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table that fits the width there is."""
        count = max(map(len, self.rows), default=0)
        widths = [max(row_width(row[at]) for row in self.rows) for at in range(count)]
        table = Table.grid(padding=(0, GAP, 0, 0))
        for at, width in enumerate(widths):
            if at != self.flexible % count:
                table.add_column(no_wrap=True, width=width)
                continue
            room = options.max_width - sum(widths) + width - GAP * (count - 1)
            overflow: Literal["fold", "ellipsis"] = "fold" if self.wraps else "ellipsis"
            table.add_column(no_wrap=not self.wraps, overflow=overflow, width=max(LEAST, min(width, room)))
        for row in self.rows:
            table.add_row(*row)
        yield table


def row_width(text: Text) -> int:
    """Return the width of the longest line of a text."""
    return max((line.cell_len for line in text.split()), default=0)


def columns(rows: Iterable[Sequence[str | Text]], *, flexible: int = -1, wraps: bool = False) -> Columns:
    """Return rows as aligned columns; plain strings are taken as they are."""
    listed = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    return Columns(listed, flexible, wraps)

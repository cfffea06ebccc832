"""Answers as tables: the same rows as aligned columns, as one JSON document or as comma-separated values."""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

Rows = Sequence[Mapping[str, object]]
WIDE = 120  # characters of a line from which on all columns are shown


class Form(Enum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Column(NamedTuple):
    """One column for people: its title, what it says of a row, and whether a narrow line does without it."""

    title: str
    say: Callable[[Mapping[str, object]], str]
    only_wide: bool = False


def form_of(*, as_json: bool, as_csv: bool) -> Form:
    """Return the form that the options ask for."""
    return Form.JSON if as_json else Form.CSV if as_csv else Form.TABLE


def print_rows(rows: Rows, form: Form, shown: Sequence[Column], *, flexible: int = 0) -> None:
    """Print rows in a form; the table shows its columns, the other forms all there is."""
    if form is Form.JSON:
        import orjson

        print(orjson.dumps(rows, default=str, option=orjson.OPT_INDENT_2).decode())
    elif form is Form.CSV:
        _print_csv(rows)
    else:
        _print_table(rows, shown, flexible)


def _print_csv(rows: Rows) -> None:
    import csv

    if rows:
        writer = csv.DictWriter(sys.stdout, tuple(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows([{name: _cell(value) for name, value in row.items()} for row in rows])


def _cell(value: object) -> object:
    import orjson

    return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list | tuple) else value


def _print_table(rows: Rows, shown: Sequence[Column], flexible: int) -> None:
    from vsm_system.report.console import columns, console_for, put

    console = console_for(sys.stdout)
    fitting = [column for column in shown if console.width >= WIDE or not column.only_wide]
    lines = [[column.title for column in fitting], *([column.say(row) for column in fitting] for row in rows)]
    put(console, columns(lines, flexible=flexible))

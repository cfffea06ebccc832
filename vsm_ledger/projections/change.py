"""What a projection returns: changes of single rows, as data.

A change knows no database. Whoever applies it folds many into the last state of each row first.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

Cell = str | int | float | None
Cells = dict[str, Cell]


NOTHING: Mapping[str, Cell] = MappingProxyType({})


class Origin(NamedTuple):  # not a dataclass: a busy ledger makes tens of thousands a second
    """Where and when a fact was recorded."""

    stream: str
    fact_id: str
    occurred_at: str
    genome_id: str


class Change(NamedTuple):
    """One row of one table, found by ``key``: written whole if ``whole``, else only the cells named, if it exists.

    If ``added``, the cells are numbers that are added to what the row holds; a row that is not there holds zeros.
    """

    table: str
    key: Mapping[str, Cell]
    cells: Mapping[str, Cell] = NOTHING
    whole: bool = False
    added: bool = False


Changes = Iterable[Change]

"""What a projection returns: changes of single rows, as data.

A change knows no database. Whoever applies it folds many into the last state of each row first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Cell = str | int | float | None
Cells = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when a fact was recorded."""

    stream: str
    fact_id: str
    occurred_at: str


@dataclass(frozen=True, slots=True)
class Change:
    """One row of one table, found by ``key``: written whole if ``whole``, else only the cells named, if it exists."""

    table: str
    key: Mapping[str, Cell]
    cells: Mapping[str, Cell] = field(default_factory=dict)
    whole: bool = False


Changes = Iterable[Change]

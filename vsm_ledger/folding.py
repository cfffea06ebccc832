"""Folding: many changes of read models as one last state per row, and how that is written.

Folding does not change the outcome: a whole row takes the place of what was known of it, cells are added to what is
known, and cells of a row that is not there are dropped - in a fold as in the tables. Sums are added up, in whole
numbers, so their order does not matter.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter

from sqlalchemy import Connection, Table, bindparam
from sqlalchemy.sql.dml import Update

from vsm_ledger.projections import Cell, Change
from vsm_ledger.schema import PROJECTED
from vsm_ledger.statements import accumulate, run, upsert

Key = tuple[Cell, ...]
Place = object  # a primary key: a cell, or a tuple of them
Shape = tuple[tuple[str, ...], tuple[str, ...]]  # names of the key, names of the cells


@dataclass(slots=True)
class Cells:
    """Cells to be written where a row has this key, which may say more than the primary key."""

    key: Mapping[str, Cell]
    cells: dict[str, Cell] = field(default_factory=dict)


@dataclass(slots=True)
class Folded:
    """Changes folded: table -> primary key -> the whole row, the cells for each longer key, or the row of sums."""

    whole: dict[str, dict[Place, dict[str, Cell]]] = field(default_factory=dict)
    partial: dict[str, dict[Place, dict[Key, Cells]]] = field(default_factory=dict)
    added: dict[str, dict[Place, dict[str, Cell]]] = field(default_factory=dict)


def fold(changes: Iterable[Change]) -> Folded:
    """Return the changes as one last state per row, in their order."""
    folded = Folded()
    for change in changes:
        table, key, cells, whole, added = change
        place = _place_in(table)(key)
        if added:
            _fold_sums(folded.added.setdefault(table, {}), change, place)
        elif whole:
            folded.whole.setdefault(table, {})[place] = {**key, **cells}
            if table in folded.partial:
                folded.partial[table].pop(place, None)
        else:
            _fold_cells(folded, change, place)
    return folded


def _fold_cells(folded: Folded, change: Change, place: Place) -> None:
    rows = folded.whole.get(change.table)
    row = rows.get(place) if rows else None
    if row is None:
        longer = tuple(change.key.values())
        known = folded.partial.setdefault(change.table, {}).setdefault(place, {})
        known.setdefault(longer, Cells(change.key)).cells.update(change.cells)
    elif change.key.items() <= row.items():
        row.update(change.cells)


def _fold_sums(rows: dict[Place, dict[str, Cell]], change: Change, place: Place) -> None:
    row = rows.get(place)
    if row is None:
        rows[place] = {**change.key, **change.cells}
        return
    for name, cell in change.cells.items():
        known = row[name]
        assert isinstance(known, int) and isinstance(cell, int)  # noqa: PT018 - what is added is a whole number
        row[name] = known + cell


def write_folded(connection: Connection, folded: Folded) -> None:
    """Write whole rows over what is there, and cells only where their row is."""
    for name, whole in folded.whole.items():
        upsert(connection, PROJECTED[name], list(whole.values()))
    for name, added in folded.added.items():
        accumulate(connection, PROJECTED[name], list(added.values()))
    for name, partial in folded.partial.items():
        for (key, cells), rows in _by_shape(partial).items():
            run(connection, _update_cells(PROJECTED[name], key, cells), rows)


def _by_shape(partial: Mapping[Place, Mapping[Key, Cells]]) -> dict[Shape, list[dict[str, Cell]]]:
    shapes: dict[Shape, list[dict[str, Cell]]] = {}
    for change in (change for known in partial.values() for change in known.values()):
        found = {f"of_{name}": value for name, value in change.key.items()}
        shapes.setdefault((tuple(change.key), tuple(sorted(change.cells))), []).append(
            {**found, **change.cells}
        )
    return shapes


@cache
def _place_in(table: str) -> Callable[[Mapping[str, Cell]], Place]:
    return itemgetter(*(column.name for column in PROJECTED[table].primary_key))


@cache
def _update_cells(table: Table, keys: tuple[str, ...], cells: tuple[str, ...]) -> Update:
    found = (table.c[name] == bindparam(f"of_{name}") for name in keys)
    return table.update().where(*found).values({name: bindparam(name) for name in cells})

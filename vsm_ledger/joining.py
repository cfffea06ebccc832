"""Joining: rows of facts with the texts that belong to them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from vsm_ledger import schema
from vsm_ledger.errors import FactUnreadable
from vsm_ledger.texts import MARK, put_back

VERSIONS_PER_QUERY = 1_000

Place = tuple[str, int]  # stream and version
FactRow = Row[*tuple[object, ...]]


def joined(connection: Connection, rows: Iterable[FactRow]) -> Iterator[Mapping[str, object]]:
    """Yield rows of ``facts``, at least stream, version and body, with texts in the place of their digests.

    What was redacted reads as ``[redacted]``. Raises FactUnreadable where a row of texts is damaged.
    """
    found = [row._asdict() for row in rows]
    kept = texts_of(connection, [_place(cells) for cells in found if MARK in str(cells["body"])])
    for cells in found:
        if MARK in str(cells["body"]):
            cells["body"] = _with_texts(cells, kept.get(_place(cells)))
        yield cells


def _place(cells: Mapping[str, Any]) -> Place:
    return cells["stream"], cells["version"]


def _with_texts(cells: Mapping[str, Any], row: str | None) -> str:
    try:
        return put_back(cells["body"], row)
    except ValueError as error:
        raise FactUnreadable(*_place(cells), str(error)) from error


def texts_of(connection: Connection, places: Sequence[Place]) -> dict[Place, str]:
    """Return the rows of texts of some facts, by the facts' places."""
    columns = schema.texts.c
    versions: dict[str, list[int]] = {}
    for stream, version in places:
        versions.setdefault(stream, []).append(version)
    found: dict[Place, str] = {}
    for stream, asked in versions.items():
        for start in range(0, len(asked), VERSIONS_PER_QUERY):
            some = asked[start : start + VERSIONS_PER_QUERY]
            wanted = select(columns.version, columns.body).where(
                columns.stream == stream, columns.version.in_(some)
            )
            found.update(((stream, version), body) for version, body in connection.execute(wanted))
    return found

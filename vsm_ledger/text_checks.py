"""The check of texts: is each text the one that its fact knows, and does a redaction account for each that is gone.

A fact's hash covers the digests of its texts. So an edited text shows here alone, and one that was taken away without a
word as well. Whatever lies in the rows is compared, never trusted.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson
from sqlalchemy import Connection, select

from vsm_core.errors import CanonicalError
from vsm_ledger import schema
from vsm_ledger.tampering import Finding, Tampering
from vsm_ledger.texts import Pair, digests_in, pairs_of, text_digest

TEXTS_PER_STEP = 2_000
Row = dict[str, object]


def redacted_digests(connection: Connection) -> frozenset[str]:
    """Return the digests that redactions say are gone; a fact that can't be read says nothing."""
    columns = schema.facts.c
    bodies = connection.execute(select(columns.body).where(columns.kind == "TextRedacted")).scalars()
    return frozenset(digest for body in bodies for digest in _named(body))


def _named(body: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, orjson.loads(body)["digests"]))
    except (ValueError, TypeError, KeyError):
        return ()


class TextsOf:
    """The texts of one stream, read beside its facts, both in the order of their versions."""

    def __init__(self, connection: Connection | None, stream: str, redacted: frozenset[str]) -> None:
        self._stream = stream
        self._redacted = redacted
        self._first: Finding | None = None
        self._rows: Iterator[Any] = _texts_of(connection, stream) if connection is not None else iter(())
        self._next: Any = next(self._rows, None)

    def seen(self, fact: Row) -> Row:
        """Compare a fact with its texts, and return it."""
        version = fact["version"]
        if not isinstance(version, int) or self._first is not None:
            return fact
        while self._next is not None and self._next[0] < version:
            self._note(Tampering.INSERTION, self._next[0], "texts lie here of a fact that is not")
            self._next = next(self._rows, None)
        row = None
        if self._next is not None and self._next[0] == version:
            row, self._next = self._next[1], next(self._rows, None)
        self._compare(version, digests_in(str(fact["body"])), row)
        return fact

    def first_bad(self) -> Finding | None:
        """Return the first text that is not what its fact says, once all facts were seen."""
        if self._next is not None:
            self._note(Tampering.INSERTION, self._next[0], "texts lie here of a fact that is not")
        return self._first

    def _compare(self, version: int, digests: list[str], row: str | None) -> None:
        try:
            pairs = pairs_of(row)
        except (ValueError, TypeError):
            self._note(Tampering.EDIT, version, "its texts are damaged")
            return
        if len(pairs) > len(digests):
            self._note(Tampering.INSERTION, version, "it has a text that it does not know")
        for digest, pair in zip_longest(digests, pairs):
            if digest is not None and pair is None and digest not in self._redacted:
                self._note(Tampering.DELETION, version, "a text of it is gone, and no redaction says so")
            elif digest is not None and pair is not None and not _is_digest_of(pair, digest):
                self._note(Tampering.EDIT, version, "a text of it is not the one it was recorded with")

    def _note(self, what: Tampering, version: int, detail: str) -> None:
        self._first = self._first or Finding(what, self._stream, version, detail)


def _texts_of(connection: Connection, stream: str) -> Iterator[Any]:
    columns = schema.texts.c
    wanted = select(columns.version, columns.body).where(columns.stream == stream).order_by(columns.version)
    return iter(connection.execute(wanted, execution_options={"yield_per": TEXTS_PER_STEP}))


def _is_digest_of(pair: Pair, digest: str) -> bool:
    try:
        return text_digest(*pair) == digest
    except CanonicalError:
        return False

"""Selection: which stored texts are meant, and what else holds them.

By task or by fact, what is recorded of it is meant: all texts of those facts, and the envelopes and jobs about it that
repeat one of them. By content, whatever holds the secret is meant, wherever it stands. Reading changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Select, Table, func, or_, select, true
from sqlalchemy.sql.elements import ColumnElement

from vsm_core.codec import canonical_bytes
from vsm_core.envelope import Envelope, decode_envelope
from vsm_core.errors import EnvelopeError
from vsm_core.payloads.jobs import Job
from vsm_core.texts import changed_texts, texts_in
from vsm_ledger import schema
from vsm_ledger.joining import texts_of
from vsm_ledger.rows import fact_of
from vsm_ledger.texts import MARK, REDACTED, Pair, digests_in, pairs_of, row_of

ROWS_PER_STEP = 1_000
SECRET_LENGTH = 4  # characters at least: what is shorter stands everywhere
_WILD = str.maketrans({"%": "_", "\\": "_"})  # LIKE finds too much, and is looked at again


@dataclass(frozen=True, slots=True)
class OfTask:
    """All texts recorded of a task."""

    task_id: str


@dataclass(frozen=True, slots=True)
class OfFact:
    """All texts of one fact."""

    fact_id: str


@dataclass(frozen=True, slots=True)
class Containing:
    """All texts that hold a secret, to the letter."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError for a secret too short to be told from other words."""
        if len(self.secret) < SECRET_LENGTH:
            raise ValueError(f"a text of fewer than {SECRET_LENGTH} characters stands everywhere")


Selection = OfTask | OfFact | Containing


@dataclass(frozen=True, slots=True)
class TextHit:
    """Texts of one fact that go, and the row that is left; None where none is left."""

    stream: str
    version: int
    digests: tuple[str, ...]
    row: str | None


@dataclass(frozen=True, slots=True)
class EnvelopeHit:
    """An entry of the log or of the outbox, and what becomes of its bytes: nothing, or those of a mended envelope."""

    sequence: int
    bytes: bytes


@dataclass(frozen=True, slots=True)
class JobHit:
    """An open job, and what it says without the texts."""

    node: str
    id: str
    body: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is meant, and where it stands; ``fixed`` are facts that hold it in their hashed bodies for ever."""

    texts: tuple[TextHit, ...]
    inbox: tuple[EnvelopeHit, ...]
    outbox: tuple[EnvelopeHit, ...]
    refusals: tuple[int, ...]  # entries of the log whose own note of a refusal holds it
    jobs: tuple[JobHit, ...]
    snapshots: int
    fixed: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether there is anything to take away."""
        return bool(self.texts or self.inbox or self.outbox or self.refusals or self.jobs)

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of all texts that go."""
        return tuple(digest for hit in self.texts for digest in hit.digests)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What is looked for: a secret inside of any text, or some texts as wholes."""

    secret: str | None
    wholes: frozenset[str]
    about: bytes  # what an envelope or a job must name

    def is_said_in(self, text: str) -> bool:
        return self.secret in text if self.secret is not None else text in self.wholes

    def is_held_by(self, encoded: bytes) -> bool:
        if self.secret is not None:
            return _escaped(self.secret).encode() in encoded or self.secret.encode() in encoded
        return self.about in encoded and any(orjson.dumps(text) in encoded for text in self.wholes)

    def mended(self, text: str) -> str:
        return REDACTED if self.is_said_in(text) else text


def find(connection: Connection, selection: Selection, now: str) -> Found:
    """Return what a selection means; ``now`` tells which envelopes may still be sent."""
    rows = list(_facts_meant(connection, selection))
    secret = selection.secret if isinstance(selection, Containing) else None
    kept = texts_of(connection, [(row.stream, row.version) for row in rows if MARK in row.body])
    texts: list[TextHit] = []
    wholes: set[str] = set()
    for row in rows:
        pairs = pairs_of(kept.get((row.stream, row.version)))
        gone = [pair is not None and (secret is None or secret in pair[1]) for pair in pairs]
        wholes.update(pair[1] for pair, goes in zip(pairs, gone, strict=True) if pair is not None and goes)
        if any(gone):
            texts.append(_hit(row, pairs, gone))
    fixed = [row for row in _facts_inline(connection, selection, rows) if _is_inline(row, secret)]
    wholes.update(text for row in fixed for text in (() if secret else _inline_texts(row)))
    about = selection.task_id.encode() if isinstance(selection, OfTask) else b""
    meant = _Meant(secret, frozenset(wholes), about)
    return Found(
        texts=tuple(texts),
        inbox=tuple(EnvelopeHit(row.sequence, b"") for row in _entries(connection, selection, meant)),
        outbox=tuple(_outgoing(connection, selection, meant, now)),
        refusals=tuple(_refusals(connection, meant)),
        jobs=tuple(_jobs(connection, meant)),
        snapshots=connection.execute(select(func.count()).select_from(schema.snapshots)).scalar_one(),
        fixed=tuple(row.id for row in fixed),
    )


# ----------------------------------------------------------------------------------------------------------- facts


def _facts_meant(connection: Connection, selection: Selection) -> Iterator[Any]:
    """Yield the facts whose texts are meant, or may be."""
    facts, texts = schema.facts.c, schema.texts.c
    wanted = _facts().order_by(facts.sequence)
    match selection:
        case OfTask(task_id):
            wanted = wanted.where(facts.task_id == task_id)
        case OfFact(fact_id):
            wanted = wanted.where(facts.id == fact_id)
        case Containing(secret):
            kept = (texts.stream == facts.stream, texts.version == facts.version)
            wanted = wanted.join(schema.texts, kept[0] & kept[1]).where(
                _may_hold(texts.body, _escaped(secret))
            )
    yield from connection.execute(wanted)


def _facts_inline(connection: Connection, selection: Selection, rows: list[Any]) -> Iterator[Any]:
    """Yield the facts that may hold what is meant in their bodies."""
    if isinstance(selection, Containing):
        wanted = _facts().where(_may_hold(schema.facts.c.body, _escaped(selection.secret)))
        yield from connection.execute(wanted.order_by(schema.facts.c.sequence))
    else:
        yield from (row for row in rows if MARK not in row.body)


def _facts() -> Select[Any]:
    columns = schema.facts.c
    return select(
        columns.stream, columns.version, columns.id, columns.kind, columns.schema_version, columns.body
    )


def _is_inline(row: Any, secret: str | None) -> bool:
    return _escaped(secret) in row.body if secret is not None else bool(_inline_texts(row))


def _inline_texts(row: Any) -> list[str]:
    """Return the texts in the body of an older fact; one that can't be read tells none."""
    try:
        return texts_in(fact_of(row.kind, row.schema_version, row.body))
    except ValueError:
        return []


def _hit(row: Any, pairs: "list[Pair | None]", gone: list[bool]) -> TextHit:
    left = [None if goes else pair for pair, goes in zip(pairs, gone, strict=True)]
    taken = tuple(digest for digest, goes in zip(digests_in(row.body), gone, strict=False) if goes)
    return TextHit(row.stream, row.version, taken, row_of(left))


# ---------------------------------------------------------------------------------------------- envelopes and jobs


def _about(table: Table, selection: Selection) -> ColumnElement[bool]:
    """Return which envelopes may repeat what is meant: those around a fact, else all of them, for a look inside."""
    if not isinstance(selection, OfFact):
        return true()
    columns, facts = table.c, schema.facts.c
    caused = select(facts.causation_id).where(facts.id == selection.fact_id).scalar_subquery()
    own = columns.envelope_id if table is schema.inbox else columns.id
    return or_(own == caused, columns.causation_id == caused)


def _entries(connection: Connection, selection: Selection, meant: _Meant) -> Iterator[Any]:
    columns = schema.inbox.c
    wanted = select(columns.sequence, columns.bytes).where(_about(schema.inbox, selection))
    yield from (row for row in _stepwise(connection, wanted) if meant.is_held_by(row.bytes))


def _outgoing(connection: Connection, selection: Selection, meant: _Meant, now: str) -> Iterator[EnvelopeHit]:
    """Blank what is over; an envelope that may still be sent goes on without the texts."""
    columns = schema.outbox.c
    wanted = select(columns.sequence, columns.bytes, columns.sent_at, columns.handled, columns.expires_at)
    for row in _stepwise(connection, wanted.where(_about(schema.outbox, selection))):
        if meant.is_held_by(row.bytes):
            is_open = row.expires_at > now and (row.sent_at is None or not row.handled)
            yield EnvelopeHit(row.sequence, _mended(row.bytes, meant) if is_open else b"")


def _mended(encoded: bytes, meant: _Meant) -> bytes:
    try:
        envelope: Envelope = changed_texts(decode_envelope(encoded), meant.mended)
        mended = envelope.encoded()
    except EnvelopeError:
        return b""
    return b"" if meant.is_held_by(mended) else mended  # it stands in what is no free text


def _refusals(connection: Connection, meant: _Meant) -> Iterator[int]:
    columns = schema.inbox.c
    noted = select(columns.sequence, columns.refusal).where(columns.refusal.is_not(None))
    yield from (row.sequence for row in _stepwise(connection, noted) if meant.is_said_in(row.refusal))


def _jobs(connection: Connection, meant: _Meant) -> Iterator[JobHit]:
    columns = schema.jobs.c
    for row in _stepwise(connection, select(columns.node, columns.id, columns.body)):
        if not meant.is_held_by(row.body.encode()):
            continue
        job = Job.model_validate_json(row.body)
        mended = canonical_bytes(changed_texts(job, meant.mended)).decode()
        if mended != row.body:
            yield JobHit(row.node, row.id, mended)


def _stepwise(connection: Connection, wanted: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(wanted, execution_options={"yield_per": ROWS_PER_STEP})


def _may_hold(column: "Column[Any]", needle: str) -> ColumnElement[bool]:
    return column.like(f"%{needle.translate(_WILD)}%")


def _escaped(text: str) -> str:
    """Return a text as it stands inside of JSON."""
    return orjson.dumps(text).decode()[1:-1]

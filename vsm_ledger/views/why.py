"""Why: the causal chain from a directive to the result of one task.

Theory of operation. A fact names the envelope that caused it. The envelope's header, kept in the inbox of the stream
that handled it or in the outbox of the one that sent it, names its sender and the envelope that caused *it*; the facts
the sender recorded for that cause are the reason one step earlier. A sender without a stream here (a worker) is
stepped over. The walk keeps to facts of the task, of the tasks it is part of, of those that judge it, and of the
directive as a whole, so that a decision about a thousand tasks does not bring in a thousand reasons.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from vsm_ledger import schema
from vsm_ledger.rows import recorded_of
from vsm_ledger.views.sentences import sentence_of

STEPS_LIMIT = 10_000  # envelopes followed
LEVELS_LIMIT = 64  # tasks above a task


@dataclass(frozen=True, slots=True)
class Reason:
    """One link of the chain: which fact, when (RFC 3339 in UTC), on which node's stream, and what it says."""

    fact_id: str
    at: str
    stream: str
    sentence: str


class _Cause(NamedTuple):
    """What an envelope's header says: who sent it, because of which envelope."""

    source: str
    causation_id: str


FactRow = Row[*tuple[object, ...]]


def reasons(connection: Connection, task_id: str) -> tuple[Reason, ...]:
    """Return the chain in the order things were recorded; nothing for an unknown task."""
    concerned = {task_id, *_judges(connection, task_id), *_above(connection, task_id)}
    found = {row.sequence: row for row in _facts_of(connection, concerned)}
    waiting = [row.causation_id for row in found.values()]
    followed: set[str] = set()
    while waiting and len(followed) < STEPS_LIMIT:
        envelope_id = waiting.pop()
        if envelope_id in followed:
            continue
        followed.add(envelope_id)
        cause = _cause_of(connection, envelope_id)
        if cause is None:
            continue
        waiting.append(cause.causation_id)
        for row in _facts_caused(connection, cause):
            if row.sequence not in found and (row.task_id is None or row.task_id in concerned):
                found[row.sequence] = row
    return tuple(_reason(row) for _, row in sorted(found.items()))


def _reason(row: FactRow) -> Reason:
    recorded = recorded_of(row._asdict())
    return Reason(recorded.id, str(row.occurred_at), str(row.stream), sentence_of(recorded.fact))


def _judges(connection: Connection, task_id: str) -> Iterator[str]:
    columns = schema.tasks.c
    yield from connection.execute(select(columns.task_id).where(columns.verifies == task_id)).scalars()


def _above(connection: Connection, task_id: str) -> Iterator[str]:
    columns = schema.tasks.c
    current: str | None = task_id
    for _ in range(LEVELS_LIMIT):
        parent = select(columns.parent_task_id).where(columns.task_id == current)
        current = connection.execute(parent).scalar()
        if current is None:
            return
        yield current


def _facts_of(connection: Connection, task_ids: set[str]) -> Iterator[FactRow]:
    columns = schema.facts.c
    yield from connection.execute(select(schema.facts).where(columns.task_id.in_(sorted(task_ids))))


def _facts_caused(connection: Connection, cause: _Cause) -> Iterator[FactRow]:
    columns = schema.facts.c
    caused = (columns.causation_id == cause.causation_id, columns.stream == cause.source)
    yield from connection.execute(select(schema.facts).where(*caused))


def _cause_of(connection: Connection, envelope_id: str) -> _Cause | None:
    """Return the header of an envelope from the inbox that took it, or else from the outbox that sent it."""
    taken, sent = schema.inbox.c, schema.outbox.c
    row = connection.execute(
        select(taken.source, taken.causation_id).where(taken.envelope_id == envelope_id)
    ).first()
    if row is None:
        row = connection.execute(select(sent.stream, sent.causation_id).where(sent.id == envelope_id)).first()
    return _Cause(*row) if row is not None else None

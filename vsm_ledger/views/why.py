"""Why: the causal chain from a directive to the result of one task.

Theory of operation. A fact names the envelope that caused it. The envelope's header, kept in the inbox of the stream
that handled it or in the outbox of the one that sent it, names the envelope that caused *it*; the facts recorded for
that one are the reason a step earlier. A worker keeps its facts to itself and is stepped over. The walk takes up facts
of the task, of the tasks it is part of, of those that judge it, and those about no single task, so that a decision
about a thousand tasks does not bring in a thousand reasons.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from vsm_ledger import schema
from vsm_ledger.joining import joined
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
        for row in _facts_caused(connection, envelope_id):
            if row.task_id is None or row.task_id in concerned:
                found[row.sequence] = row
        waiting.extend(_cause_of(connection, envelope_id))
    in_order = [row for _, row in sorted(found.items())]
    return tuple(_reason(cells) for cells in joined(connection, in_order))


def _reason(cells: Mapping[str, object]) -> Reason:
    recorded = recorded_of(cells)
    return Reason(recorded.id, str(cells["occurred_at"]), str(cells["stream"]), sentence_of(recorded.fact))


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


def _facts_caused(connection: Connection, envelope_id: str) -> Iterator[FactRow]:
    yield from connection.execute(select(schema.facts).where(schema.facts.c.causation_id == envelope_id))


def _cause_of(connection: Connection, envelope_id: str) -> Iterator[str]:
    """Return what an envelope's header names as its cause: the inbox that took it knows, or the outbox it left."""
    taken, sent = schema.inbox.c, schema.outbox.c
    yield from connection.execute(
        select(taken.causation_id).where(taken.envelope_id == envelope_id)
    ).scalars()
    yield from connection.execute(select(sent.causation_id).where(sent.id == envelope_id)).scalars()

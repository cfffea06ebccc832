"""The log: what a node decided on, in its order, with the facts and envelopes that it recorded then.

Facts and envelopes name the envelope that caused them. So each decision finds its own, also where the log's older
entries were pruned, or the bytes of some were taken away: what is passed over on the way belongs to those.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from vsm_core.actor import Context, Limits
from vsm_core.facts import RecordedFact
from vsm_ledger import schema
from vsm_ledger.joining import joined
from vsm_ledger.rows import instant_of, recorded_of

ROWS_PER_STEP = 500


@dataclass(frozen=True, slots=True)
class ToldFact:
    """A fact as it was recorded, and its body as it was stored, with its texts."""

    recorded: RecordedFact
    body: str


@dataclass(frozen=True, slots=True)
class Decided:
    """One entry of a node's log, with what was recorded because of it."""

    position: int
    envelope_id: str
    payload_type: str
    envelope: bytes  # empty where it was pruned or redacted
    context: Context
    code_version: str
    refusal: str | None
    before: tuple[ToldFact, ...]  # facts since the last entry whose own entries are gone
    facts: tuple[ToldFact, ...]
    sends: tuple[bytes, ...]  # an empty one was pruned


@dataclass(slots=True)
class _Feed:
    """Rows in their order, looked at one ahead."""

    rows: Iterator[Mapping[str, object]]
    waiting: list[Mapping[str, object]] = field(default_factory=list)

    def up_to(self, cause: str) -> list[Mapping[str, object]]:
        """Take the rows that come before the first one of a cause."""
        found = []
        while (row := self._next()) is not None and row["causation_id"] != cause:
            found.append(row)
            self.waiting.clear()
        return found

    def of(self, cause: str, count: int) -> list[Mapping[str, object]]:
        """Take the next rows, as many as belong to a cause and no more than were counted."""
        found: list[Mapping[str, object]] = []
        while len(found) < count and (row := self._next()) is not None and row["causation_id"] == cause:
            found.append(row)
            self.waiting.clear()
        return found

    def _next(self) -> Mapping[str, object] | None:
        if not self.waiting:
            self.waiting.extend([each] if (each := next(self.rows, None)) is not None else [])
        return self.waiting[0] if self.waiting else None


def decisions(connection: Connection, stream: str) -> Iterator[Decided]:
    """Yield a node's log from its oldest entry on; raise FactUnreadable where a fact can't be read."""
    facts, sends = _Feed(_facts(connection, stream)), _Feed(_sends(connection, stream))
    limits = {
        str(row.digest): Limits.model_validate_json(row.body)
        for row in connection.execute(select(schema.limits.c.digest, schema.limits.c.body))
    }
    for row in _entries(connection, stream):
        cause, told, sent = str(row["envelope_id"]), int(str(row["facts"])), int(str(row["sends"]))
        before = facts.up_to(cause) if told else []
        if sent:
            sends.up_to(cause)
        yield Decided(
            position=int(str(row["position"])),
            envelope_id=cause,
            payload_type=str(row["payload_type"]),
            envelope=_bytes(row["bytes"]),
            context=_context(row, limits),
            code_version=str(row["code_version"]),
            refusal=None if row["refusal"] is None else str(row["refusal"]),
            before=tuple(map(_told, before)),
            facts=tuple(map(_told, facts.of(cause, told))),
            sends=tuple(_bytes(each["bytes"]) for each in sends.of(cause, sent)),
        )


def _told(row: Mapping[str, object]) -> ToldFact:
    return ToldFact(recorded_of(row), str(row["body"]))


def _bytes(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview | bytearray) else b""


def _context(row: Mapping[str, object], limits: Mapping[str, Limits]) -> Context:
    return Context(
        now=instant_of(str(row["now"])),
        cause_id=str(row["envelope_id"]),
        seed=int(str(row["seed"])),
        limits=limits[str(row["limits"])],
        process=str(row["process"]),
        delivery_attempt=int(str(row["delivery_attempt"])),
    )


def _entries(connection: Connection, stream: str) -> Iterator[Mapping[str, object]]:
    columns = schema.inbox.c
    after = 0
    while True:
        wanted = select(schema.inbox).where(columns.stream == stream, columns.sequence > after)
        rows = connection.execute(wanted.order_by(columns.sequence).limit(ROWS_PER_STEP)).all()
        if not rows:
            return
        after = int(rows[-1].sequence)
        yield from (row._asdict() for row in rows)


def _facts(connection: Connection, stream: str) -> Iterator[Mapping[str, object]]:
    columns = schema.facts.c
    after = 0
    while True:
        wanted = select(schema.facts).where(columns.stream == stream, columns.version > after)
        rows = connection.execute(wanted.order_by(columns.version).limit(ROWS_PER_STEP)).all()
        if not rows:
            return
        after = int(rows[-1].version)
        yield from joined(connection, rows)


def _sends(connection: Connection, stream: str) -> Iterator[Mapping[str, object]]:
    columns = schema.outbox.c
    after = 0
    while True:
        wanted = select(columns.sequence, columns.causation_id, columns.bytes)
        mine = wanted.where(columns.stream == stream, columns.sequence > after)
        rows = connection.execute(mine.order_by(columns.sequence).limit(ROWS_PER_STEP)).all()
        if not rows:
            return
        after = int(rows[-1].sequence)
        yield from (row._asdict() for row in rows)

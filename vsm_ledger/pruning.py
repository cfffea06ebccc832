"""Pruning: what a ledger may forget, and never a fact.

An entry of the inbox is two things: the mark that keeps an envelope from being handled twice, needed until a day after
the envelope has expired, and the log from which its decision can be replayed, kept as long as its owner wants. Once
neither is needed the row goes; while only the mark is, its bytes go. An outgoing envelope goes after the entry that
caused it, when it was sent, and was handled or has expired. The hash chain knows nothing of all this.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
from sqlalchemy import Connection, Table, and_, exists, func, or_, select

from vsm_core.envelope import LIFETIME
from vsm_ledger import schema
from vsm_ledger.claims import utc_now
from vsm_ledger.connect import place_of
from vsm_ledger.errors import LedgerLocked
from vsm_ledger.opening import check
from vsm_ledger.rows import instant_of, instant_text

MARK_KEPT = timedelta(days=1)  # after an envelope has expired
ROWS_PER_STEP = 2_000
IDS_PER_STATEMENT = 500
GONE = b""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or would be, forgotten, and the bytes of envelopes that went, or would go, with it."""

    entries: int  # of inboxes, whole
    emptied: int  # entries of which the mark stays
    envelopes: int  # of outboxes
    limits: int  # sets of limits that no entry names any more
    bytes_freed: int


async def prune(
    location: str | Path, older_than: timedelta, *, dry_run: bool, now: datetime | None = None
) -> Pruned:
    """Forget what is old and needed by nobody, in one transaction, and give the space back where that is ours to do.

    Raises LedgerMissing, LedgerTooNew, LedgerTooOld, NotALedger, UnsupportedLedger, DriverMissing or LedgerLocked.
    """
    place = place_of(location)
    place.require()
    moment = now or utc_now()
    act = partial(_pruned, place=str(place), before=moment - older_than, now=moment, dry_run=dry_run)
    connections = place.reading() if dry_run else place.writing()
    try:
        found = await connections.transact(act)
    finally:
        await connections.close()
    if not dry_run:
        with suppress(LedgerLocked):  # somebody uses it; what is free now is used again anyway
            place.compact()
    return found


def _pruned(connection: Connection, *, place: str, before: datetime, now: datetime, dry_run: bool) -> Pruned:
    check(connection, place, None)
    whole, emptied, freed = _old_entries(connection, before, now)
    sent = _old_sends(connection, before, now)
    envelopes, sent_bytes = [each for each, _ in sent], sum(size for _, size in sent)
    if not dry_run:
        _delete(connection, schema.inbox, whole)
        _empty(connection, emptied)
        _delete(connection, schema.outbox, envelopes)
    unused = _unused_limits(connection) if not dry_run else []
    for each in unused:
        connection.execute(schema.limits.delete().where(schema.limits.c.digest == each))
    return Pruned(len(whole), len(emptied), len(envelopes), len(unused), freed + sent_bytes)


def _old_entries(connection: Connection, before: datetime, now: datetime) -> tuple[list[int], list[int], int]:
    """Return the entries that may go, those whose bytes may go, and how many bytes that is."""
    whole, emptied, freed = list[int](), list[int](), 0
    over = instant_text(now - MARK_KEPT)
    for sequence, decided, content in _entries_before(connection, instant_text(before)):
        if _expiry(decided, content) < over:
            whole.append(sequence)
        elif content:
            emptied.append(sequence)
        freed += len(content)
    return whole, emptied, freed


def _entries_before(connection: Connection, before: str) -> Iterator[tuple[int, str, bytes]]:
    columns = schema.inbox.c
    wanted = select(columns.sequence, columns.now, columns.bytes).where(columns.now < before)
    after = 0
    while True:
        page = wanted.where(columns.sequence > after).order_by(columns.sequence).limit(ROWS_PER_STEP)
        rows = connection.execute(page).all()
        if not rows:
            return
        after = int(rows[-1].sequence)
        yield from ((int(row.sequence), str(row.now), bytes(row.bytes)) for row in rows)


def _expiry(decided: str, content: bytes) -> str:
    """Return when an envelope expires; of one whose bytes are gone, the latest that it may."""
    if content:
        try:
            return instant_text(instant_of(orjson.loads(content)["expires_at"]))
        except (ValueError, TypeError, KeyError):
            pass  # damaged: what can't be read is kept as long as any other
    return instant_text(instant_of(decided) + LIFETIME)


def _old_sends(connection: Connection, before: datetime, now: datetime) -> list[tuple[int, int]]:
    """Return the outgoing envelopes that may go, with their sizes: of old entries, and needed by nobody."""
    sent, cause = schema.outbox.c, schema.inbox.c
    over = instant_text(now - MARK_KEPT)
    done = and_(sent.sent_at.is_not(None), or_(sent.handled == 1, sent.expires_at < over))
    told = cause.now >= instant_text(before)  # the log still has what caused it
    kept = exists().where(cause.envelope_id == sent.causation_id, cause.stream == sent.stream, told)
    rows = connection.execute(select(sent.sequence, func.length(sent.bytes)).where(done, ~kept))
    return [(int(sequence), int(size)) for sequence, size in rows]


def _unused_limits(connection: Connection) -> list[str]:
    named = exists().where(schema.inbox.c.limits == schema.limits.c.digest)
    return [str(each) for each in connection.execute(select(schema.limits.c.digest).where(~named)).scalars()]


def _delete(connection: Connection, table: Table, sequences: Sequence[int]) -> None:
    for part in _parts(sequences):
        connection.execute(table.delete().where(table.c.sequence.in_(part)))


def _empty(connection: Connection, sequences: Sequence[int]) -> None:
    for part in _parts(sequences):
        connection.execute(schema.inbox.update().where(schema.inbox.c.sequence.in_(part)).values(bytes=GONE))


def _parts(sequences: Sequence[int]) -> Iterable[Sequence[int]]:
    return (sequences[at : at + IDS_PER_STATEMENT] for at in range(0, len(sequences), IDS_PER_STATEMENT))

"""Redaction: taking texts out of a ledger for good, while its chain stays what it was.

Theory of operation. Nobody runs a node of the ledger meanwhile: a process that does would write down again what it
remembers. One transaction deletes the texts, blanks the entries of the log and of the outbox that repeat them (an
envelope that may still be sent goes on without them), deletes all snapshots, which are folds of them, makes the read
models again, and records on a stream of its own which digests lost their texts, by whom and why. Then the files are
written anew, so that no page keeps what was deleted. Doing it twice is doing it once; a second time finds nothing and
writes the files anew all the same.

What an older version wrote in a fact's body, and what stands in a field that is no free text, can't be taken out: the
hash of the fact covers it. It is counted and named.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from os import urandom
from pathlib import Path

from sqlalchemy import Connection, select

from vsm_core.actor import Commit, Owner
from vsm_core.facts import RecordedFact, TextRedacted
from vsm_core.ids import derive_id
from vsm_ledger import schema
from vsm_ledger.claims import Claim, utc_now
from vsm_ledger.connect import BUSY_TIMEOUT_SECONDS, place_of
from vsm_ledger.database import Place
from vsm_ledger.group import write_group
from vsm_ledger.holding import claim_stream, release_stream, require_quiet
from vsm_ledger.opening import check
from vsm_ledger.rebuilding import rebuild_projections
from vsm_ledger.rows import instant_text, prepare
from vsm_ledger.selection import Containing, Found, OfFact, OfTask, Selection, find
from vsm_ledger.texts import REDACTED

__all__ = ["LEDGER_STREAM", "Containing", "OfFact", "OfTask", "Order", "Redaction", "redact", "would_redact"]

LEDGER_STREAM = "_ledger"  # no node can have this name
CLAIM_SECONDS = 60.0
DIGESTS_PER_FACT = 5_000
NO_GENOME = "0" * 64


@dataclass(frozen=True, slots=True)
class Order:
    """Who has texts redacted, why, and by which process."""

    by: str
    reason: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Redaction:
    """What went, or would go: counts, and the ids of facts that keep it in bodies that their hashes cover."""

    facts: int
    texts: int
    inbox: int
    outbox: int
    unsent: int  # of the outbox, rewritten so that they can still be sent
    jobs: int
    snapshots: int
    fixed: tuple[str, ...]


async def redact(
    location: str | Path,
    selection: Selection,
    order: Order,
    *,
    clock: Callable[[], datetime] = utc_now,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> Redaction:
    """Take the selected texts out of a ledger and say what went.

    Raises ValueError where the reason repeats the secret, Claimed while a process runs a node of the ledger,
    LedgerMissing, LedgerTooOld, LedgerTooNew, NotALedger, UnsupportedLedger, DriverMissing, or LedgerLocked: then the
    texts may be gone and the files not yet clean, and asking again cleans them.
    """
    if isinstance(selection, Containing) and selection.secret in f"{order.by}\n{order.reason}":
        raise ValueError("the reason repeats what is to be redacted")
    place = place_of(location, busy_timeout_seconds)
    place.require()
    writer = place.writing()
    try:
        act = partial(_redact, place=place, selection=selection, order=order, now=clock())
        told = await writer.transact(act)
    finally:
        await writer.close()
    await place.scrub()
    return told


async def would_redact(
    location: str | Path,
    selection: Selection,
    *,
    clock: Callable[[], datetime] = utc_now,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> Redaction:
    """Say what ``redact`` would take away, and change nothing."""
    place = place_of(location, busy_timeout_seconds)
    place.require()
    reader = place.reading()
    try:
        return await reader.transact(partial(_look, place=place, selection=selection, now=clock()))
    finally:
        await reader.close()


def _look(connection: Connection, place: Place, selection: Selection, now: datetime) -> Redaction:
    check(connection, str(place), None)
    return _told(find(connection, selection, instant_text(now)))


def _redact(
    connection: Connection, place: Place, selection: Selection, order: Order, now: datetime
) -> Redaction:
    organization = check(connection, str(place), None)
    require_quiet(connection, order.owner, now)
    found = find(connection, selection, instant_text(now))
    if found.changes:
        _take_away(connection, found)
        _record(connection, organization, _facts(found, order, now), Claim(order.owner, now))
    return _told(found)


def _told(found: Found) -> Redaction:
    return Redaction(
        facts=len(found.texts),
        texts=len(found.digests),
        inbox=len(found.inbox),
        outbox=len(found.outbox),
        unsent=sum(bool(hit.bytes) for hit in found.outbox),
        jobs=len(found.jobs),
        snapshots=found.snapshots if found.changes else 0,
        fixed=found.fixed,
    )


# ---------------------------------------------------------------------------------------------------- taking away


def _take_away(connection: Connection, found: Found) -> None:
    texts, jobs, inbox = schema.texts, schema.jobs, schema.inbox
    for hit in found.texts:
        at = (texts.c.stream == hit.stream, texts.c.version == hit.version)
        left = texts.delete() if hit.row is None else texts.update().values(body=hit.row)
        connection.execute(left.where(*at))
    for table, hits in ((inbox, found.inbox), (schema.outbox, found.outbox)):
        for entry in hits:
            blanked = table.update().where(table.c.sequence == entry.sequence).values(bytes=entry.bytes)
            connection.execute(blanked)
    for sequence in found.refusals:
        connection.execute(inbox.update().where(inbox.c.sequence == sequence).values(refusal=REDACTED))
    for job in found.jobs:
        of_job = (jobs.c.node == job.node, jobs.c.id == job.id)
        connection.execute(jobs.update().where(*of_job).values(body=job.body))
    connection.execute(schema.snapshots.delete())
    rebuild_projections(connection)


def _facts(found: Found, order: Order, now: datetime) -> Iterator[RecordedFact]:
    cause = f"redaction_{urandom(16).hex()}"
    digests, envelopes = found.digests, len(found.inbox) + len(found.outbox)
    for ordinal, start in enumerate(range(0, max(len(digests), 1), DIGESTS_PER_FACT)):
        fact = TextRedacted(
            digests=digests[start : start + DIGESTS_PER_FACT],
            envelopes=0 if ordinal else envelopes,
            by=order.by,
            reason=order.reason,
        )
        fact_id = derive_id("fact", LEDGER_STREAM, cause, ordinal)
        yield RecordedFact(fact_id, fact, now, NO_GENOME, cause, cause)


def _record(connection: Connection, organization: str, facts: Iterator[RecordedFact], claim: Claim) -> None:
    """Write the facts as a host writes those of its node: under a claim, at the version it expects."""
    now = claim.until
    until = Claim(claim.owner, now + timedelta(seconds=CLAIM_SECONDS))
    epoch = claim_stream(connection, LEDGER_STREAM, until, now)
    columns = schema.streams.c
    version = connection.execute(select(columns.version).where(columns.stream == LEDGER_STREAM)).scalar_one()
    commit = Commit(LEDGER_STREAM, epoch, version, facts=tuple(facts))
    for fenced in write_group(connection, [prepare(commit, organization, "")]):
        if fenced is not None:
            raise fenced
    release_stream(connection, LEDGER_STREAM, epoch)

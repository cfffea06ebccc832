"""The journal on a database: what hosts write through, and load their past from.

``commit`` returns when the transaction is durable, and fails as Fenced for its stream alone. Reads go through
connections of their own and never wait for a writer. How a transaction is put together is the group's business, how
rows look is ``rows``'; nothing here knows what a fact means.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Select, select

from vsm_core.actor import Commit, Fenced, Loaded, Owner, Snapshot, Timer
from vsm_core.envelope import Envelope, decode_envelope
from vsm_core.payloads.jobs import Job
from vsm_ledger import schema
from vsm_ledger.attempts import note_attempt
from vsm_ledger.checkpointing import make_checkpoint
from vsm_ledger.checkpoints import Checkpoint, Signer
from vsm_ledger.claims import Claim
from vsm_ledger.database import Place
from vsm_ledger.holding import claim_stream, held_at, release_stream
from vsm_ledger.joining import joined
from vsm_ledger.opening import create_or_check
from vsm_ledger.rebuilding import rebuild_projections
from vsm_ledger.rows import instant_text, prepare, recorded_of, storable
from vsm_ledger.snapshots import read_snapshot, write_snapshot
from vsm_ledger.writer import Marks, Writer

IDS_PER_QUERY = 10_000
Clock = Callable[[], datetime]
ResultT = TypeVar("ResultT")


class SqlJournal:
    """The write side of one ledger, shared by all hosts of a process; made by ``open_journal``."""

    def __init__(
        self, place: Place, organization: str, code_version: str, clock: Clock, writer: Writer
    ) -> None:
        self.organization = organization
        self._code_version = code_version
        self._clock = clock
        self._writer = writer
        self._reader = place.reading()

    async def claim(self, node: str, owner: Owner, ttl_seconds: float) -> int:
        """Return a new, higher epoch for the node; raise Claimed while another live owner holds it."""
        now = self._clock()
        until = now + timedelta(seconds=ttl_seconds)
        return await self._writer.alone(
            partial(claim_stream, stream=node, claim=Claim(owner, until), now=now)
        )

    async def renew(self, node: str, epoch: int, ttl_seconds: float) -> None:
        """Keep a claim for another ttl; raise Fenced if the epoch is no longer the newest."""
        until = instant_text(self._clock() + timedelta(seconds=ttl_seconds))
        held = held_at(node, epoch).where(schema.streams.c.owner.is_not(None))
        renewed = held.values(claimed_until=until)
        if not await self._writer.alone(lambda connection: connection.execute(renewed).rowcount):
            raise Fenced(node, f"epoch {epoch} no longer holds it")

    async def release(self, node: str, epoch: int) -> None:
        """Give a claim up; a claim that is no longer ours is left alone."""
        await self._writer.alone(partial(release_stream, stream=node, epoch=epoch))

    async def was_left(self, node: str) -> bool:
        """Say whether whoever held the node last never gave it up: it may have been killed by what waits for it."""
        wanted = select(schema.streams.c.owner).where(schema.streams.c.stream == node)
        return await self._reader.transact(lambda connection: connection.execute(wanted).scalar() is not None)

    async def attempt(self, node: str, epoch: int, envelope_id: str) -> int:
        """Note durably that an envelope is about to be handled, and return for which time; raise Fenced."""
        noted = partial(note_attempt, stream=node, epoch=epoch, envelope_id=envelope_id)
        return await self._writer.alone(noted)

    async def load(self, stream: str, state_schema: str | None = None) -> Loaded:
        """Return the stream's past, its pending timers and its open jobs; raise FactUnreadable.

        Where a snapshot in ``state_schema`` is kept, the past is that and the facts after it; otherwise all facts.
        """
        return await self._reader.transact(partial(_load, stream=stream, state_schema=state_schema))

    async def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a folded state for later loads, in a transaction of its own; it is a cache and may be lost."""
        await self._writer.alone(partial(write_snapshot, snapshot=snapshot))

    async def seen(self, stream: str, envelope_ids: Sequence[str]) -> frozenset[str]:
        """Return which of the envelopes this stream has already handled."""
        if not envelope_ids:
            return frozenset()
        return await self._reader.transact(partial(_seen, stream=stream, envelope_ids=envelope_ids))

    async def commit(self, commit: Commit) -> None:
        """Write a commit; return when it is durable.

        Raises Fenced where the stream moved on, the epoch is over, or an envelope was handled before; CommitTooLarge,
        EnvelopeError, CanonicalError or LedgerLocked where nothing was written; LedgerUnavailable where that is not
        known.
        """
        await self._writer.write(prepare(commit, self.organization, self._code_version))

    async def to_send(self, node: str) -> tuple[Envelope, ...]:
        """Return the node's outgoing envelopes that are not marked as sent, in the order of their commits."""
        columns = schema.outbox.c
        wanted = select(columns.bytes).where(columns.stream == node, columns.sent_at.is_(None))
        return await self._reader.transact(partial(_envelopes, wanted=wanted.order_by(columns.sequence)))

    async def unhandled(self, node: str) -> tuple[Envelope, ...]:
        """Return sent, unexpired envelopes of a node whose target has a stream here but has not handled them."""
        columns = schema.outbox.c
        wanted = select(columns.bytes).where(
            columns.stream == node,
            columns.handled == 0,
            columns.sent_at.is_not(None),
            columns.expires_at > instant_text(self._clock()),
            columns.target.in_(select(schema.streams.c.stream)),
        )
        return await self._reader.transact(partial(_envelopes, wanted=wanted.order_by(columns.sequence)))

    async def mark_sent(self, envelope_ids: Sequence[str]) -> None:
        """Record that a transport has confirmed these envelopes; marking one again changes nothing."""
        if envelope_ids:
            await self._writer.write(Marks(tuple(envelope_ids), instant_text(self._clock())))

    async def checkpoint(self, signer: Signer) -> Checkpoint | None:
        """Sign the heads of all streams and return the checkpoint, to be copied; None if no fact is new."""
        now = instant_text(self._clock())
        return await self._writer.alone(partial(make_checkpoint, signer=signer, now=now))

    async def rebuild(self) -> int:
        """Make all read models again from the facts, in one transaction; return how many facts were read."""
        return await self._writer.alone(rebuild_projections)

    async def close(self) -> None:
        """Let what is being written finish, and close."""
        await self._reader.close()
        await self._writer.close()  # the last one out clears the log away


async def open_sql_journal(
    place: Place, organization: str | None, code_version: str, clock: Clock
) -> SqlJournal:
    """Open a ledger for writing, made if it does not exist."""
    place.prepare()
    writer = Writer(place.writing())
    checked = partial(create_or_check, place=str(place), organization=organization, now=instant_text(clock()))
    try:
        owner = await writer.alone(checked)
    except BaseException:
        await writer.close()
        raise
    return SqlJournal(place, owner, code_version, clock, writer)


def _load(connection: Connection, stream: str, state_schema: str | None) -> Loaded:
    facts, timers, jobs = schema.facts, schema.timers, schema.jobs
    snapshot = read_snapshot(connection, stream, state_schema) if state_schema is not None else None
    folded = snapshot.version if snapshot else 0
    after = select(facts).where(facts.c.stream == stream, facts.c.version > folded)
    rows = connection.execute(after.order_by(facts.c.version))
    recorded = tuple(recorded_of(cells) for cells in joined(connection, rows))
    due = connection.execute(
        select(timers.c.body).where(timers.c.node == stream).order_by(timers.c.due_at, timers.c.id)
    )
    open_jobs = connection.execute(
        select(jobs.c.body).where(jobs.c.node == stream).order_by(jobs.c.started_at, jobs.c.id)
    )
    return Loaded(
        version=folded + len(recorded),
        facts=recorded,
        snapshot=snapshot,
        timers=tuple(Timer.model_validate_json(body) for body in due.scalars()),
        jobs=tuple(Job.model_validate_json(body) for body in open_jobs.scalars()),
    )


def _seen(connection: Connection, stream: str, envelope_ids: Sequence[str]) -> frozenset[str]:
    columns = schema.inbox.c
    known_as = {storable(each): each for each in envelope_ids}
    names, found = list(known_as), set[str]()
    for start in range(0, len(names), IDS_PER_QUERY):
        asked = names[start : start + IDS_PER_QUERY]
        wanted = select(columns.envelope_id).where(columns.envelope_id.in_(asked), columns.stream == stream)
        found.update(known_as[name] for name in connection.execute(wanted).scalars())
    return frozenset(found)


def _envelopes(connection: Connection, wanted: Select[bytes]) -> tuple[Envelope, ...]:
    """Return envelopes as they were sent; of one that was redacted nothing is left to send."""
    return tuple(decode_envelope(body) for body in connection.execute(wanted).scalars() if body)

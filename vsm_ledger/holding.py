"""Holding: claims on streams as rows; whose turn it is is decided in ``claims``."""

from datetime import datetime

from sqlalchemy import Connection, Update, select

from vsm_core.actor import Owner
from vsm_ledger import schema
from vsm_ledger.attempts import forget_attempts
from vsm_ledger.chain import GENESIS
from vsm_ledger.claims import Claim, check_claim, owner_of, owner_text
from vsm_ledger.rows import instant_of, instant_text


def held_at(stream: str, epoch: int) -> Update:
    """Return an update of a stream that meets it only while this epoch is its newest."""
    return schema.streams.update().where(schema.streams.c.stream == stream, schema.streams.c.epoch == epoch)


def claim_stream(connection: Connection, stream: str, claim: Claim, now: datetime) -> int:
    """Write a claim down and return its epoch; raise Claimed while another live owner holds the stream."""
    columns = schema.streams.c
    row = connection.execute(
        select(columns.epoch, columns.owner, columns.claimed_until)
        .where(columns.stream == stream)
        .with_for_update()
    ).first()
    holding = {"owner": owner_text(claim.owner), "claimed_until": instant_text(claim.until)}
    if row is None:
        new = {"stream": stream, "version": 0, "head_hash": GENESIS, "position": 0, "epoch": 1}
        connection.execute(schema.streams.insert(), {**new, **holding})
        return 1
    held = Claim(owner_of(row.owner), instant_of(row.claimed_until)) if row.owner else None
    check_claim(stream, held, claim.owner, now)
    connection.execute(held_at(stream, row.epoch).values(epoch=row.epoch + 1, **holding))
    return int(row.epoch) + 1


def release_stream(connection: Connection, stream: str, epoch: int) -> None:
    """Give a claim up; a claim that is no longer this one is left alone."""
    if connection.execute(held_at(stream, epoch).values(owner=None, claimed_until=None)).rowcount:
        forget_attempts(connection, stream)


def require_quiet(connection: Connection, by: Owner, now: datetime) -> None:
    """Raise Claimed while a process other than this one runs a node of the ledger."""
    columns = schema.streams.c
    held = select(columns.stream, columns.owner, columns.claimed_until).where(columns.owner.is_not(None))
    for row in connection.execute(held):
        check_claim(row.stream, Claim(owner_of(row.owner), instant_of(row.claimed_until)), by, now)

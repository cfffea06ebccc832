"""Attempts: how often a host began to handle an envelope it did not trust, written before it begins.

After an unclean stop one of the envelopes that wait may be what killed the process. Its attempt is durable before it is
handled, so that a process which dies of it again and again can be told from one that was merely switched off.
"""

from sqlalchemy import Connection, delete, select

from vsm_core.actor import Fenced
from vsm_ledger import schema
from vsm_ledger.statements import upsert


def note_attempt(connection: Connection, stream: str, epoch: int, envelope_id: str) -> int:
    """Write one more attempt and return how many there were; raise Fenced if the epoch is no longer the newest."""
    streams, attempts = schema.streams.c, schema.attempts.c
    if connection.execute(select(streams.epoch).where(streams.stream == stream)).scalar() != epoch:
        raise Fenced(stream, f"epoch {epoch} no longer holds it")
    known = select(attempts.count).where(attempts.stream == stream, attempts.envelope_id == envelope_id)
    count = int(connection.execute(known).scalar() or 0) + 1
    upsert(connection, schema.attempts, [{"stream": stream, "envelope_id": envelope_id, "count": count}])
    return count


def forget_attempts(connection: Connection, stream: str) -> None:
    """Forget the attempts of a stream: whoever gives its node up in good order was not killed by any of them."""
    connection.execute(delete(schema.attempts).where(schema.attempts.c.stream == stream))

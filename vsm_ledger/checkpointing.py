"""Making a checkpoint: what the ledger holds now, signed and stored in one transaction.

When one is due is the caller's business, and so are the copies outside the ledger.
"""

from sqlalchemy import Connection, func, select

from vsm_ledger import schema
from vsm_ledger.chain import GENESIS, Head, merkle_root
from vsm_ledger.checkpoints import Checkpoint, Signer, copy_line, read_copy


def make_checkpoint(connection: Connection, signer: Signer, now: str) -> Checkpoint | None:
    """Sign the heads and store the checkpoint; None if nothing was recorded since the last one."""
    columns = schema.streams.c
    rows = connection.execute(
        select(columns.stream, columns.version, columns.head_hash).where(columns.version > 0)
    )
    heads = tuple(sorted(Head(*row) for row in rows))
    last = last_checkpoint(connection)
    if not heads or (last is not None and last.heads == heads):
        return None
    organization = connection.execute(select(schema.ledger.c.organization)).scalar_one()
    signed = signer.sign(
        Checkpoint(
            organization=organization,
            number=last.number + 1 if last else 1,
            created_at=now,
            facts=sum(head.version for head in heads),
            heads=heads,
            root=merkle_root(heads),
            previous=last.digest if last else GENESIS,
            key_id="",
            signature="",
        )
    )
    row = {
        "number": signed.number,
        "created_at": now,
        "facts": signed.facts,
        "body": copy_line(signed).decode(),
    }
    connection.execute(schema.checkpoints.insert(), row)
    return signed


def last_checkpoint(connection: Connection) -> Checkpoint | None:
    """Return the newest checkpoint of the ledger; None if there is none that can be read."""
    columns = schema.checkpoints.c
    newest = select(func.max(columns.number)).scalar_subquery()
    body = connection.execute(select(columns.body).where(columns.number == newest)).scalar()
    return read_copy(body) if body else None

"""Verification: does the ledger still say what was recorded.

Three witnesses are compared: the facts with their own hashes, the heads of the streams, and the signed checkpoints
with their copies outside the ledger; and the texts with the digests that the facts keep of them. This file reads them,
in one transaction, and leaves the judgement to ``tampering``, ``text_checks`` and ``witnesses``. Any bytes may lie in
the file; none of them makes this raise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from vsm_core.errors import CanonicalError
from vsm_ledger import schema
from vsm_ledger.chain import HASHED, fact_hash
from vsm_ledger.checkpoints import read_copy
from vsm_ledger.connect import place_of
from vsm_ledger.errors import LedgerMissing, LedgerUnreachable
from vsm_ledger.tampering import Finding, Link, StoredHead, Tampering, judge_stream
from vsm_ledger.text_checks import TextsOf, redacted_digests
from vsm_ledger.witnesses import Copies, Keys, StoredCheckpoint, judge_checkpoints, signed_heads

FACTS_PER_STEP = 2_000
MOVES_TRIED = 64  # versions up and down, to learn where an entry stood before
BROKEN_EXPLAINED = 64  # entries of one stream that this is tried for

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, and what was found; notes are no findings."""

    facts: int
    streams: int
    checkpoints: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


async def verify(
    location: str | Path, *, copies: Copies | None = None, keys: Keys | None = None
) -> Verification:
    """Compare facts, heads, checkpoints and their copies (where -> checkpoints); ``keys`` are public keys by id.

    Raises LedgerMissing, UnsupportedLedger or DriverMissing, and LedgerUnreachable where a server can't be reached;
    nothing else, whatever lies in the ledger.
    """
    place = place_of(location)
    place.require()
    reader = place.reading_anything()
    try:
        return await reader.transact(partial(_verify, copies=copies or {}, keys=keys or {}))
    except (LedgerMissing, LedgerUnreachable):
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file makes its driver raise anything
        return Verification(0, 0, 0, (_damage(error),), ())
    finally:
        await reader.close()


def _verify(connection: Connection, copies: Copies, keys: Keys) -> Verification:
    stored = _stored_checkpoints(connection)
    heads = _stored_heads(connection)
    signed = signed_heads(stored, copies, keys)
    counts: dict[str, int] = {}
    findings: list[Finding | None] = []
    try:
        redacted = redacted_digests(connection)
        has_texts = connection.dialect.has_table(connection, schema.texts.name)  # an older version's has none
        for stream, rows in _rows_by_stream(connection):
            texts = TextsOf(connection if has_texts else None, stream, redacted)
            links = list(_links(map(texts.seen, rows)))
            counts[stream] = len(links)
            findings.append(judge_stream(stream, links, heads.get(stream), signed.get(stream, {})))
            findings.append(texts.first_bad())
    except (DBAPIError, ValueError) as error:
        findings.append(_damage(error))
    else:
        gone = sorted({*heads, *signed} - {*counts})
        findings.extend(
            judge_stream(stream, (), heads.get(stream), signed.get(stream, {})) for stream in gone
        )
    findings.extend(judge_checkpoints(stored, copies, keys))
    return Verification(
        facts=sum(counts.values()),
        streams=len(counts),
        checkpoints=len(stored),
        findings=tuple(finding for finding in findings if finding is not None),
        notes=tuple(_notes(sum(counts.values()), stored, copies, keys)),
    )


def _damage(error: Exception) -> Finding:
    return Finding(Tampering.EDIT, None, 0, f"the file is damaged: {error}")


def _notes(facts: int, stored: tuple[StoredCheckpoint, ...], copies: Copies, keys: Keys) -> Iterator[str]:
    readable = [each.checkpoint for each in stored if each.checkpoint is not None]
    signed = readable[-1].facts if readable else 0
    if facts > signed:
        yield f"{facts - signed} facts after the last checkpoint"
    if readable and not any(copies.values()):
        yield "no copy of the checkpoints was found"
    for unknown in sorted({each.key_id for each in readable} - {*keys}):
        yield f"signatures by key {unknown} are not checked: its public key is not here"


# ------------------------------------------------------------------------------------------------------- reading


def _stored_heads(connection: Connection) -> dict[str, StoredHead]:
    columns = schema.streams.c
    rows = connection.execute(select(columns.stream, columns.version, columns.head_hash))
    return {str(stream): StoredHead(version, head) for stream, version, head in rows}


def _stored_checkpoints(connection: Connection) -> tuple[StoredCheckpoint, ...]:
    columns = schema.checkpoints.c
    rows = connection.execute(select(columns.number, columns.body).order_by(columns.number))
    return tuple(StoredCheckpoint(number, read_copy(body)) for number, body in rows)


def _rows_by_stream(connection: Connection) -> Iterator[tuple[str, Iterator[Row]]]:
    facts = schema.facts
    wanted = select(facts).order_by(facts.c.stream, facts.c.version, facts.c.sequence)
    rows = connection.execution_options(yield_per=FACTS_PER_STEP).execute(wanted)
    names = tuple(rows.keys())
    plain = (dict(zip(names, row, strict=True)) for row in rows)
    yield from groupby(plain, key=lambda row: str(row["stream"]))


def _links(rows: Iterable[Row]) -> Iterator[Link]:
    broken = 0
    for row in rows:
        intact = _has_its_hash(row)
        broken += not intact
        moved = None if intact or broken > BROKEN_EXPLAINED else _moved_from(row)
        yield Link(row["version"], row["sequence"], row["previous_hash"], row["hash"], intact, moved)


def _has_its_hash(row: Row) -> bool:
    try:
        return fact_hash(row) == row["hash"]
    except CanonicalError:
        return False


def _moved_from(row: Row) -> int | None:
    """Return the version near the stored one under which the row's hash would be right."""
    version = row["version"]
    if not isinstance(version, int):
        return None
    nearby = (version + step * sign for step in range(1, MOVES_TRIED + 1) for sign in (1, -1))
    columns = {name: row[name] for name in HASHED}
    return next(
        (near for near in nearby if _has_its_hash({**columns, "version": near, "hash": row["hash"]})), None
    )

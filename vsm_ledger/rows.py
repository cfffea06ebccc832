"""Rows: how a commit is written down, and how what was written is read again.

Encoding needs no ledger and happens before a commit joins a group, so that a value that can't be written fails alone.
Versions, positions and hashes depend on what is there already; the group fills them in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from vsm_core.actor import Commit, Limits, LogEntry, Timer
from vsm_core.channel import Channel
from vsm_core.codec import canonical_bytes, digest
from vsm_core.envelope import Envelope
from vsm_core.facts import FACT_CLASSES, AnyFact, Fact, RecordedFact
from vsm_core.payloads.jobs import Job
from vsm_ledger.chain import HASHED
from vsm_ledger.errors import CommitTooLarge, FactUnreadable
from vsm_ledger.projections import PROJECTIONS, Change, Origin, changes_of
from vsm_ledger.texts import MARK, take_out
from vsm_ledger.upcasting import upcast

BODY_LIMIT = 1_048_576  # bytes of one fact's body, with its texts
COMMIT_LIMIT = 67_108_864  # bytes of all bodies and envelopes of one commit
CACHED = 256  # times and limits in use at once

_NUL, _INSTEAD = "\x00", "\ufffd"
_NUL_ESCAPED = b"\\u0000"  # how a body has it, or a row of texts

Row = dict[str, str | int | bytes | None]
_FACT: TypeAdapter[AnyFact] = TypeAdapter(Fact)


@dataclass(slots=True)
class FactRow:
    """A fact as it is hashed, by the names of its cells in their order and without the empty ones, and as it is stored.

    The group fills in version, previous hash and hash.
    """

    cells: dict[str, str | int | None]
    before: tuple[str | int | None, ...]  # the columns before the version
    after: tuple[str | int | None, ...]  # those between the version and the previous hash
    texts: str  # of the fact, as they are stored; empty where it has none
    hash: str = ""

    def stored(self) -> tuple[str | int | None, ...]:
        """Return all its columns, in the order of FACT_COLUMNS."""
        return (*self.before, self.cells["version"], *self.after, self.cells["previous_hash"], self.hash)


FACT_COLUMNS = (*HASHED, "hash")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commit as rows, short of what only its place in the stream decides."""

    stream: str
    epoch: int
    expected_version: int
    facts: tuple[FactRow, ...]
    inbox: tuple[Row, ...]
    limits: Mapping[str, str]
    outbox: tuple[Row, ...]
    handled: tuple[str, ...]  # envelopes of other streams that are in an inbox now
    timers: Mapping[str, Row | None]  # None: done
    jobs: Mapping[str, Row | None]
    changes: Sequence[Change]
    size_bytes: int

    @property
    def leaves_a_trace(self) -> bool:
        """Whether the ledger can tell later that this was written."""
        return bool(self.facts or self.inbox)


def prepare(commit: Commit, organization: str, code_version: str) -> Prepared:
    """Return a commit as rows; raise CommitTooLarge, EnvelopeError or CanonicalError where it can't be written."""
    stream = commit.stream
    facts = tuple(_fact_row(recorded, stream, organization) for recorded in commit.facts)
    inbox = tuple(_inbox_row(entry, stream, code_version) for entry in commit.entries)
    outbox = tuple(_outbox_row(envelope, stream) for envelope in commit.sends)
    size = sum(len(str(row.cells["body"])) + len(row.texts) for row in facts) + sum(
        _size(row) for row in (*inbox, *outbox)
    )
    if size > COMMIT_LIMIT:
        raise CommitTooLarge(f"a commit of {stream}", size, COMMIT_LIMIT)
    return Prepared(
        stream,
        commit.epoch,
        commit.expected_version,
        facts,
        inbox,
        {limits_digest(entry.limits): _limits_text(entry.limits) for entry in commit.entries},
        outbox,
        tuple(storable(entry.envelope.id) for entry in commit.entries if _came_by_outbox(entry.envelope)),
        _pending(commit.timers_done, {timer.id: _timer_row(timer) for timer in commit.timers}),
        _pending(commit.jobs_done, {job.id: _job_row(job) for job in commit.jobs}),
        _changes(commit.facts, facts, stream),
        size,
    )


def _size(row: Row) -> int:
    body = row["bytes"]
    return len(body) if isinstance(body, bytes) else 0


def _pending(done: Sequence[str], rows: Mapping[str, Row]) -> dict[str, Row | None]:
    """What ends first and is set again in one commit is set."""
    return {**dict.fromkeys(done), **rows}


def storable(text: str) -> str:
    """Return a text as every database can hold it in a column: without NUL, which only bytes and bodies keep."""
    return text.replace(_NUL, _INSTEAD) if _NUL in text else text


def _came_by_outbox(envelope: Envelope) -> bool:
    return envelope.channel is not Channel.INTERNAL and not envelope.source.startswith("_")


# ------------------------------------------------------------------------------------------------------- moments


@lru_cache(maxsize=CACHED)  # facts of one decision share their time
def instant_text(moment: datetime) -> str:
    """Return a time in its canonical form: RFC 3339 in UTC with microseconds."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:-6] + "Z"


def instant_of(text: str) -> datetime:
    """Return the time that ``instant_text`` wrote."""
    return datetime.fromisoformat(text)


# --------------------------------------------------------------------------------------------------------- facts


def _fact_row(recorded: RecordedFact, stream: str, organization: str) -> FactRow:
    fact = recorded.fact
    about = fact.__dict__  # asking a model for a field it lacks is slow
    body, texts = take_out(fact)
    if len(body) + len(texts) > BODY_LIMIT:
        raise CommitTooLarge(f"{fact.kind} of {stream}", len(body) + len(texts), BODY_LIMIT)
    task, directive = about.get("task_id"), about.get("directive_id")
    suggestion = about.get("suggestion_id")
    if _NUL_ESCAPED in body:
        task, directive, suggestion = (each and storable(each) for each in (task, directive, suggestion))
    correlation, causation = storable(recorded.correlation_id), storable(recorded.causation_id)
    fact_id, kind, version, genome = recorded.id, fact.kind, fact.schema_version, recorded.genome_id
    at, text = instant_text(recorded.occurred_at), body.decode()
    cells = {
        "body": text,
        "causation_id": causation,
        "correlation_id": correlation,
        "directive_id": directive,
        "genome_id": genome,
        "id": fact_id,
        "kind": kind,
        "occurred_at": at,
        "organization": organization,
        "previous_hash": "",
        "schema_version": version,
        "stream": stream,
        "suggestion_id": suggestion,
        "task_id": task,
        "version": 0,
    }
    if task is None:
        del cells["task_id"]
    if directive is None:
        del cells["directive_id"]
    if suggestion is None:
        del cells["suggestion_id"]
    after = (fact_id, kind, version, at, genome, task, directive, suggestion, correlation, causation, text)
    return FactRow(cells, (organization, stream), after, texts.decode())


def _changes(recorded: Sequence[RecordedFact], rows: Sequence[FactRow], stream: str) -> list[Change]:
    changes: list[Change] = []
    for each, row in zip(recorded, rows, strict=True):
        if each.fact.kind in PROJECTIONS:
            origin = Origin(stream, each.id, str(row.cells["occurred_at"]), each.genome_id)
            changes.extend(changes_in(each.fact, origin, f"{row.cells['body']}{row.texts}"))
    return changes


def changes_in(fact: AnyFact, origin: Origin, body: str) -> Iterable[Change]:
    """Return what a fact changes in the read models, in cells that every database can hold; ``body`` with texts."""
    changes = changes_of(fact, origin)
    return map(_storable_change, changes) if _NUL_ESCAPED.decode() in body else changes


def _storable_change(change: Change) -> Change:
    key, cells = (
        {name: storable(cell) if isinstance(cell, str) else cell for name, cell in part.items()}
        for part in (change.key, change.cells)
    )
    return change._replace(key=key, cells=cells)


def fact_of(kind: str, schema_version: int, body: str) -> AnyFact:
    """Return a stored fact; raise ValueError with a reason where this version can't read it."""
    known = FACT_CLASSES.get(kind)
    if known is None:
        raise ValueError(f"{kind} is a kind this version does not know")
    if schema_version > known.schema_version:
        raise ValueError(f"{kind} version {schema_version}: this reads up to {known.schema_version}")
    if MARK in body:
        raise ValueError("its texts were not read with it")
    return _FACT.validate_json(upcast(kind, schema_version, known.schema_version, body))


def recorded_of(row: Mapping[str, object]) -> RecordedFact:
    """Return a joined row of ``facts`` as the domain's value; raise FactUnreadable where that is not possible."""
    try:
        return RecordedFact(
            id=str(row["id"]),
            fact=fact_of(str(row["kind"]), int(str(row["schema_version"])), str(row["body"])),
            occurred_at=instant_of(str(row["occurred_at"])),
            genome_id=str(row["genome_id"]),
            correlation_id=str(row["correlation_id"]),
            causation_id=str(row["causation_id"]),
        )
    except ValueError as error:  # pydantic's ValidationError is one
        raise FactUnreadable(str(row["stream"]), int(str(row["version"])), _reason(error)) from error


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


# ----------------------------------------------------------------------------------- envelopes, timers and jobs


def _inbox_row(entry: LogEntry, stream: str, code_version: str) -> Row:
    envelope = entry.envelope
    return {
        "stream": stream,
        "envelope_id": storable(envelope.id),
        "source": envelope.source,
        "payload_type": envelope.payload_type,
        "causation_id": storable(envelope.causation_id),
        "bytes": envelope.encoded(),
        "now": instant_text(entry.now),
        "seed": str(entry.seed),
        "limits": limits_digest(entry.limits),
        "process": entry.process,
        "delivery_attempt": entry.delivery_attempt,
        "code_version": code_version,
        "facts": entry.facts,
        "sends": entry.sends,
        "refusal": entry.refusal and storable(entry.refusal),
    }


def _outbox_row(envelope: Envelope, stream: str) -> Row:
    return {
        "id": envelope.id,
        "stream": stream,
        "target": envelope.target,
        "payload_type": envelope.payload_type,
        "causation_id": envelope.causation_id,
        "bytes": envelope.encoded(),
        "expires_at": instant_text(envelope.expires_at),
        "sent_at": None,
        "handled": 0,
    }


@lru_cache(maxsize=CACHED)
def limits_digest(limits: Limits) -> str:
    """Return the digest limits are stored under."""
    return digest(limits)


@lru_cache(maxsize=CACHED)
def _limits_text(limits: Limits) -> str:
    return canonical_bytes(limits).decode()


def _timer_row(timer: Timer) -> Row:
    due = instant_text(timer.due_at)
    return {"node": timer.node, "id": timer.id, "due_at": due, "body": canonical_bytes(timer).decode()}


def _job_row(job: Job) -> Row:
    started = instant_text(job.started_at)
    return {"node": job.node, "id": job.id, "started_at": started, "body": canonical_bytes(job).decode()}

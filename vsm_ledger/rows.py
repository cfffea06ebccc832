"""Rows: how a commit is written down, and how what was written is read again.

Encoding needs no ledger and happens before a commit joins a group, so that a value that can't be written fails alone.
Versions, positions and hashes depend on what is there already; the group fills them in.
"""

from collections.abc import Mapping, Sequence
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
from vsm_ledger.errors import CommitTooLarge, FactUnreadable
from vsm_ledger.projections import Change, Origin, changes_of

BODY_LIMIT = 1_048_576  # bytes of one fact's body
COMMIT_LIMIT = 67_108_864  # bytes of all bodies and envelopes of one commit
CACHED = 256  # times and limits in use at once

Row = dict[str, str | int | bytes | None]
_FACT: TypeAdapter[AnyFact] = TypeAdapter(Fact)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commit as rows, short of what only its place in the stream decides."""

    stream: str
    epoch: int
    expected_version: int
    facts: tuple[Row, ...]
    inbox: tuple[Row, ...]
    limits: Mapping[str, str]
    outbox: tuple[Row, ...]
    handled: tuple[str, ...]  # envelopes of other streams that are in an inbox now
    timers: Mapping[str, Row | None]  # None: done
    jobs: Mapping[str, Row | None]
    changes: tuple[Change, ...]
    size_bytes: int


def prepare(commit: Commit, organization: str, code_version: str) -> Prepared:
    """Return a commit as rows; raise CommitTooLarge, EnvelopeError or CanonicalError where it can't be written."""
    stream = commit.stream
    facts = tuple(_fact_row(recorded, stream, organization) for recorded in commit.facts)
    inbox = tuple(_inbox_row(entry, stream, code_version) for entry in commit.entries)
    outbox = tuple(_outbox_row(envelope, stream) for envelope in commit.sends)
    size = sum(len(str(row["body"])) for row in facts) + sum(_size(row) for row in (*inbox, *outbox))
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
        tuple(entry.envelope.id for entry in commit.entries if _came_by_outbox(entry.envelope)),
        _pending(commit.timers_done, {timer.id: _timer_row(timer) for timer in commit.timers}),
        _pending(commit.jobs_done, {job.id: _job_row(job) for job in commit.jobs}),
        tuple(_changes(commit.facts, facts, stream)),
        size,
    )


def _size(row: Row) -> int:
    body = row["bytes"]
    return len(body) if isinstance(body, bytes) else 0


def _pending(done: Sequence[str], rows: Mapping[str, Row]) -> dict[str, Row | None]:
    """What ends first and is set again in one commit is set."""
    return {**dict.fromkeys(done), **rows}


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


def _fact_row(recorded: RecordedFact, stream: str, organization: str) -> Row:
    fact = recorded.fact
    about = fact.__dict__  # asking a model for a field it lacks is slow
    body = canonical_bytes(fact)
    if len(body) > BODY_LIMIT:
        raise CommitTooLarge(f"{fact.kind} of {stream}", len(body), BODY_LIMIT)
    return {
        "organization": organization,
        "stream": stream,
        "id": recorded.id,
        "kind": fact.kind,
        "schema_version": fact.schema_version,
        "occurred_at": instant_text(recorded.occurred_at),
        "genome_id": recorded.genome_id,
        "task_id": about.get("task_id"),
        "directive_id": about.get("directive_id"),
        "suggestion_id": about.get("suggestion_id"),
        "correlation_id": recorded.correlation_id,
        "causation_id": recorded.causation_id,
        "body": body.decode(),
    }


def _changes(recorded: Sequence[RecordedFact], rows: Sequence[Row], stream: str) -> list[Change]:
    return [
        change
        for each, row in zip(recorded, rows, strict=True)
        for change in changes_of(each.fact, Origin(stream, each.id, str(row["occurred_at"])))
    ]


def fact_of(kind: str, schema_version: int, body: str) -> AnyFact:
    """Return a stored fact; raise ValueError with a reason where this version can't read it."""
    known = FACT_CLASSES.get(kind)
    if known is None:
        raise ValueError(f"{kind} is a kind this version does not know")
    if schema_version > known.schema_version:
        raise ValueError(f"{kind} version {schema_version}: this reads up to {known.schema_version}")
    return _FACT.validate_json(body)


def recorded_of(row: Mapping[str, object]) -> RecordedFact:
    """Return a row of ``facts`` as the domain's value; raise FactUnreadable where that is not possible."""
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
        "envelope_id": envelope.id,
        "source": envelope.source,
        "payload_type": envelope.payload_type,
        "causation_id": envelope.causation_id,
        "bytes": envelope.encoded(),
        "now": instant_text(entry.now),
        "seed": str(entry.seed),
        "limits": limits_digest(entry.limits),
        "process": entry.process,
        "delivery_attempt": entry.delivery_attempt,
        "code_version": code_version,
        "facts": entry.facts,
        "sends": entry.sends,
        "refusal": entry.refusal,
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

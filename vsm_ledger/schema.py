"""The tables of a ledger, and the version of their shape.

What is written first is the journal's: streams, facts, the inbox (mark and log in one), the outbox, timers and jobs.
What can be recomputed from the facts is a projection. Times are canonical text (RFC 3339, UTC, microseconds), so
their order is the order of the text and hashing needs no conversion. Nothing here knows a database driver.

The version is that of the newest migration, which makes the same tables; a change here needs one there, and a test
compares the two.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.sql.elements import ColumnElement

SCHEMA_VERSION = 4
REVISION = f"{SCHEMA_VERSION:04}"  # the same, as the migrations name it
FIRST_REVISION = "0001"  # ledgers of this one bear no stamp

MEASURES = (
    "merged",
    "reverted",
    "regressed",
    "overridden",
    "input_tokens",
    "output_tokens",
    "money_micros",
    "worker_micros",
    "latency_micros",
    "lines_changed",
    "coordination_units",
    "adjustment_micros",
)

tables = MetaData()
# Text sorts by its bytes and counts are 64 bits wide on every database.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_KEY = String().with_variant(String(collation="C"), "postgresql")
_NUMBER = Integer().with_variant(BigInteger(), "postgresql")


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=optional)


def _number(name: str, *, optional: bool = False) -> Column[int]:
    return Column(name, _NUMBER, nullable=optional)


def _sequence() -> Column[int]:
    return Column("sequence", _NUMBER, primary_key=True, autoincrement=True)


def _key(name: str) -> Column[str]:
    return Column(name, _KEY, primary_key=True)


def _measures() -> tuple["Column[int]", ...]:
    """What is counted of an attempt, in whole numbers, so that sums are the same in any order."""
    return tuple(_number(name) for name in MEASURES)


def _where(index: str, *columns: "Column[Any]", only: "ColumnElement[bool]") -> Index:
    """Index the rows of which something is true: few of many."""
    return Index(index, *columns, sqlite_where=only, postgresql_where=only)


stamp = Table(  # under the names that alembic gives it
    "alembic_version",
    tables,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


# ------------------------------------------------------------------------------------------------ what was written

ledger = Table(
    "ledger",
    tables,
    _key("organization"),
    _text("created_at"),
)

streams = Table(
    "streams",
    tables,
    _key("stream"),
    _number("version"),
    _text("head_hash"),
    _number("position"),  # of the newest inbox entry
    _number("epoch"),  # the fencing token of the newest claim
    _text("owner", optional=True),  # canonical JSON; NULL: nobody holds it
    _text("claimed_until", optional=True),
)

facts = Table(
    "facts",
    tables,
    _text("organization"),
    _sequence(),
    _text("stream"),
    _number("version"),
    _text("id"),
    _text("kind"),
    _number("schema_version"),
    _text("occurred_at"),
    _text("genome_id"),
    _text("task_id", optional=True),
    _text("directive_id", optional=True),
    _text("suggestion_id", optional=True),
    _text("correlation_id"),
    _text("causation_id"),
    _text("body"),
    _text("previous_hash"),
    _text("hash"),
    UniqueConstraint("stream", "version", name="facts_version"),
)
_where("facts_task", facts.c.task_id, only=facts.c.task_id.is_not(None))
_where("facts_directive", facts.c.directive_id, only=facts.c.directive_id.is_not(None))
Index("facts_causation", facts.c.causation_id)

texts = Table(  # of one fact, in the order of their digests in its body; what is gone was redacted
    "texts",
    tables,
    _key("stream"),
    Column("version", _NUMBER, primary_key=True, autoincrement=False),
    _text("body"),  # a JSON array of pairs (salt, text), null for one that was redacted
)

inbox = Table(
    "inbox",
    tables,
    _sequence(),
    _text("stream"),
    _number("position"),
    _text("envelope_id"),
    _text("source"),
    _text("payload_type"),
    _text("causation_id"),
    Column("bytes", LargeBinary, nullable=False),  # empty once redacted, here and in the outbox
    _text("now"),
    _text("seed"),  # decimal digits: seeds may be wider than a database's integers
    _text("limits"),
    _text("process"),
    _number("delivery_attempt"),
    _text("code_version"),
    _number("facts"),
    _number("sends"),
    _text("refusal", optional=True),
    UniqueConstraint("envelope_id", "stream", name="inbox_envelope"),
)

limits = Table("limits", tables, _key("digest"), _text("body"))

outbox = Table(
    "outbox",
    tables,
    _sequence(),
    _text("id"),
    _text("stream"),
    _text("target"),
    _text("payload_type"),
    _text("causation_id"),
    Column("bytes", LargeBinary, nullable=False),
    _text("expires_at"),
    _text("sent_at", optional=True),
    _number("handled"),  # 1 once the target's inbox in this ledger has it
    UniqueConstraint("id", name="outbox_id"),
)
_where("outbox_unsent", outbox.c.stream, outbox.c.sequence, only=outbox.c.sent_at.is_(None))
_where("outbox_open", outbox.c.stream, outbox.c.expires_at, only=outbox.c.handled == 0)

timers = Table("timers", tables, _key("node"), _key("id"), _text("due_at"), _text("body"))

jobs = Table("jobs", tables, _key("node"), _key("id"), _text("started_at"), _text("body"))

snapshots = Table(  # a cache of folded states: it may be deleted at any time
    "snapshots",
    tables,
    _key("stream"),
    _key("state_schema"),
    _number("version"),
    _text("fact_hash"),  # of the fact with that version
    Column("body", LargeBinary, nullable=False),
)

attempts = Table(  # envelopes that a host began to handle while it did not trust them
    "attempts",
    tables,
    _key("stream"),
    _key("envelope_id"),
    _number("count"),
)

checkpoints = Table(
    "checkpoints",
    tables,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    _text("created_at"),
    _number("facts"),
    _text("body"),
)

# --------------------------------------------------------------------------------------------------- projections

directives = Table(
    "directives",
    tables,
    _key("directive_id"),
    _text("stream"),
    _text("title"),
    _text("origin"),
    _text("risk"),
    _text("repository", optional=True),
    _text("state"),
    _text("outcome", optional=True),
    _text("reason"),
    _text("branch", optional=True),
    _text("commit", optional=True),
    _text("base", optional=True),
    _text("accepted_at"),
    _text("finished_at", optional=True),
)

tasks = Table(
    "tasks",
    tables,
    _key("task_id"),
    _text("planner"),  # the stream that planned it: only its facts move the row
    _text("directive_id"),
    _text("mandate_id"),
    _text("parent_task_id", optional=True),
    _text("role"),
    _text("task_class", optional=True),
    _text("title"),
    _text("dependencies"),  # a JSON array of task ids
    _text("verifies", optional=True),
    _text("state"),
    _text("node", optional=True),
    _number("attempts"),
    _text("outcome", optional=True),
    _text("failure_class", optional=True),
    _text("reason"),
    _text("commit", optional=True),
    _text("tip", optional=True),
    _text("files_touched"),  # a JSON array of paths
    _text("planned_at"),
    _text("concluded_at", optional=True),
)
Index("tasks_directive", tasks.c.directive_id)
Index("tasks_parent", tasks.c.parent_task_id)

executions = Table(
    "executions",
    tables,
    _key("task_id"),
    _key("execution_id"),
    _text("stream"),
    _text("directive_id"),
    _text("node"),
    _text("genome_id"),  # that its controller worked under when it ended
    _number("attempt", optional=True),  # a late result does not say
    _text("outcome"),
    _text("failure_class", optional=True),
    _number("late"),
    _number("input_tokens"),
    _number("output_tokens"),
    _number("tool_calls"),
    _text("money", optional=True),  # a decimal number as text
    _text("currency", optional=True),
    Column("worker_seconds", Float, nullable=False),
    _text("model_served", optional=True),
    _text("ended_at"),
)
Index("executions_directive", executions.c.directive_id)

traces = Table(
    "traces",
    tables,
    _key("fact_id"),
    _text("stream"),
    _text("task_id"),
    _text("directive_id"),
    _text("node"),
    _text("ancestors"),  # from the parent outward, joined by slashes
    _number("line"),  # stands for all that a rollup's key says but its time: numbers sort sooner than texts
    _number("attempt"),
    _text("execution_id", optional=True),
    _text("genome_id"),
    _text("trial_id", optional=True),
    _text("arm"),
    _text("role"),
    _text("task_class", optional=True),
    _text("outcome"),
    _text("failure_class", optional=True),
    _number("scored"),
    *_measures(),
    _text("money", optional=True),  # exactly, as text
    _text("currency", optional=True),
    _text("traced_at"),
)
Index("traces_task", traces.c.task_id)
Index("traces_time", traces.c.traced_at)

trace_credit = Table(  # the closure that makes subtree queries a join
    "trace_credit",
    tables,
    _key("fact_id"),
    _key("node"),
    _number("depth"),  # 0: the node itself, 1: its parent
)
Index("trace_credit_node", trace_credit.c.node, trace_credit.c.depth, trace_credit.c.fact_id)

# Sums of traces, for each writer its own, so that two controllers never update one row; they are added up on read.
# What a trace leaves out is the empty text here, because a key has no holes.
node_rollups = Table(
    "node_rollups",
    tables,
    _key("span"),  # hour or day: each trace is counted in one of both
    _key("period"),  # of the trace: an RFC 3339 time up to the hour or the day
    _key("node"),
    _key("ancestors"),
    _key("genome_id"),
    _key("role"),
    _key("task_class"),
    _key("trial_id"),
    _key("arm"),
    _key("outcome"),
    Column("scored", _NUMBER, primary_key=True, autoincrement=False),
    _key("currency"),
    _key("stream"),
    _number("attempts"),
    *_measures(),
    sqlite_with_rowid=False,
)

adjustments = Table(  # what became of an attempt's work after it was traced
    "adjustments",
    tables,
    _key("fact_id"),
    _text("trace_id"),
    _text("task_id"),
    _text("directive_id"),
    _text("node"),
    _text("change"),
    _text("subject_commit"),
    _text("commit"),
    _text("author"),
    _text("reason"),
    _text("adjusted_at"),
)
Index("adjustments_trace", adjustments.c.trace_id)

genomes = Table(
    "genomes",
    tables,
    _key("genome_id"),
    _key("stream"),
    _text("adopted_at"),
    _text("replaces", optional=True),
)

dead_letters = Table(
    "dead_letters",
    tables,
    _key("stream"),
    _key("envelope_id"),
    _text("source"),
    _text("channel"),
    _text("payload_type"),
    _text("reason"),
    _text("refused_at"),
)

_OF_WORK = (directives, tasks, executions, traces, trace_credit, node_rollups, adjustments)
_OF_NODES = (genomes, dead_letters)
PROJECTED: dict[str, Table] = {table.name: table for table in (*_OF_WORK, *_OF_NODES)}

# Where free text may lie.
REDACTABLE = ("texts", "inbox", "outbox", "jobs", "snapshots", *PROJECTED)

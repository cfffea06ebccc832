"""The first version: streams, facts, inbox, outbox, timers, jobs, checkpoints and the first read models.

Ledgers of it count themselves, in ``ledger.schema_version``, and bear no stamp.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.sql.elements import ColumnElement

revision = "0001"
down_revision = None

tables = MetaData()


_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_KEY = String().with_variant(String(collation="C"), "postgresql")
_NUMBER = Integer().with_variant(BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    tables.create_all(op.get_bind(), checkfirst=False)


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=optional)


def _number(name: str, *, optional: bool = False) -> Column[int]:
    return Column(name, _NUMBER, nullable=optional)


def _sequence() -> Column[int]:
    return Column("sequence", _NUMBER, primary_key=True, autoincrement=True)


def _key(name: str) -> Column[str]:
    return Column(name, _KEY, primary_key=True)


def _where(index: str, *columns: Column[Any], only: ColumnElement[bool]) -> Index:
    return Index(index, *columns, sqlite_where=only, postgresql_where=only)


Table(
    "ledger",
    tables,
    _key("organization"),
    _number("schema_version"),
    _text("created_at"),
)

Table(
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

Table(
    "inbox",
    tables,
    _sequence(),
    _text("stream"),
    _number("position"),
    _text("envelope_id"),
    _text("source"),
    _text("payload_type"),
    _text("causation_id"),
    Column("bytes", LargeBinary, nullable=False),
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

Table("limits", tables, _key("digest"), _text("body"))

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

Table("timers", tables, _key("node"), _key("id"), _text("due_at"), _text("body"))

Table("jobs", tables, _key("node"), _key("id"), _text("started_at"), _text("body"))

Table(
    "checkpoints",
    tables,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    _text("created_at"),
    _number("facts"),
    _text("body"),
)


Table(
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

Table(
    "traces",
    tables,
    _key("fact_id"),
    _text("task_id"),
    _text("directive_id"),
    _text("node"),
    _number("attempt"),
    _text("genome_id"),
    _text("trial_id", optional=True),
    _text("arm"),
    _text("role"),
    _text("task_class", optional=True),
    _text("outcome"),
    _text("failure_class", optional=True),
    _number("input_tokens"),
    _number("output_tokens"),
    _text("money", optional=True),
    _text("currency", optional=True),
    Column("worker_seconds", Float, nullable=False),
    Column("latency_seconds", Float, nullable=False),
    _number("lines_changed"),
    _text("traced_at"),
)

trace_credit = Table(  # the closure that makes subtree queries a join
    "trace_credit",
    tables,
    _key("fact_id"),
    _key("node"),
    _number("depth"),  # 0: the node itself, 1: its parent
)
Index("trace_credit_node", trace_credit.c.node, trace_credit.c.depth, trace_credit.c.fact_id)

Table(
    "genomes",
    tables,
    _key("genome_id"),
    _key("stream"),
    _text("adopted_at"),
    _text("replaces", optional=True),
)

Table(
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

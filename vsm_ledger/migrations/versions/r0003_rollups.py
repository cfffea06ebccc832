"""Sums of traces, and what later history did to them; traces and executions say more.

The read models that change their shape are made anew, empty: they are filled from the facts when all migrations have
run.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer, String, Text

revision = "0003"
down_revision = "0002"

_KEY = String().with_variant(String(collation="C"), "postgresql")
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_NUMBER = Integer().with_variant(BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables in the place of the old ones."""
    op.drop_table("executions")
    op.drop_table("traces")
    _make_executions()
    _make_traces()
    _make_rollups()
    _make_adjustments()


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=optional)


def _number(name: str, *, optional: bool = False) -> Column[int]:
    return Column(name, _NUMBER, nullable=optional)


def _key(name: str) -> Column[str]:
    return Column(name, _KEY, primary_key=True)


def _measures() -> tuple[Column[int], ...]:
    return (
        _number("merged"),
        _number("reverted"),
        _number("regressed"),
        _number("overridden"),
        _number("input_tokens"),
        _number("output_tokens"),
        _number("money_micros"),
        _number("worker_micros"),
        _number("latency_micros"),
        _number("lines_changed"),
        _number("coordination_units"),
        _number("adjustment_micros"),
    )


def _make_executions() -> None:
    op.create_table(
        "executions",
        _key("task_id"),
        _key("execution_id"),
        _text("stream"),
        _text("directive_id"),
        _text("node"),
        _text("genome_id"),
        _number("attempt", optional=True),
        _text("outcome"),
        _text("failure_class", optional=True),
        _number("late"),
        _number("input_tokens"),
        _number("output_tokens"),
        _number("tool_calls"),
        _text("money", optional=True),
        _text("currency", optional=True),
        Column("worker_seconds", Float, nullable=False),
        _text("model_served", optional=True),
        _text("ended_at"),
    )
    op.create_index("executions_directive", "executions", ["directive_id"])


def _make_traces() -> None:
    op.create_table(
        "traces",
        _key("fact_id"),
        _text("stream"),
        _text("task_id"),
        _text("directive_id"),
        _text("node"),
        _text("ancestors"),
        _number("line"),
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
        _text("money", optional=True),
        _text("currency", optional=True),
        _text("traced_at"),
    )
    op.create_index("traces_task", "traces", ["task_id"])
    op.create_index("traces_time", "traces", ["traced_at"])


def _make_rollups() -> None:
    op.create_table(
        "node_rollups",
        _key("span"),
        _key("period"),
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


def _make_adjustments() -> None:
    op.create_table(
        "adjustments",
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
    op.create_index("adjustments_trace", "adjustments", ["trace_id"])

"""Snapshots, attempts at envelopes that are not trusted, and a stamp in place of a version counted by hand."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text

revision = "0002"
down_revision = "0001"

_KEY = String().with_variant(String(collation="C"), "postgresql")
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_NUMBER = Integer().with_variant(BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables, and drop the column."""
    op.create_table(
        "snapshots",
        Column("stream", _KEY, primary_key=True),
        Column("state_schema", _KEY, primary_key=True),
        Column("version", _NUMBER, nullable=False),
        Column("fact_hash", _TEXT, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )
    op.create_table(
        "attempts",
        Column("stream", _KEY, primary_key=True),
        Column("envelope_id", _KEY, primary_key=True),
        Column("count", _NUMBER, nullable=False),
    )
    op.drop_column("ledger", "schema_version")

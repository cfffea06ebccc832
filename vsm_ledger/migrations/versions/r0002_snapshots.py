"""Snapshots of folded states, and a stamp in place of the version that a ledger counted itself."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text

revision = "0002"
down_revision = "0001"

_KEY = String().with_variant(String(collation="C"), "postgresql")
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_NUMBER = Integer().with_variant(BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table, and drop the column."""
    op.create_table(
        "snapshots",
        Column("stream", _KEY, primary_key=True),
        Column("state_schema", _KEY, primary_key=True),
        Column("version", _NUMBER, nullable=False),
        Column("fact_hash", _TEXT, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )
    op.drop_column("ledger", "schema_version")

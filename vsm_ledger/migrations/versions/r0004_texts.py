"""Texts apart from the facts that they belong to; facts of before keep theirs, because their hashes cover them."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0004"
down_revision = "0003"

_KEY = String().with_variant(String(collation="C"), "postgresql")
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_NUMBER = Integer().with_variant(BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "texts",
        Column("stream", _KEY, primary_key=True),
        Column("version", _NUMBER, primary_key=True, autoincrement=False),
        Column("body", _TEXT, nullable=False),
    )

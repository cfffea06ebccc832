"""A ledger with two streams and two checkpoints, for those who tamper with it."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
from vsm_ledger import Checkpoint, Verification, load_signer, open_journal, verify
from vsm_ledger.chain import GENESIS, fact_hash
from vsm_ledger.checkpoints import load_public_keys

FACTS = 6  # on each of two streams; a checkpoint after the third and after the fifth


@dataclass(frozen=True)
class Kept:
    """A ledger as it was written, and what lies outside it."""

    path: Path
    copies: tuple[Checkpoint, ...]
    keys: dict[str, bytes]

    async def verified(self) -> Verification:
        return await verify(self.path, copies={"checkpoints.ndjson": self.copies}, keys=self.keys)

    def sql(self, *statements: str, **values: object) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        for statement in statements:
            connection.execute(statement, values)
        connection.close()


@pytest.fixture
async def kept(tmp_path: Path) -> Kept:
    journal = await open_journal(tmp_path / "ledger.sqlite", organization="demo")
    signer = load_signer(tmp_path / "state", tmp_path / "keys")
    copies = []
    for node in ("alpha", "beta"):
        await journal.claim(node, owner(), TTL_SECONDS)
    for version in range(FACTS):
        for node in ("alpha", "beta"):
            await journal.commit(commit(node, 1, version, facts=[recorded(f"{node}{version}")]))
        if version in {2, 4}:
            copies.append(await journal.checkpoint(signer))
    await journal.close()
    return Kept(tmp_path / "ledger.sqlite", tuple(copies), load_public_keys(tmp_path / "state"))


def rehash(path: Path, stream: str, start: int) -> None:
    """Make a stream's chain whole again from a version on, as whoever knows the format could."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    rows = [
        dict(row)
        for row in connection.execute("SELECT * FROM facts WHERE stream = ? ORDER BY version", [stream])
    ]
    previous = GENESIS if start == 1 else rows[start - 2]["hash"]
    for row in rows[start - 1 :]:
        row["previous_hash"] = previous
        row["hash"] = previous = fact_hash(row)
        connection.execute(
            "UPDATE facts SET previous_hash = :previous_hash, hash = :hash WHERE sequence = :sequence", row
        )
    connection.execute(
        "UPDATE streams SET head_hash = ?, version = ? WHERE stream = ?", [previous, len(rows), stream]
    )
    connection.close()

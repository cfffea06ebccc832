"""A ledger with two streams and two checkpoints, on each kind of database, for those who tamper with it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
from tests.databases import Site, postgres, site
from vsm_ledger import Checkpoint, Verification, load_signer, open_journal, verify
from vsm_ledger.chain import GENESIS, fact_hash
from vsm_ledger.checkpoints import load_public_keys

__all__ = ["postgres", "site"]
FACTS = 6  # on each of two streams; a checkpoint after the third and after the fifth


@dataclass(frozen=True)
class Kept:
    """A ledger as it was written, and what lies outside it."""

    site: Site
    copies: tuple[Checkpoint, ...]
    keys: dict[str, bytes]

    async def verified(self) -> Verification:
        return await verify(self.site.location, copies={"checkpoints.ndjson": self.copies}, keys=self.keys)

    def sql(self, *statements: str) -> None:
        self.site.sql(*statements)


@pytest.fixture
async def kept(site: Site, tmp_path: Path) -> Kept:
    journal = await open_journal(site.location, organization="demo")
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
    return Kept(site, tuple(copies), load_public_keys(tmp_path / "state"))


def rehash(site: Site, stream: str, start: int) -> None:
    """Make a stream's chain whole again from a version on, as whoever knows the format could."""
    rows = site.rows(f"SELECT * FROM facts WHERE stream = '{stream}' ORDER BY version")
    previous = GENESIS if start == 1 else rows[start - 2]["hash"]
    changes = []
    for row in rows[start - 1 :]:
        row["previous_hash"] = previous
        row["hash"] = previous = fact_hash(row)
        changes.append(
            f"UPDATE facts SET previous_hash = '{row['previous_hash']}', hash = '{row['hash']}' "
            f"WHERE sequence = {row['sequence']}"
        )
    head = f"UPDATE streams SET head_hash = '{previous}', version = {len(rows)} WHERE stream = '{stream}'"
    site.sql(*changes, head)
